"""The macro beam: a search to the end of the budget for learners whose learning does not hang on luck.

Where an item's effect follows from the learner's state, a plan made at the start needs no correction.  The
beam lets copies of the learner practise every allowed item once, twice or four times in a row, because an
item may show nothing before it has been practised several times; states of equally many steps compete.  They
are ranked by the return so far, the mean mastery of the goal, and .3 / K for the mastery of each skill that
leads to one of its K skills.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from coursewright.agents.choosing import toward
from coursewright.agents.options import at_least
from coursewright.agents.planners.copies import other_fates
from coursewright.agents.portions import bytes_of, parts
from coursewright.agents.rule import OraclePolicy, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.episodes import Episodes, Running
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.luck import Luck, Split
from coursewright.simulators.protocol import joined, spread

REPEATS = (1, 2, 4)
OF_AN_ANCESTOR = 0.3
ALIKE = 9  # decimals to which two states of one learner are the same
AHEAD = 10.0  # days
PAID_AGAIN = 10.0  # weight of mastery days later: there it is memory that pays at many steps to come
PROBED = 20  # learners, under two fates each


class Plans(NamedTuple):
    """Plans `[batch, steps]`, made when an episode starts, and steps taken of them `[batch]`."""

    action: Ints
    step: Ints


class Beam(NamedTuple):
    """States that equally many steps have led to, `[states, ...]` each.

    `running` is the learner with the tutor's record, `owner` the place of the learner whose copy it is,
    `plan` the actions taken, `returned` the rewards so far, and `score` ranks states of one owner.
    """

    running: Running
    owner: Ints
    plan: Ints
    returned: Floats
    score: Floats

    def of(self, rows: Ints) -> "Beam":
        """The states in `rows`."""
        running = spread(self.running, rows, len(self.owner))
        return Beam(running, self.owner[rows], self.plan[rows], self.returned[rows], self.score[rows])

    def best(self, width: int) -> Ints:
        """The rows of the `width` best states of each owner; of equal states, one."""
        score, mark = self.score.round(ALIKE), marks(self.running.state, len(self.owner)).round(ALIKE)
        order = np.lexsort((mark, -score, self.owner))
        owner, score, mark = self.owner[order], score[order], mark[order]
        fresh = np.ones(len(order), bool)
        fresh[1:] = (owner[1:] != owner[:-1]) | (score[1:] != score[:-1]) | (mark[1:] != mark[:-1])
        order, owner = order[fresh], owner[fresh]
        rank = np.arange(len(order)) - np.searchsorted(owner, owner)
        return order[rank < width]


def _or_first(allowed: Bools) -> Bools:
    """The allowed items `[rows, actions]`; where there is none, the first, a no-op."""
    if allowed.any(axis=1).all():
        return allowed
    first = np.arange(allowed.shape[1]) == 0
    return np.asarray(allowed | (first & ~allowed.any(axis=1, keepdims=True)))


def marks(state: tuple[Any, ...], batch: int) -> Floats:
    """A number `[batch]` for each learner's state that two states hardly share."""
    total = np.zeros(batch)
    for place, part in enumerate(state):
        if isinstance(part, tuple):
            total += marks(part, batch)
        elif part.size:
            flat = np.nan_to_num(part.reshape(batch, -1).astype(np.float64), posinf=1e6, neginf=-1e6)
            total += flat @ np.random.default_rng(place).random(flat.shape[1])
    return total


def lean(task: Task) -> Task:
    """The task for a plan: nobody looks at its observations."""
    return replace(task, features=_seen(task), mind=None, tutor=None, strict=False)


def _seen(task: Task) -> tuple[str, ...]:
    return ("goal", "successes") if task.unlock_after else ("goal",)


def certain(task: Task) -> bool:
    """True where mastery, choices and the end are the same under two fates, on a few tuning learners.

    They are given the same items, drawn among the allowed ones.
    """
    episodes, draw = Episodes(lean(task), 2 * PROBED), np.random.default_rng(0)
    number = np.tile(np.arange(PROBED), 2)
    episodes.begin(np.arange(2 * PROBED), number, np.zeros_like(number), Split.TUNE)
    rows = np.arange(2 * PROBED)
    fate = other_fates(episodes.luck, rows[:PROBED], 2).reshape(PROBED, 2).T.ravel()
    both = episodes.branch(rows, fate)
    for _ in range(task.horizon):
        mask = both.mask[:PROBED, : task.n_actions - task.stop]
        action = np.where(mask, draw.random(mask.shape), -1.0).argmax(axis=1)
        both.advance(np.tile(action, 2))
        for shown in (both.after, both.mask, both.over):
            if not np.array_equal(shown[:PROBED], shown[PROBED:]):
                return False
        if both.over.all():
            break
    return True


@dataclass(frozen=True, eq=False)
class MacroRule:
    """The plan that the beam finds at the start of an episode; behind its end, the first allowed action."""

    task: Task
    width: int
    needs: ClassVar[tuple[str, ...]] = ()

    def begin(self, luck: Luck) -> Plans:
        """No plan yet."""
        batch = len(luck.fate)
        return Plans(np.full((batch, self.task.horizon), -1, np.int64), np.zeros(batch, np.int64))

    def choose(self, seen: Seen, memory: Plans) -> tuple[Ints, Plans]:
        """Actions `[batch]`; rows whose episode starts are planned for first."""
        episodes, everyone = seen.episodes, np.arange(len(seen))
        fresh = np.flatnonzero((memory.step == 0) & ~episodes.over)
        each = 4 * self.width * seen.actions.shape[1] * (bytes_of(episodes.state) // episodes.batch + 512)
        for rows in parts(fresh, each):
            memory.action[rows] = self._plans(episodes, rows)
        planned = memory.action[everyone, np.minimum(memory.step, memory.action.shape[1] - 1)]
        good = (planned >= 0) & seen.actions[everyone, np.maximum(planned, 0)]
        action = np.where(good, planned, seen.actions.argmax(axis=1))
        return action, memory._replace(step=memory.step + 1)

    def _plans(self, episodes: Episodes, rows: Ints) -> Ints:
        """The best plans found `[rows, steps]`; -1 behind the end of an episode."""
        task, waiting = lean(episodes.task), {0: self._start(episodes, rows)}
        plan, best = waiting[0].plan.copy(), np.full(len(rows), -np.inf)
        for depth in range(task.horizon):
            if depth not in waiting:
                continue
            beam = waiting.pop(depth)
            for repeat, found in self._tried(task, beam.of(beam.best(self.width)), depth):
                over = found.running.records.over
                ended = np.flatnonzero(over)
                for row in ended[np.argsort(found.returned[ended], kind="stable")]:
                    owner = found.owner[row]
                    if found.returned[row] > best[owner]:
                        best[owner], plan[owner] = found.returned[row], found.plan[row]
                going = found.of(np.flatnonzero(~over))
                if depth + repeat in waiting:
                    going = joined(waiting[depth + repeat], going)
                if len(going.owner):
                    waiting[depth + repeat] = going
        return plan

    def _start(self, episodes: Episodes, rows: Ints) -> Beam:
        """The learners as they are, under other fates, with a record of what a plan needs alone."""
        fates = other_fates(episodes.luck, rows, 1)
        running, task = episodes.branch(rows, fates).snapshot(), lean(episodes.task)
        empty, full = Episodes(task, len(rows)).snapshot().records, running.records
        memory, layout = empty.memory, episodes.task.layout
        for name in _seen(task):
            memory[:, task.layout.columns(name)] = full.memory[:, layout.columns(name)]
        kept = full._replace(memory=memory, thoughts=empty.thoughts)
        plan = np.full((len(rows), self.task.horizon), -1, np.int64)
        none = np.zeros(len(rows))
        return Beam(running._replace(records=kept), np.arange(len(rows)), plan, none, none.copy())

    def _tried(self, task: Task, beam: Beam, depth: int) -> Iterator[tuple[int, Beam]]:
        """The best states behind one, two and four practices in a row of each allowed action."""
        choices = task.n_actions - task.stop
        parent, action = np.nonzero(_or_first(beam.running.records.mask[:, :choices]))
        tried = Episodes(task, len(parent), lasting=False)
        tried.restore(spread(beam.running, parent, len(beam.owner)))
        returned, plan, valid = beam.returned[parent], beam.plan[parent], np.ones(len(parent), bool)
        for done in range(max(REPEATS)):
            allowed = _or_first(tried.mask[:, :choices])[np.arange(len(parent)), action]
            valid &= allowed & ~tried.over
            if depth + done >= task.horizon or not valid.any():
                return
            plan[:, depth + done] = action
            reward = tried.advance(action)
            returned += np.where(valid, reward, 0.0)
            if done + 1 in REPEATS:
                score = np.where(valid, returned + self._promise(task, tried), -np.inf)
                found = Beam(tried._running, beam.owner[parent], plan, returned, score)
                best = found.best(self.width)
                yield done + 1, found.of(best[np.isfinite(score[best])])

    def _promise(self, task: Task, episodes: Episodes) -> Floats:
        """The worth `[batch]` of a state that is not among its rewards yet."""
        weight = 1.0
        mastery, goal, size = episodes.after, episodes.goal, episodes.goal_size
        if task.longest_gap > 0.0:
            weight = PAID_AGAIN
            mastery = np.empty_like(episodes.after)
            task.simulator.mastery(episodes.later(AHEAD), mastery)
        leads = toward(goal.astype(np.float32), task.course)
        worth = np.where(goal, 1.0, np.where(leads, OF_AN_ANCESTOR, 0.0)) / size[:, None]
        return np.asarray(weight * (worth * mastery).sum(axis=1))


@dataclass(frozen=True)
class OracleMacroBeam:
    """A beam of `width` states to the end of the budget, by any learners whose learning is certain.

    An item is practised once, twice or four times in a row.  For KSS the search of `OracleBeam` finds more.

    Raises `InputError` for a beam without width.
    """

    width: int = 50

    def __post_init__(self) -> None:
        at_least(1, width=self.width)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy.  Raises `InputError` where learning, or the choice, hangs on luck."""
        if not certain(task):
            kind = type(task.simulator).__name__
            raise reject("task of oracle_macro_beam", f"{kind} learners", "one where nothing hangs on luck")
        return OraclePolicy(RulePolicy("oracle_macro_beam", task, MacroRule(task, self.width)))
