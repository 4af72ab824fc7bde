"""Rules with their settings chosen on tuning learners, who are met neither in training nor in evaluation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from coursewright.agents.choosing import Turns
from coursewright.agents.rules.in_order import Fallback, ItemRule, Order, Rule
from coursewright.agents.rules.mastery import streak_rule, threshold_rule
from coursewright.agents.tracker import Tracker
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.luck import Luck, Split

STREAKS = (1, 2, 3, 4, 5, 6)
THRESHOLDS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99)
ORDERS: tuple[Order, ...] = ("topological", "lowest_prior", "highest_learn")
FALLBACKS: tuple[Fallback, ...] = ("uniform", "lowest_belief", "round_robin")
MOST_SETTINGS = 60  # a family of rules
LEARNERS = 2000
SCREENED_ON = 500  # the first of these learners, met by every setting
KEPT = 12  # settings a family that then meet all of them


class Trial(NamedTuple):
    """One setting that was tried: its mean return on so many tuning learners, with its standard error."""

    setting: str
    score: float
    se: float
    learners: int


class Tuning:
    """Scores candidates on tuning learners, remembers every trial, and tells the tracker."""

    def __init__(self, task: Task, tracker: Tracker) -> None:
        self.task = task
        self.tracker = tracker
        self.trials: list[Trial] = []
        self._steps = 0

    def score(self, setting: str, policy: Policy, learners: int) -> float:
        """Mean return of the policy on the first `learners` of the tuning split."""
        run = rollout(self.task, policy, learners, Split.TUNE)
        score, se = float(run.returned.mean()), float(run.returned.std() / np.sqrt(learners))
        self.trials.append(Trial(setting, score, se, learners))
        self._steps += int(run.steps.sum())
        self.tracker.log({"train/return": score, "train/learners": learners}, self._steps)
        return score

    def best(self, candidates: Sequence[tuple[str, Any]], learners: int, keep: int = 1) -> list[int]:
        """Places of the `keep` best candidates, the best first; of equals, the one listed first."""
        scores = [self.score(setting, policy, learners) for setting, policy in candidates]
        order = np.argsort(-np.array(scores), kind="stable")
        return [int(place) for place in order[:keep]]

    def trial(self, setting: str, learners: int) -> Trial:
        """The last trial of a setting on this many learners."""
        return next(t for t in reversed(self.trials) if t.setting == setting and t.learners == learners)


def tuned_chance(
    name: str,
    given: float | None,
    grid: Sequence[float],
    make: Callable[[float], Policy],
    task: Task,
    tracker: Tracker,
    learners: int,
) -> tuple[float, tuple[Trial, ...]]:
    """The option `name` of a rule, a chance: as `given`, or the best of `grid` on tuning learners.

    Returns it with the trials that were made.  Raises `InputError` for what is no chance.
    """
    if given is not None:
        if not 0.0 <= given <= 1.0:
            raise reject(f"agent.{name}", given, "a probability in [0, 1], or null to tune it")
        return float(given), ()
    if learners < 1:
        raise reject("agent.learners", learners, "a whole number >= 1")
    tuning = Tuning(task, tracker)
    best = tuning.best([(f"{name}={chance:g}", make(chance)) for chance in grid], learners)[0]
    return grid[best], tuple(tuning.trials)


@dataclass(frozen=True, eq=False)
class TunedRule:
    """The rule that came out best; it chooses as that rule does.

    Attributes
    ----------
    rule : the rule.
    setting : its settings, for people.
    score, se : its mean return on the tuning learners; in sample, hence slightly flattering.
    trials : every setting that was tried.
    """

    rule: Rule
    setting: str
    score: float
    se: float
    trials: tuple[Trial, ...]
    respects_mask: bool = True

    def begin(self, luck: Luck) -> Turns:
        """No turn taken."""
        return self.rule.begin(luck)

    def predict(
        self,
        observation: Observation,
        state: Turns | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Turns]:
        """Items `[batch]`."""
        return self.rule.predict(observation, state, episode_start, deterministic, action_masks)


Candidate = tuple[str, Rule]


def _streaks(task: Task) -> list[Candidate]:
    """Every n, order and fallback: 54 settings."""
    return [
        (f"n={n}, {order}, {fallback}", streak_rule(task, n, order, fallback))
        for n in STREAKS
        for order in ORDERS
        for fallback in FALLBACKS
    ]


def _thresholds(task: Task, fallbacks: Sequence[Fallback]) -> list[Candidate]:
    """Every threshold and order, which differ only where a rule goes by skill, with these fallbacks."""
    by_item = isinstance(threshold_rule(task, THRESHOLDS[0], "topological", "uniform"), ItemRule)
    return [
        (f"threshold={level:g}, {order}, {fallback}", threshold_rule(task, level, order, fallback))
        for level in THRESHOLDS
        for order in (ORDERS[:1] if by_item else ORDERS)
        for fallback in fallbacks
    ]


def _within_budget(task: Task, tuning: Tuning, learners: int) -> list[Candidate]:
    """At most 60 thresholds, orders and fallbacks of the 72.

    All 24 thresholds and orders meet the first learners with the uniform fallback; the best 18 of
    them are then given the two other fallbacks as well.
    """
    first = _thresholds(task, FALLBACKS[:1])
    others = _thresholds(task, FALLBACKS[1:])
    room = (MOST_SETTINGS - len(first)) // (len(FALLBACKS) - 1)
    kept = {first[place][0].rpartition(",")[0] for place in tuning.best(first, learners, room)}
    return first + [(name, rule) for name, rule in others if name.rpartition(",")[0] in kept]


def _winner(tuning: Tuning, candidates: list[Candidate], learners: int) -> Candidate:
    """Successive halving with one cut: the first learners screen, all of them decide."""
    screened_on = min(SCREENED_ON, learners)
    known = {trial.setting for trial in tuning.trials if trial.learners == screened_on}
    fresh = [candidate for candidate in candidates if candidate[0] not in known]
    tuning.best(fresh, screened_on)
    score = [tuning.trial(name, screened_on).score for name, _ in candidates]
    places = np.argsort(-np.array(score), kind="stable")[:KEPT]
    kept = [candidates[int(place)] for place in places]
    return kept[tuning.best(kept, learners)[0]]


def tuned_mastery(task: Task, seed: int, tracker: Tracker, *, learners: int = LEARNERS) -> TunedRule:
    """The better of n-in-a-row and the belief threshold, each tuned over at most 60 settings.

    n 1 to 6, or one of eight thresholds; three orders; three fallbacks.  That makes 54 settings for
    the first family and 72 for the second, of which 60 are tried (see `_within_budget`).  In each
    family the first 500 tuning learners screen the settings, the best 12 meet all `learners`, and
    the best of those competes.  Nothing depends on the seed.

    Raises `InputError` where the task lacks `streak`, `belief` or `goal`, or has no tutor.
    """
    if learners < 1:
        raise reject("agent.learners", learners, "a whole number >= 1")
    tuning = Tuning(task, tracker)
    winners = [_winner(tuning, _streaks(task), learners)]
    winners.append(_winner(tuning, _within_budget(task, tuning, min(SCREENED_ON, learners)), learners))
    scores = [tuning.trial(name, learners) for name, _ in winners]
    place = int(np.argmax([trial.score for trial in scores]))
    setting, rule = winners[place]
    return TunedRule(rule, setting, scores[place].score, scores[place].se, tuple(tuning.trials))
