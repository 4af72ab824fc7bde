"""Every configured agent that needs no training keeps the contract, and the contract catches who does not."""

import sys
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import OmegaConf

import agent_contract
from coursewright.agents.rule import RulePolicy
from coursewright.agents.tracker import SilentTracker
from coursewright.scripts.app import run
from coursewright.scripts.explain import explanation

NAMES = agent_contract.names()
DEAR = {
    "belief_rollout",
    "belief_search",
    "oracle_beam",
    "oracle_best",
}  # they play many learners at each decision


@pytest.mark.parametrize("check", agent_contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in DEAR else ()) for name in NAMES]
)
def test_every_agent_keeps_the_contract(name, check):
    made = agent_contract.policies(name)
    assert made, "no task of the contract is one that it accepts"
    for task, policy in made:
        check(task, policy)


def test_all_but_random_respect_masks():
    ignorant = {name for name in NAMES if not agent_contract.policies(name)[0][1].respects_mask}
    assert ignorant == {"random"}


SECOND = {"lin_thompson": {"bonus": "thompson", "width": 0.25}}  # the other name of one class


@pytest.mark.parametrize("name", NAMES)
def test_an_option_stands_in_the_class_and_in_the_yaml(name):
    config = agent_contract.configured(name)
    made = instantiate(config)
    assert is_dataclass(made)
    assert made.__dataclass_params__.frozen
    assert {"_target_", *(field.name for field in fields(made))} == set(config)
    assert made == replace(type(made)(), **SECOND.get(name, {})), (
        "the YAML's values are the defaults of the class"
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_option_that_there_is_not_is_refused_in_one_line(name):
    with pytest.raises(HydraException) as error:
        instantiate(OmegaConf.merge(agent_contract.configured(name), {"nonsense": 1}))
    line = explanation(error.value)
    assert "nonsense" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if i % 12 == 0 else pytest.mark.slow) for i, name in enumerate(NAMES)],
)
def test_an_option_that_its_yaml_lacks_is_refused_by_name(name):
    with pytest.raises(HydraException) as error:
        agent_contract.configured(name, "agent.nonsense=1")
    assert "nonsense" in explanation(error.value)


OUTSIDE = """
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.rule import RulePolicy


class Asked(NamedTuple):
    times: np.ndarray  # [batch, items]


class LeastAskedRule:
    needs = ("last_correct",)

    def __init__(self, n_items):
        self.n_items = n_items

    def begin(self, luck):
        return Asked(np.zeros((len(luck.fate), self.n_items), int))

    def choose(self, seen, memory):
        rows = np.flatnonzero(seen.last.asked)
        memory.times[rows, seen.last.item[rows]] += 1
        fewest = np.where(seen.allowed, memory.times, 10**6)
        return seen.draw(fewest == fewest.min(axis=1, keepdims=True)), memory


@dataclass(frozen=True)
class LeastAsked:
    patience: int = 3

    def __call__(self, task, seed, tracker):
        return RulePolicy("least_asked", task, LeastAskedRule(task.course.n_items))


def plain(task, seed, tracker, patience=3):
    return LeastAsked(patience)(task, seed, tracker)
"""
YAMLS = {
    "as_a_class": "_target_: outside_rules.LeastAsked\npatience: 3\n",
    "as_a_function": "_target_: outside_rules.plain\n_partial_: true\npatience: 3\n",
}


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder with a module and two YAML files, which nothing in the package knows of."""
    (tmp_path / "outside_rules.py").write_text(OUTSIDE)
    (tmp_path / "agent").mkdir()
    for name, text in YAMLS.items():
        (tmp_path / "agent" / f"{name}.yaml").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("outside_rules", None)


@pytest.mark.parametrize("name", YAMLS)
def test_a_rule_from_outside_keeps_the_contract(outside, name):
    for task in agent_contract.tasks():
        policy = agent_contract.agent(name, outside)(task, 0, SilentTracker())
        for check in agent_contract.CHECKS:
            check(task, policy)


@pytest.mark.parametrize("name", YAMLS)
def test_a_rule_from_outside_is_trained_by_its_name(outside, name, monkeypatch):
    monkeypatch.chdir(outside)
    given = [f"--config-dir={outside}", f"agent={name}", "task.steps=4", "learners=5", "hydra.run.dir=out"]
    assert run("train", given) == 0
    assert (outside / "out" / "summary.json").is_file()


# Their draws are not the choice of one among equals
UNTOLD = {
    "belief_rollout",
    "belief_search",
    "beta_thompson",
    "epsilon_greedy",
    "exp3",
    "leitner",
    "oracle_rollout",
    "riarit",
    "thompson",
    "zpdes",
}


def test_all_but_some_tell_the_chances_of_their_choices():
    untold = set()
    for name in NAMES:
        task, policy = agent_contract.policies(name)[0]
        lesson = agent_contract.Lesson(task, policy)
        lesson.look()  # an oracle is given the episodes
        if policy.chances(lesson.episodes.observation, lesson.state, lesson.episodes.mask) is None:
            untold.add(name)
    assert untold == UNTOLD


class Planted:
    """A rule with a fault; `fault` takes its view and writes the choice."""

    needs = ()

    def __init__(self, fault):
        self.fault = fault
        self.calls = 0

    def begin(self, luck):
        return ()

    def choose(self, seen, memory):
        item = np.zeros(len(seen), np.int64)
        self.fault(self, seen, item)
        return item, memory


def reads_its_neighbour(rule, seen, item):
    item[:] = np.roll(seen.fate, 1) % np.uint64(seen.course.n_items)


def depends_on_the_size(rule, seen, item):
    item[:] = len(seen) % seen.course.n_items


def counts_in_itself(rule, seen, item):
    rule.calls += 1
    item[:] = rule.calls % seen.course.n_items


def ignores_the_mask(rule, seen, item):
    item[:] = seen.turn % seen.course.n_items


def changes_what_it_sees(rule, seen, item):
    seen.observation[:, 0] += 1.0


def stops(rule, seen, item):
    item[:] = seen.task.n_actions - 1


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (reads_its_neighbour, agent_contract.check_any_batch),
        (depends_on_the_size, agent_contract.check_any_batch),
        (counts_in_itself, agent_contract.check_second_look),
        (counts_in_itself, agent_contract.check_new_episode),
        (ignores_the_mask, agent_contract.check_actions),
        (changes_what_it_sees, agent_contract.check_second_look),
        (stops, agent_contract.check_actions),
    ],
)
def test_a_planted_fault_is_caught(fault, check):
    for task in agent_contract.tasks():
        # The rollout itself refuses where masks are respected; here the checks must find it.
        policy = RulePolicy("planted", task, Planted(fault), respects_mask=fault is ignores_the_mask)
        try:
            check(task, policy)
        except AssertionError:
            return
    pytest.fail("no task of the contract shows the fault")
