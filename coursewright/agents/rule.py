"""A rule, and the one adapter that makes a policy of it.

A rule defines its memory of new learners, and its choice when it sees them.  `RulePolicy` does
everything else, here and nowhere else: Stable-Baselines3's `predict`, masks and missing masks, new
episodes, the answer to the last choice, the turns that key a learner's draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np

from coursewright.agents.choosing import open_items, toward, uniform_items
from coursewright.agents.kept import PASSING
from coursewright.agents.tuning import Tuned
from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Feature
from coursewright.envs.policy import Policy
from coursewright.envs.record import Records
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Keys, Luck, Seeds, Split, identify
from coursewright.simulators.protocol import clone, shares

Memory = TypeVar("Memory", bound=tuple)  # type: ignore[type-arg]
UNFADING = "it goes by BKT's belief, which does not fade while days pass (tutor=fsrs gives a tutor a memory)"
Nothing = tuple[()]
"""The memory of a rule that remembers nothing."""


class Last(NamedTuple):
    """A learner's last turn in this episode, `[batch]` each.

    `item` is the rule's own choice, -1 before the first.  `asked` is True where its answer is evidence:
    False before the first, and where nothing was asked, the answer was helped, or the choice was refused
    without an answer.  `right` is False wherever `asked` is.  `days` passed since; 0 before the first.
    """

    item: Ints
    asked: Bools
    right: Bools
    days: Floats


@dataclass(eq=False)
class Drawn:
    """The random part of a choice: the draws `among [batch, choices]`, and True where it drew `otherwise`."""

    among: list[Bools] = field(default_factory=list)
    otherwise: bool = False


@dataclass(frozen=True, eq=False)
class Seen:
    """The view that a rule has of a batch of learners at one turn; `seen["belief"]` is a feature by its name.

    Attributes
    ----------
    task : the course, the goal, the budget and the tutor.
    observation : `[batch, columns]`; its columns have names.
    actions : bool `[batch, actions]`, the allowed choices: action d * n_items + i is item i and then the
        task's delay d.  An item alone is thus the action with the first delay.  The stop is left out.
    keys, turn : `[batch]`, of the learner's own draws, and the number of earlier turns.
    last : the last turn.
    watched : the running episodes where the rule is an oracle's, the tutor's records where it is a planner's.
    drawn : the draws so far.
    """

    task: Task
    observation: Observation
    actions: Bools
    keys: Keys
    turn: Ints
    last: Last
    watched: Episodes | Records | None = None
    drawn: Drawn = field(default_factory=Drawn)

    def __len__(self) -> int:
        return len(self.observation)

    def __getitem__(self, feature: str) -> Observation:
        """A feature, `[batch, skills]`, or `[batch, items]` or `[batch, 1]` where it is one of those."""
        return self.observation[:, self.task.layout.columns(feature)]

    @property
    def course(self) -> Course:
        """The course of the task."""
        return self.task.course

    @cached_property
    def allowed(self) -> Bools:
        """Items `[batch, items]` that may be chosen."""
        return np.ascontiguousarray(self.actions[:, : self.course.n_items])

    @cached_property
    def toward(self) -> Bools:
        """Skills `[batch, skills]` that bear on the goal: its own, and those that lead to one of them."""
        return toward(self["goal"], self.course)

    @cached_property
    def open(self) -> Bools:
        """Allowed items `[batch, items]` with a skill that bears on the goal; all allowed if none has one."""
        return open_items(self.toward, self.course.needed, self.allowed)

    @property
    def episodes(self) -> Episodes:
        """The running episodes.  Raises `InputError` for a rule that was never given any."""
        if not isinstance(self.watched, Episodes):
            raise reject("oracle", "not watching", "given the running episodes first (`watch`)")
        return self.watched

    @property
    def records(self) -> Records:
        """The tutor's records of these learners.  Raises `InputError` for a rule that was never given any."""
        if not isinstance(self.watched, Records):
            raise reject("planner", "without records", "given the running records first (`consult`)")
        return self.watched

    @property
    def fate(self) -> Keys:
        """The keys `[batch]`, for draws of a rule's own; the chances of its choices are then unknown."""
        self.drawn.otherwise = True
        return self.keys

    def draw(self, among: Bools, index: int = 0) -> Ints:
        """One of `among [batch, choices]`, all equally likely; the `index` tells draws of one turn apart.

        It is best a rule's last act: then its chances are known (see `RulePolicy.chances`).
        """
        self.drawn.among.append(among)
        return uniform_items(self.keys, self.turn, among, index)


class Rule(Protocol[Memory]):
    """A fixed way to choose.

    The memory is a NamedTuple of arrays, perhaps of further ones, or `()`.  Every array has the batch as
    its first axis, or equally many entries a learner, one learner's after another's.  Row i of a choice
    depends on row i alone, and on nothing but memory and sight: a rule keeps nothing in itself.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """The features that it reads; a task without one of them is refused."""
        ...

    def begin(self, luck: Luck) -> Memory:
        """The rule's memory of new learners, one for each row of `luck`."""
        ...

    def choose(self, seen: Seen, memory: Memory) -> tuple[Ints, Memory]:
        """Actions `[batch]`, and the new memory; `memory` is a copy, and may be changed."""
        ...


class AnyAllowed:
    """The simplest rule: one of the allowed actions, all equally likely."""

    needs = ()

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Actions `[batch]`."""
        return seen.draw(seen.actions), memory


class Kept(NamedTuple):
    """The memory of a rule's policy: luck, turns and last item `[batch]`, and the rule's own memory."""

    luck: Luck
    turn: Ints
    item: Ints
    memory: Any


@dataclass(eq=False)
class RulePolicy:
    """The policy that chooses by a rule.

    A row whose episode starts is remembered anew.  Its turns go on, so that the draws of a row's second
    episode are not those of its first.

    Attributes
    ----------
    name : the rule's name in messages.
    task, rule : the task that it plays, and the rule.
    respects_mask : if False, the rule is told that everything is allowed.
    tuned : the search for the rule's settings, if they were tuned.
    caveat : a reason of its own for which it may be no good rule on this task; "" for none (see `caveat_of`).
    watched : see `OraclePolicy`.
    """

    name: str
    task: Task
    rule: Rule[Any]
    respects_mask: bool = True
    tuned: Tuned | None = field(default=None, metadata=PASSING)
    caveat: str = field(default="", metadata=PASSING)
    watched: Episodes | Records | None = field(default=None, metadata=PASSING)
    glances: ClassVar[bool] = True

    def __repr__(self) -> str:
        """One line: the rule's name, and the task."""
        return f"<RulePolicy {self.name} for {self.task!r}>"

    def __post_init__(self) -> None:
        self.task.layout.require(self.name, *self.rule.needs)

    @property
    def reads(self) -> Sequence[str | Feature]:
        """The features of the task that it was made for."""
        return self.task.features

    def consult(self, records: Records) -> None:
        """Let a rule that plans read the tutor's records of these learners from now on."""
        if getattr(self.rule, "plans", False):
            self.watched = records

    def begin(self, luck: Luck) -> Kept:
        """The memory before the first turn; `luck` is copied, because its arrays change later."""
        batch = len(luck.fate)
        none = np.full(batch, -1, np.int64)
        return Kept(clone(luck), np.zeros(batch, np.int64), none, self.rule.begin(luck))

    def predict(
        self,
        observation: Observation,
        state: Kept | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Kept]:
        """Actions `[batch]`; `deterministic` changes nothing: where a rule draws, to draw is the rule.

        Without a state it begins here, with draws that differ between rows; without a mask everything is
        allowed.
        """
        before = self.begin(_nobody(len(observation))) if state is None else state
        kept = before._replace(item=before.item.copy(), memory=clone(before.memory))
        if episode_start is not None:
            self._begin_again(kept, np.flatnonzero(episode_start & (kept.turn > 0)))  # others are new already
        action, memory = self.rule.choose(self._seen(observation, kept, action_masks), kept.memory)
        memory = clone(memory) if shares(memory, observation) else memory
        return action, kept._replace(turn=kept.turn + 1, item=self.task.item_of(action), memory=memory)

    def chances(
        self, observation: Observation, state: Kept, action_masks: Bools | None, deterministic: bool = True
    ) -> Floats | None:
        """P(action) `[batch, actions]` of the choice that `predict` makes of the same.

        1 for the choice of a rule that draws nothing, and equal shares for one that draws once.  None where
        a rule draws in other ways.
        """
        seen = self._seen(observation, state, action_masks)
        action, _ = self.rule.choose(seen, clone(state.memory))
        if seen.drawn.otherwise or len(seen.drawn.among) > 1:
            return None
        chance = np.zeros((len(observation), self.task.n_actions))
        if seen.drawn.among:
            among = seen.drawn.among[0]
            many = among.sum(axis=1, keepdims=True)
            chance[:, : among.shape[1]] = among / np.maximum(many, 1)
            chance[many[:, 0] == 0, 0] = 1.0  # where there is nothing to draw from, the first is taken
        else:
            chance[np.arange(len(action)), action] = 1.0
        return chance

    def _begin_again(self, kept: Kept, rows: Ints) -> None:
        if len(rows):
            kept.item[rows] = -1
            luck = Luck._make(keys[rows] if len(keys) else keys for keys in kept.luck)
            _put_anew(kept.memory, rows, self.rule.begin(luck))

    def _seen(self, observation: Observation, kept: Kept, mask: Bools | None) -> Seen:
        choices = self.task.n_actions - self.task.stop
        if mask is None or not self.respects_mask:
            actions = np.ones((len(observation), choices), bool)
        else:
            actions = np.asarray(mask[:, :choices], bool)
        last = _last(self.task, observation, kept.item)
        return Seen(self.task, observation, actions, kept.luck.fate, kept.turn, last, self.watched)


def caveat_of(policy: Policy) -> str:
    """A reason for which a policy may be no good rule on its task; "" for none, and for what is no rule."""
    if not isinstance(policy, RulePolicy):
        return ""
    stale = "belief" in policy.rule.needs and policy.task.longest_gap > 0.0
    return "; ".join(filter(None, (policy.caveat, UNFADING if stale else "")))


class OraclePolicy:
    """The policy of a rule that reads latent state: the running episodes must be given to it first."""

    def __init__(self, policy: RulePolicy) -> None:
        self.policy = policy
        self.respects_mask = policy.respects_mask
        self.glances = policy.glances
        self.begin = policy.begin
        self.predict = policy.predict
        self.chances = policy.chances
        self.reads = policy.reads

    def __repr__(self) -> str:
        """One line: the rule's name, and the task."""
        return f"<OraclePolicy {self.policy.name} for {self.policy.task!r}>"

    def watch(self, episodes: Episodes) -> None:
        """Read the latent state of these learners from now on."""
        self.policy.watched = episodes


def _last(task: Task, observation: Observation, item: Ints) -> Last:
    """The last turn as the observation tells it: where it tells nothing, nothing was asked.

    Days are read off `days_since`, so that they hold for any schedule.
    """
    chosen = item >= 0
    asked, right, days = np.zeros(len(item), bool), np.zeros(len(item), bool), np.zeros(len(item))
    if "last_correct" in task.features:
        answer = observation[:, task.layout.columns("last_correct").start]
        asked, right = chosen & (answer != 0.0), chosen & (answer > 0.0)
    if "days_since" in task.features:
        start, needed = task.course.needed
        skill = needed[start[np.maximum(item, 0)]]
        since = observation[:, task.layout.columns("days_since")][np.arange(len(item)), skill]
        days = np.where(chosen, since.astype(np.float64), 0.0)
    return Last(item, asked, right, days)


def _put_anew(memory: tuple[Any, ...], rows: Ints, fresh: tuple[Any, ...]) -> None:
    """Write the memory of new learners in `rows`; each owns equally many entries of an array."""
    for array, new in zip(memory, fresh, strict=True):
        if isinstance(array, tuple):
            _put_anew(array, rows, new)
        else:
            each = len(new) // len(rows)
            array[(rows[:, None] * each + np.arange(each)).ravel()] = new


def _nobody(batch: int) -> Luck:
    """Luck for callers that never began: row i always draws the same, and unlike other rows."""
    return identify(Seeds(), np.arange(batch), Split.TRAIN, np.zeros(batch, np.int64))
