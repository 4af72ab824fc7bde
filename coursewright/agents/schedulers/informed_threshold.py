"""A threshold on recall: practise the item that is expected to be recalled with a chance nearest a target.

deeptutor's rule (Reddy, Levine & Dragan 2017): argmin_i |p_i - r|.  There the tutor reads the true
recall p_i, as `planners/oracle_threshold.py` does.  The informed form knows the population, not the
learner.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from coursewright.agents.choosing import item_recall, lowest
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import CHANCES, Tuning, check_learners, check_tuned_chance, tuned_option
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import PLAN, Luck, hash_pair
from coursewright.simulators.protocol import Simulator


@runtime_checkable
class Replayed(Protocol):
    """A learner model that can be told an answer instead of drawing one."""

    def learn(self, state: Any, item: Ints, taught: Bools, correct: Ints) -> None:
        """Let practice of `item [batch]` change the state where it was `taught` and answered `correct`."""
        ...


def replays(simulator: Simulator[Any]) -> bool:
    """True for learners who can be given answers; a chance of learning may be called `learn` as well."""
    return isinstance(simulator, Replayed) and callable(simulator.learn)


@kernel
def _weigh(last: Last, p: Floats, draws: int, weight: Floats) -> None:
    """Bayes' rule for the item just answered; an answer that all candidates rule out says nothing."""
    for i in range(last.item.shape[0]):
        a = last.item[i]
        if not last.asked[i]:
            continue
        total = 0.0
        for j in range(i * draws, (i + 1) * draws):
            total += weight[j, a] * (p[j, a] if last.right[i] else 1.0 - p[j, a])
        if total > 0.0:
            for j in range(i * draws, (i + 1) * draws):
                weight[j, a] *= (p[j, a] if last.right[i] else 1.0 - p[j, a]) / total


@kernel
def _expect(p: Floats, weight: Floats, draws: int, out: Floats) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = 0.0
            for j in range(i * draws, (i + 1) * draws):
                out[i, a] += weight[j, a] * p[j, a]


class Belief(NamedTuple):
    """The informed rule's belief about each learner.

    `candidates` is the state of as many learners as the rule draws for each, one learner's after
    another's; all have met the learner's items and given the learner's answers.  `weight
    [batch * draws, items]` sums to 1 over a learner's candidates, and `p`, shaped alike, is what they
    recalled when the last choice was made.
    """

    candidates: Any
    weight: Floats
    p: Floats


@dataclass(frozen=True, eq=False)
class InformedThresholdRule:
    """argmin over the allowed items of |p - recall|, p the posterior mean of the learner's recall.

    It knows the model and the population's true parameters, and infers the learner from the answers:
    by Bayes' rule, item by item, over `draws` candidates drawn from the population.
    """

    task: Task
    recall: float
    draws: int
    needs: ClassVar[tuple[str, ...]] = ("last_correct", "days_since")

    def __post_init__(self) -> None:
        if not replays(self.task.simulator):
            kind = type(self.task.simulator).__name__
            raise reject("task.simulator of informed_threshold", kind, "a memory model: DeepTutor or Dhp")

    def begin(self, luck: Luck) -> Belief:
        """Nothing asked yet: every candidate is as likely as another."""
        who = self._candidates(len(luck.fate))
        candidates = self.task.simulator.empty(len(who.fate))
        self.task.simulator.enrol(candidates, np.arange(len(who.fate)), who)
        weight = np.full((len(who.fate), self.task.course.n_items), 1.0 / self.draws)
        return Belief(candidates, weight, np.zeros_like(weight))

    def choose(self, seen: Seen, memory: Belief) -> tuple[Ints, Belief]:
        """Items `[batch]`."""
        self._take_in(seen.last, memory)
        p = item_recall(self.task.simulator, memory.candidates, len(memory.weight))
        expected = np.empty(seen.allowed.shape)
        _expect(p, memory.weight, self.draws, expected)
        return lowest(np.abs(expected - self.recall), seen.allowed), memory._replace(p=p)

    def _take_in(self, last: Last, belief: Belief) -> None:
        """Weigh the candidates by the last answer, let them practise as well, and let the days pass."""
        simulator = self.task.simulator
        assert isinstance(simulator, Replayed)
        _weigh(last, belief.p, self.draws, belief.weight)
        item = np.repeat(np.where(last.asked, last.item, -1), self.draws)
        correct = np.repeat(last.right.astype(np.int64), self.draws)
        simulator.learn(belief.candidates, item, np.ones(len(item), bool), correct)
        days = np.repeat(last.days, self.draws)
        simulator.elapse(belief.candidates, days, self._candidates(len(last.item)))

    def _candidates(self, batch: int) -> Luck:
        """The luck of the candidates; its keys come from a purpose that keys no real learner."""
        own = np.array([hash_pair(np.uint64(k), PLAN) for k in range(self.draws)], np.uint64)
        number = np.tile(np.arange(self.draws), batch)
        keys = np.tile(own, batch)
        return Luck(keys, keys.copy(), np.zeros_like(number), number)


@dataclass(frozen=True)
class InformedThreshold:
    """Practise the allowed item whose expected recall is nearest `recall`, given the learner's answers.

    The expectation is over `draws` candidates from the simulator's own population, weighted by how well
    they explain the answers.  Of equals, the item listed first; the goal plays no part.  Without `recall`,
    the best of 20 targets from 0 (always the weakest item) to .95 on `learners` tuning learners is taken.

    Raises `InputError` for a target that is no probability.
    """

    recall: float | None = None
    learners: int = 200
    draws: int = 32

    def __post_init__(self) -> None:
        check_tuned_chance("recall", self.recall)
        check_learners(self.learners)
        if self.draws < 1:
            raise reject("agent.draws", self.draws, "a whole number >= 1")

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.

        Raises `InputError` for a simulator that is no memory model, and for a task without the features
        `last_correct` and `days_since`.
        """

        def make(recall: float) -> RulePolicy:
            return RulePolicy("informed_threshold", task, InformedThresholdRule(task, recall, self.draws))

        if self.recall is not None:
            return make(self.recall)
        best, tuned = tuned_option("recall", CHANCES, make, Tuning(task, tracker), self.learners)
        return replace(make(best), tuned=tuned)
