"""Rules as graphs: the same items as the rules, on whole episodes of learners of several kinds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.bandits.ucb import Ucb
from coursewright.agents.export.choosers import chooser
from coursewright.agents.export.drawing import PIECES, key_of, uniform
from coursewright.agents.export.sight import Sight
from coursewright.agents.schedulers.anki import AnkiSm2
from coursewright.envs.episodes import Episodes
from coursewright.errors import InputError
from coursewright.simulators import luck
from coursewright.simulators.luck import POLICY, Split
from exportable import DATED, FADING, RULES, TASKS
from heard import Heard
from small_tasks import small_task

LEARNERS = 60


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


@pytest.mark.parametrize("rule", DATED)
@pytest.mark.parametrize("where", FADING)
def test_a_graph_of_dates_chooses_as_its_rule(rule, where):
    same_choices(DATED[rule](FADING[where]()))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("where", TASKS)
def test_a_graph_chooses_as_its_rule(rule, where):
    same_choices(RULES[rule](TASKS[where]()))


def same_choices(policy):
    """The graph and the rule choose the same on whole episodes."""
    task = policy.task
    graph = chooser(policy.rule, task)
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
    task = replace(small_task(), days=1.0)
    with pytest.raises(InputError, match="BanditRule: this rule cannot be written as a tutor file"):
        chooser(Ucb(1.0)(task).rule, task)
    with pytest.raises(InputError, match="AnkiPlan: this schedule cannot be written as a tutor file"):
        chooser(AnkiSm2()(task).rule, task)
