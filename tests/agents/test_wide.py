"""On wide courses nothing is made that has a cell for every pair of skills, or of an item and a skill."""

import numpy as np
import pytest

import agent_contract
from coursewright.envs.rollout import rollout
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from wide_courses import deck, wide_course, wide_task

TABLES = ("q_matrix", "prerequisites", "ancestors")
# Planners for courses of a few skills and for learners of another kind, and a rule of one memory model
ELSEWHERE = {"oracle_best", "oracle_exact", "oracle_macro_beam", "informed_threshold"}


@pytest.fixture
def sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(course: Course) -> None:
        raise AssertionError("a table of pairs was asked for")

    for name in TABLES:
        monkeypatch.setattr(Course, name, property(refuse))


@pytest.mark.usefixtures("sparse")
@pytest.mark.parametrize("name", [name for name in agent_contract.names() if name not in ELSEWHERE])
def test_no_agent_asks_for_a_table_of_pairs(name: str) -> None:
    taught = 0
    for task in (wide_task(wide_course(12), 5), deck(12, 5)):
        try:
            policy = agent_contract.agent(name)(task)
        except InputError:  # a rule of skills on a deck, or of recall on skills
            continue
        assert np.isfinite(rollout(task, policy, 3).returned).all()
        taught += 1
    assert taught, "no task here is one that it accepts"


@pytest.mark.usefixtures("sparse")
def test_a_table_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="a table of pairs"):
        _ = wide_course(3).q_matrix


def test_a_mastery_rule_looks_for_no_way_to_the_goal_where_everything_is_the_goal(monkeypatch):
    """On 700 skills the search took most of the tuned rule's time."""
    from coursewright.agents import rule
    from coursewright.agents.rules.mastery import NInARow

    task = wide_task(wide_course(300), steps=5)
    expected = rollout(task, NInARow(2)(task), 20).returned

    def never(goal, course):
        raise AssertionError("not needed here")

    monkeypatch.setattr(rule, "toward", never)
    assert (rollout(task, NInARow(2)(task), 20).returned == expected).all()


def test_tuning_says_how_far_it_is(monkeypatch, caplog):
    import logging

    from coursewright import progress
    from coursewright.agents import kept
    from coursewright.agents.rules.tuned import TunedMastery

    monkeypatch.setattr(kept, "cache_folder", lambda: None)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    task = wide_task(wide_course(30), steps=3)
    with caplog.at_level(logging.INFO, logger="coursewright.progress"):
        TunedMastery(learners=10)(task)
    assert any(line.startswith("tuning a rule: 60 settings") for line in caplog.messages)
