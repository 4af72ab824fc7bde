"""Scores on tuning learners are kept by content, for their owner alone, and nothing hangs on them."""

import json
import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from omegaconf import OmegaConf

from coursewright.agents import kept, tuning
from coursewright.agents.bandits.ucb import Ucb
from coursewright.agents.kept import KeptScores, Score, content
from coursewright.agents.planners.oracle_threshold import OracleThreshold
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rewards import mean_gain, post_test
from coursewright.envs.shipped import bkt, kss
from coursewright.simulators.knowledge.tables import read_bkt

POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner that Python knows of")


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Notebook(SilentTracker):
    def __init__(self):
        super().__init__()
        self.rows = []

    def log(self, data, step):
        self.rows.append((step, dict(data)))


@pytest.mark.parametrize("agent", [TunedMastery(learners=30), Ucb(learners=30)])
def test_the_second_time_is_the_first_without_its_rollouts(agent, home, monkeypatch):
    first, second = Notebook(), Notebook()
    one = agent(kss(5), 0, first)
    monkeypatch.setattr(tuning, "rollout", None)  # a rollout would fail now
    two = agent(kss(5), 0, second)
    assert one.tuned == two.tuned
    assert first.rows == second.rows
    assert content(one.rule) == content(two.rule)
    (file,) = home.rglob("*.json")
    assert file.parent == home / "coursewright" / "tuned"
    assert all(len(score) == 4 for score in json.loads(file.read_text()).values())


def test_an_oracle_that_has_watched_is_found_again(home, monkeypatch):
    first = OracleThreshold(learners=20)(kss(5))
    monkeypatch.setattr(tuning, "rollout", None)
    assert OracleThreshold(learners=20)(kss(5)).policy.tuned == first.policy.tuned


@POSIX
def test_the_folder_is_its_owners_alone(home):
    TunedMastery(learners=5)(kss(5))
    assert (home / "coursewright" / "tuned").stat().st_mode & 0o777 == 0o700
    home.chmod(0o777)
    assert kept.cache_folder() is None  # others could put something in its place
    assert TunedMastery(learners=5)(kss(5)).tuned.trials


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": ["x", 0, 0]}', '{"a/30": [NaN]}', "\x00"])
def test_a_broken_file_is_no_file(text, home):
    rule, scores = NInARow()(kss(5)), KeptScores(kss(5))
    scores.put(rule, 30, Score(0.5, 0.1, 150))
    scores.write()
    (file,) = home.rglob("*.json")
    assert KeptScores(kss(5)).get(rule, 30) == Score(0.5, 0.1, 150)
    file.write_text(text)
    assert KeptScores(kss(5)).get(rule, 30) is None


def test_every_part_of_task_and_rule_is_part_of_the_key():
    task = bkt(steps=5)
    learners = read_bkt("bkt_v0", rho=0.2)
    other = replace(task.tutor, learn=task.tutor.learn + 1e-9)
    tasks = [
        task,
        bkt(steps=6),
        bkt(steps=5, population_seed=1),
        bkt(steps=5, luck_seed=1),
        replace(task, simulator=learners),
        replace(task, tutor=other),
        replace(task, reward=partial(post_test, answers=3)),
        replace(task, reward=partial(post_test, answers=4)),
        replace(task, unlock_after=1),
        replace(task, features=(*task.features[:-1],)),
    ]
    assert len({content(each) for each in tasks}) == len(tasks)
    assert content(bkt(steps=5)) == content(task)  # whichever object it is
    assert len({content(NInARow(n).rule(task)) for n in range(1, 5)}) == 4


def test_what_was_computed_on_the_way_is_no_content():
    task = kss(5)
    before = content(task)
    TunedMastery(learners=5)(task)
    assert content(task) == before


def gain(before, after, episodes):
    return mean_gain(before, after, episodes)


def test_code_that_could_change_unseen_is_not_kept(home):
    assert content(np.random.default_rng(0).normal) != content(np.random.default_rng(1).normal)
    for reward in (gain, lambda *given: mean_gain(*given)):
        task = replace(bkt(steps=5), reward=reward)
        assert content(task) is None
    task = replace(bkt(steps=5), reward=gain)
    assert TunedMastery(learners=5)(task).tuned.trials
    assert not list(home.rglob("*.json"))


def test_other_source_is_another_key(home, monkeypatch):
    rule, scores = NInARow()(kss(5)), KeptScores(kss(5))
    scores.put(rule, 30, Score(0.5, 0.1, 150))
    scores.write()
    monkeypatch.setattr(kept, "made_with", lambda: "an edited helper")
    assert KeptScores(kss(5)).get(rule, 30) is None


def test_hydras_lists_are_what_is_in_them():
    given = OmegaConf.create({"rows": [[0.1, 0.9], [0.0, 1.0]]})
    again = OmegaConf.create({"rows": [[0.1, 0.9], [0.0, 1.0]]})
    other = OmegaConf.create({"rows": [[0.1, 0.9], [0.1, 1.0]]})
    assert content(given) is not None
    assert content(given) == content(again) != content(other)
    assert content(given.rows) != content(other.rows)
