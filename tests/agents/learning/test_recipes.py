"""The default recipes hold on every population: 78 trainings of 20 to 40 CPU seconds, and a slow one."""

import pytest

from coursewright.evaluation.statistics import Estimate
from coursewright.simulators.folders import SHIPPED as POPULATIONS
from places import DATA
from recipes import AGENTS, LOGS, SHIPPED, WORST, Row, fitted_to, row, task_of


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("population", SHIPPED)
def test_the_default_recipe_holds_on_a_shipped_population(population, agent):
    task = task_of([f"simulator={population}", *SHIPPED[population]])
    assert task.course.n_items <= 50
    found = row(population, task, agent)
    assert found.low > WORST, str(found)


@pytest.mark.slow
@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("log", LOGS)
def test_the_default_recipe_holds_on_learners_fitted_to_a_log(log, agent, tmp_path):
    choices = fitted_to(log, DATA, tmp_path / log)
    if choices is None:
        pytest.skip(f"the log {log} does not lie in {DATA}")
    found = row(log, task_of(choices), agent)
    assert found.low > WORST, str(found)


def test_every_shipped_population_has_its_row():
    assert {path.name for path in POPULATIONS.iterdir()} <= {
        name.replace("kes", "kes_synthetic") for name in SHIPPED
    }


def test_a_lower_end_is_a_share_of_the_lead():
    found = Row("some", "ppo", 0.1, 0.3, 0.31, Estimate(0.01, -0.01, 0.03, "this policy", 2000), 20.0)
    assert found.low == pytest.approx(-0.05)
    assert "| -5.0% |" in str(found)
