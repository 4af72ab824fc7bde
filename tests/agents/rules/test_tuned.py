from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents import tuning
from coursewright.agents.rules import tuned
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from coursewright.simulators.luck import Split
from small_tasks import small_task


class Remembering:
    def __init__(self):
        self.rows = []

    def log(self, data, step):
        self.rows.append((dict(data), step))


@pytest.fixture(scope="module")
def outcome():
    tracker = Remembering()
    return tuned.TunedMastery(learners=60)(bkt(steps=20), 0, tracker), tracker


def test_budget_of_settings(outcome, monkeypatch):
    policy, _ = outcome
    settings = {trial.setting for trial in policy.tuned.trials}
    assert sum(name.startswith("n=") for name in settings) == 54
    assert sum(name.startswith("threshold=") for name in settings) == 60


def test_halving_screens_on_the_first_learners(monkeypatch):
    for module in (tuned, tuning):
        monkeypatch.setattr(module, "SCREENED_ON", 20)
    policy = tuned.TunedMastery(learners=50)(bkt(steps=10), 0, SilentTracker())
    screened = [trial for trial in policy.tuned.trials if trial.learners == 20]
    decided = [trial for trial in policy.tuned.trials if trial.learners == 50]
    assert (len(screened), len(decided)) == (54 + 60, 2 * tuning.KEPT)
    assert policy.tuned.score == max(trial.score for trial in decided)
    for family in ("n=", "threshold="):
        first = sorted((t.score for t in screened if t.setting.startswith(family)), reverse=True)
        kept = {t.setting for t in decided if t.setting.startswith(family)}
        assert min(t.score for t in screened if t.setting in kept) == first[tuning.KEPT - 1]


def rule_of(setting, task):
    """The rule that a setting names."""
    option, order, fallback = setting.split(", ")
    name, _, value = option.partition("=")
    agent = NInARow(int(value), order, fallback) if name == "n" else None
    return (agent or MasteryThreshold(float(value), order, fallback))(task, 0, SilentTracker())


def test_the_score_is_that_of_the_rule_on_tuning_learners(outcome):
    policy, _ = outcome
    task = bkt(steps=20)
    rule = rule_of(policy.tuned.setting, task)
    run = rollout(task, rule, 60, Split.TUNE)
    assert policy.tuned.score == pytest.approx(run.returned.mean())
    assert policy.tuned.score == max(trial.score for trial in policy.tuned.trials)
    assert (rollout(task, policy, 20).item == rollout(task, rule, 20).item).all()


def test_every_trial_is_logged_with_the_steps_so_far(outcome):
    policy, tracker = outcome
    assert len(tracker.rows) == len(policy.tuned.trials)
    steps = [step for _, step in tracker.rows]
    assert steps == (20 * np.cumsum([trial.learners for trial in policy.tuned.trials])).tolist()
    told = [(row["tuning/trial"], row["tuning/return"], row["tuning/learners"]) for row, _ in tracker.rows]
    assert told == [(n, trial.score, trial.learners) for n, trial in enumerate(policy.tuned.trials, 1)]
    assert not any("train/return" in row for row, _ in tracker.rows)  # that is a curve over steps


def test_a_planted_best_setting_is_found(monkeypatch):
    # With one good n among bad ones (and no thresholds to compete) the tuned rule must name it.
    task = kss(20)
    monkeypatch.setattr(tuned, "STREAKS", (1, 3, 6))
    monkeypatch.setattr(tuned, "THRESHOLDS", (0.01, 0.02))
    policy = tuned.TunedMastery(learners=150)(task, 0, SilentTracker())
    assert policy.tuned.setting.startswith("n=3")


def test_items_of_several_skills_have_one_order(monkeypatch):
    task = replace(small_task(), steps=5)
    policy = tuned.TunedMastery(learners=5)(task, 0, SilentTracker())
    names = {trial.setting for trial in policy.tuned.trials if trial.setting.startswith("threshold=")}
    assert len(names) == 24


def test_wrong_number_of_learners():
    with pytest.raises(InputError, match=r"agent\.learners"):
        tuned.TunedMastery(learners=0)(kss(5), 0, SilentTracker())


@pytest.mark.slow
def test_on_kss_it_matches_the_published_figure():
    task = kss(30)
    policy = tuned.TunedMastery()(task, 0, SilentTracker())
    returned = rollout(task, policy, 20_000).returned
    plain = rollout(task, NInARow()(task, 0, SilentTracker()), 20_000).returned
    assert returned.mean() >= plain.mean() - 3 * (returned - plain).std() / np.sqrt(20_000)
    assert 0.845 < returned.mean() < 0.87
