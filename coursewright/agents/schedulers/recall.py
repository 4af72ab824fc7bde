"""Thresholds on recall: practise what is recalled with the chance that is nearest to a target.

deeptutor's rule (Reddy, Levine & Dragan 2017): argmin_i |p_i - r|.  There the tutor reads the true
recall p_i, so that is an oracle here.  The informed form knows the population, not the learner.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from coursewright.agents.choosing import allowed_items, days_passed, lowest, unnamed
from coursewright.agents.planners.watching import watched
from coursewright.agents.rules.tuned import Trial, tuned_chance
from coursewright.agents.tracker import Tracker
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import PLAN, Luck, hash_pair
from coursewright.simulators.protocol import Simulator, clone, put

GRID = tuple(round(0.05 * step, 2) for step in range(20))  # 0 to .95
LEARNERS = 200


@runtime_checkable
class Replayed(Protocol):
    """A learner model that can be told an answer instead of drawing one."""

    def learn(self, state: Any, item: Ints, taught: Bools, correct: Ints) -> None:
        """What practice of `item [batch]` does where it was `taught` and answered `correct`."""
        ...


def item_recall(simulator: Simulator[Any], state: Any, batch: int) -> Floats:
    """P(correct) of every item if asked now, `[items, batch]`."""
    p = np.empty((simulator.course.n_items, batch))
    for a in range(len(p)):
        simulator.p_correct(state, np.full(batch, a), p[a])
    return p


@kernel
def _weigh(item: Ints, right: Bools, p: Floats, draws: int, weight: Floats) -> None:
    """Bayes' rule for the item just answered; an answer that all candidates rule out says nothing."""
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        total = 0.0
        for j in range(i * draws, (i + 1) * draws):
            total += weight[a, j] * (p[a, j] if right[i] else 1.0 - p[a, j])
        if total > 0.0:
            for j in range(i * draws, (i + 1) * draws):
                weight[a, j] *= (p[a, j] if right[i] else 1.0 - p[a, j]) / total


@kernel
def _expect(p: Floats, weight: Floats, draws: int, out: Floats) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = 0.0
            for j in range(i * draws, (i + 1) * draws):
                out[i, a] += weight[a, j] * p[a, j]


class Belief(NamedTuple):
    """What the informed rule believes of each learner.

    `item [batch]` is the last choice (-1: none).  `memory` is the state of as many candidates a learner as
    the rule draws, one learner's after another's; all have seen what the learner saw and answered as the
    learner did.  `weight [items, batch * draws]` sums to 1 over a learner's candidates, and `p`, shaped
    alike, is what they recalled when the last choice was made.
    """

    item: Ints
    memory: Any
    weight: Floats
    p: Floats


@dataclass(frozen=True, eq=False)
class InformedThreshold:
    """argmin over the allowed items of |p - recall|, p the posterior mean of the learner's recall.

    It knows the model and the population's true parameters, and infers the learner from the answers:
    by Bayes' rule, item by item, over `draws` candidates drawn from the population.
    """

    task: Task
    recall: float
    draws: int
    trials: tuple[Trial, ...] = ()
    respects_mask: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.task.simulator, Replayed):
            kind = type(self.task.simulator).__name__
            raise reject("task.simulator of informed_threshold", kind, "a memory model: DeepTutor or Dhp")
        if self.draws < 1:
            raise reject("agent.draws", self.draws, "a whole number >= 1")
        self.task.layout.require("informed_threshold", "last_correct", "days_since")

    def begin(self, luck: Luck) -> Belief:
        """Nothing asked yet: every candidate is as likely as another."""
        batch = len(luck.fate)
        rows = np.arange(batch * self.draws)
        # Candidates are nobody's learners: their keys come from a purpose that keys no learner.
        own = [hash_pair(np.uint64(k), PLAN) for k in range(self.draws)]
        keys = unnamed(len(rows))._replace(learner=np.tile(np.array(own, np.uint64), batch))
        memory = self.task.simulator.empty(len(rows))
        self.task.simulator.enrol(memory, rows, keys)
        weight = np.full((self.task.course.n_items, len(rows)), 1.0 / self.draws)
        return Belief(np.full(batch, -1, np.int64), memory, weight, np.zeros_like(weight))

    def predict(
        self,
        observation: Observation,
        state: Belief | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Belief]:
        """Items `[batch]`."""
        batch, draws = len(observation), self.draws
        belief = self.begin(unnamed(batch)) if state is None else clone(state)
        if episode_start is not None and episode_start.any():
            self._forget(belief, np.flatnonzero(episode_start))
        self._take(observation, belief)
        p = item_recall(self.task.simulator, belief.memory, batch * draws)
        expected = np.empty((batch, len(p)))
        _expect(p, belief.weight, draws, expected)
        item = _nearest(expected, self.recall, action_masks)
        return item, belief._replace(item=item, p=p)

    def _forget(self, belief: Belief, rows: Ints) -> None:
        fresh = self.begin(unnamed(len(rows)))
        candidates = (rows[:, None] * self.draws + np.arange(self.draws)).ravel()
        belief.item[rows] = -1
        put(belief.memory, candidates, fresh.memory)
        belief.weight[:, candidates] = fresh.weight

    def _take(self, observation: Observation, belief: Belief) -> None:
        """Take in the last step: its item, its answer, and the days that have passed since."""
        simulator = self.task.simulator
        assert isinstance(simulator, Replayed)
        right = np.asarray(observation[:, self.task.layout.columns("last_correct").start] > 0.0)
        _weigh(belief.item, right, belief.p, self.draws, belief.weight)
        item = np.repeat(belief.item, self.draws)
        correct = np.repeat(right.astype(np.int64), self.draws)
        simulator.learn(belief.memory, item, np.ones(len(item), bool), correct)
        days = np.repeat(days_passed(self.task, observation, belief.item), self.draws)
        simulator.elapse(belief.memory, days, unnamed(len(item)))


@dataclass(eq=False)
class OracleThreshold:
    """argmin over the allowed items of |p - recall|, p the learner's true P(correct)."""

    task: Task
    recall: float
    trials: tuple[Trial, ...] = ()
    respects_mask: bool = True
    _episodes: Episodes | None = None

    def watch(self, episodes: Episodes) -> None:
        """Read the latent state of these learners from now on."""
        self._episodes = episodes

    def begin(self, luck: Luck) -> None:
        """Nothing to remember."""

    def predict(
        self,
        observation: Observation,
        state: None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, None]:
        """Items `[batch]`."""
        episodes = watched(self._episodes)
        p = item_recall(self.task.simulator, episodes.state, len(observation))
        return _nearest(p.T, self.recall, action_masks), None


def _nearest(p: Floats, recall: float, mask: Bools | None) -> Ints:
    return lowest(np.abs(p - recall), allowed_items(mask, *p.shape))


def informed_threshold(
    task: Task,
    seed: int,
    tracker: Tracker,
    *,
    recall: float | None = None,
    learners: int = LEARNERS,
    draws: int = 32,
) -> InformedThreshold:
    """Practise the allowed item whose expected recall is nearest `recall`, given the learner's answers.

    The expectation is over `draws` candidates from the simulator's own population, weighted by how well
    they explain the answers.  Of equals, the item listed first; the goal plays no part.  Without `recall`,
    the best of 20 targets from 0 (always the weakest item) to .95 on `learners` tuning learners is taken.

    Raises `InputError` for a simulator that is no memory model, a task without the features
    `last_correct` and `days_since`, and a target that is no probability.
    """

    def make(target: float) -> InformedThreshold:
        return InformedThreshold(task, target, draws)

    target, trials = tuned_chance("recall", recall, GRID, make, task, tracker, learners)
    return InformedThreshold(task, target, draws, trials)


def oracle_threshold(
    task: Task, seed: int, tracker: Tracker, *, recall: float | None = None, learners: int = LEARNERS
) -> OracleThreshold:
    """Practise the allowed item whose true P(correct) is nearest `recall` (deeptutor's threshold rule).

    Of equals, the item listed first; the goal plays no part.  `recall` and `learners` as for
    `informed_threshold`.  It looks no step ahead, so it is no bound.
    """
    target, trials = tuned_chance(
        "recall", recall, GRID, lambda target: OracleThreshold(task, target), task, tracker, learners
    )
    return OracleThreshold(task, target, trials)
