"""Words that go no further than the figures: ties, policies below random choice, means above a bound."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from coursewright.agents.planners.oracle_exact import OracleExact
from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import RoundRobin, UniformRandom
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.envs.shipped import LAST, kss
from coursewright.envs.task import Task
from coursewright.evaluation.bounds import RESPONSES, TOLD, Bound
from coursewright.evaluation.comparison import words
from coursewright.evaluation.comparison.compare import POINT, compare
from coursewright.evaluation.comparison.found import Comparison
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.comparison.table import show
from coursewright.evaluation.numbers import number
from coursewright.evaluation.statistics import over_normal
from coursewright.simulators.knowledge.kt6kc import KT6kc
from toy_policies import Always


@pytest.fixture(scope="module")
def mastery():
    """A comparison on KT6kc, whose best rule stands there twice, and two oracles that tie."""
    task = Task(simulator=KT6kc(), steps=12, features=("goal", "attempts", "successes", "streak", *LAST))
    given = {
        "random": UniformRandom()(task),
        "round_robin": RoundRobin()(task),
        "tuned_mastery": NInARow(2)(task),
        "twin": NInARow(2)(task),
        "stuck": Always(task.course.n_items - 1),
        "oracle_greedy": OracleGreedy()(task),
        "oracle_exact": OracleExact()(task),
    }
    return compare(task, given, Comparing(learners=120, workers=1), simulator="kt6kc")


def with_returns(found: Comparison, **shift: float) -> Comparison:
    """The comparison with the returns of some policies made those of the reference and so much."""
    table = found.learners.copy()
    own = table.loc[table["policy"] == found.reference, "return"].to_numpy()
    for name, value in shift.items():
        noise = np.where(np.arange(len(own)) % 2, 0.1, -0.1) + value
        table.loc[table["policy"] == name, "return"] = own + noise
    return replace(found, learners=table)


def test_one_policy_in_two_rows_is_no_tie(mastery):
    assert mastery.at()["same_as"]["twin"] == "tuned_mastery"
    assert words.tied(mastery) == ["twin"]
    place = "over 12 steps with kt6kc learners"
    assert words.headline(mastery) == f"tuned_mastery is the best rule {place}"
    (said,) = words.verdict(mastery)
    level = number(mastery.estimate("tuned_mastery").value)
    assert said.endswith(f"; tuned_mastery does best with a mean return of {level}.")
    same = "tuned_mastery = twin; oracle_greedy = oracle_exact"
    assert words.twins(mastery) == [f"The same choices for every learner: {same}."]
    assert any("tuned_mastery and twin made the same choices" in note for note in words.caveats(mastery))


def test_a_rule_that_is_not_clearly_below_the_best_ties_with_it(mastery):
    alone = pd.Series({"twin": ""}).reindex(mastery.policies["policy"]).fillna("").to_numpy()
    apart = replace(mastery, policies=mastery.policies.assign(same_as=alone))
    near = with_returns(apart, twin=-0.001)
    assert words.headline(near).startswith("tuned_mastery and twin tie for the best rule over")
    assert "tied with twin (no clear difference on the same learners)." in words.verdict(near)[0]
    far = with_returns(apart, twin=-0.05)
    assert words.headline(far).startswith("tuned_mastery is the best rule over")
    assert "tied" not in words.verdict(far)[0]


def test_a_plain_policy_that_ties_is_named(mastery):
    """A plain policy with other choices than the tuned rule, and one with the same."""
    for same in (mastery.policies["same_as"], ["round_robin"] * len(mastery.policies)):
        found = replace(mastery, policies=mastery.policies.assign(same_as=same))
        found = with_returns(found, round_robin=0.0)
        assert words.headline(found).startswith("No rule does clearly better than round_robin over 12 steps")
        level = number(found.estimate("round_robin").value)
        ties = "tuned_mastery, twin tie with it."
        said = f"no rule does clearly better than round_robin, with a mean return of {level}; {ties}"
        assert words.verdict(found)[0].endswith(said)


def test_the_exact_oracle_is_the_best_of_equals(mastery):
    table = mastery.at()
    greedy, exact = (mastery.estimate(name).value for name in ("oracle_greedy", "oracle_exact"))
    assert greedy == pytest.approx(exact, abs=1e-12)
    assert table.index[table["best_known"]].tolist() == ["oracle_exact"]


def test_a_policy_that_is_clearly_below_random_choice_is_named(mastery, capsys):
    table = mastery.learners.pivot_table(index="learner", columns="policy", values="return", observed=True)
    gap = over_normal((table["stuck"] - table["random"]).to_numpy())
    assert gap.high < 0, "it practises one skill alone"
    (said,) = words.below(mastery)
    assert said.startswith(f"Clearly below random on the same learners: stuck ({number(gap.value)} [")
    assert "round_robin" not in said
    assert said in words.caveats(mastery)
    show(mastery)
    told = " ".join(capsys.readouterr().out.split())
    assert said in told
    assert "The same choices for every learner: tuned_mastery = twin" in told
    task = kss(5)
    fine = {"random": UniformRandom()(task), "mine": MasteryThreshold()(task)}
    found = compare(task, fine, Comparing(learners=30, reference="random", workers=1))
    assert words.below(found) == []


@pytest.mark.parametrize(("kind", "named"), [(TOLD, True), (RESPONSES, False)])
def test_a_mean_above_a_bound_is_explained(mastery, kind, named):
    """An oracle is above a bound for those that see answers alone by right."""
    mean = mastery.estimate("oracle_exact")
    low = Bound(mean.value - 0.01, kind, "some")
    found = replace(mastery, bounds={POINT: low})
    said = words.limit(found)[0]
    assert ("Above it here: oracle_greedy (" in said) == named
    assert ("about 120 of its learners" in said) == named
    assert "Above it" not in words.limit(replace(mastery, bounds={POINT: low._replace(value=1.0)}))[0]
