"""Rules as graphs: the same items as the rules, on whole episodes of learners of several kinds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.export.choosers import chooser
from coursewright.agents.export.drawing import PIECES, key_of, uniform
from coursewright.agents.export.sight import Sight
from coursewright.agents.export.tutor import rule_of
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.envs.episodes import Episodes
from coursewright.errors import InputError
from coursewright.simulators import luck
from coursewright.simulators.course import Course
from coursewright.simulators.luck import POLICY, Split
from coursewright.simulators.memory.answered import memory_of
from coursewright.simulators.memory.hlr import Hlr
from exported import DATED, FADING, RULES, SEVERAL
from heard import Heard
from small_tasks import small_task

LEARNERS = 60

# One of each family; all of them are compared as files in test_parity.
SOME = ("n_in_a_row, in turn", "expected_gain", "leitner", "zpdes", "exp3", "riarit")
SOME_DATED = ("anki_sm2, fuzzed", "fsrs, the weakest first", "memorize")


def pieces(keys):
    """64-bit keys as a state holds them."""
    parts = [(keys >> np.uint64(16 * place)) & np.uint64(65535) for place in range(PIECES)]
    return torch.tensor(np.stack(parts, 1).astype(np.float32))


def test_draws_are_those_of_the_learners_luck():
    keys = np.random.default_rng(0).integers(0, 2**64, 500, np.uint64)
    turn = np.arange(500)
    wanted = np.empty(500)
    luck.uniforms(keys, turn, POLICY + 3, wanted)
    found = uniform(key_of(pieces(keys)), torch.tensor(turn), 3)
    np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("rule", SOME_DATED)
def test_a_graph_of_dates_chooses_as_its_rule(rule):
    same_choices(DATED[rule](FADING["delays"]()))


@pytest.mark.parametrize("rule", SOME)
def test_a_graph_chooses_as_its_rule(rule):
    same_choices(RULES[rule](SEVERAL["several skills"]()))


def same_choices(policy):
    """The graph and the rule choose the same on whole episodes."""
    task = policy.task
    graph = chooser(rule_of(policy), task)
    episodes, rows = Episodes(task, LEARNERS, records=Heard), np.arange(LEARNERS)
    episodes.begin(rows, rows, np.zeros(LEARNERS, np.int64), Split.EVALUATE)
    state, heard, decisions = policy.begin(episodes.luck), episodes.records, 0
    memory = graph.start.expand(LEARNERS, -1) if hasattr(graph, "start") else None
    while not episodes.over.all():
        wanted, state = policy.predict(episodes.observation, state, None, True, episodes.mask)
        seen = heard.seen
        actions = torch.tensor(episodes.mask)
        allowed = actions[:, : task.course.n_items]
        key = key_of(pieces(episodes.luck.fate))
        goal, chosen = torch.tensor(episodes.goal), seen.choice >= 0
        answered = chosen & (seen.answer != 0.0), chosen & (seen.answer > 0.0)
        sight = Sight(
            seen.observation, seen.values, goal, allowed, actions, seen.choice, *answered, key, seen.step
        )
        with torch.no_grad():
            found, memory = (graph(sight), None) if memory is None else graph(sight, memory)
        running = ~episodes.over
        np.testing.assert_array_equal(found[running].numpy(), wanted[running])
        decisions += running.sum()
        episodes.step(wanted)
    assert decisions > 500


def test_a_rule_without_a_graph_is_one_line():
    class OwnRule:
        pass

    with pytest.raises(InputError, match="OwnRule: this rule cannot be written as a tutor file"):
        chooser(OwnRule(), small_task())
    hlr = memory_of(Hlr(Course.of(6), 0.1, -0.1, 1.0))
    task = FADING["days"]()
    rule = FsrsRetention(0.9)(task).rule
    with pytest.raises(InputError, match="HlrMemory: this schedule cannot be written as a tutor file"):
        chooser(replace(rule, plan=replace(rule.plan, memory=hlr)), task)
