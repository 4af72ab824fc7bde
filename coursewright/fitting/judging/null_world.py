"""Null worlds: nobody learns there, so that whatever a model's learners gain by practice is invented.

A fit takes for learning what only looks like it: counts of right answers stand for ability, and able
learners who stay longer raise the accuracy of late answers.  Here learners who differ in ability, and never
change, answer the log's own items, as many as the log's learners did, the able ones staying as long as they
do in the log.  A model is fitted to their answers, and the learners that it makes practise skills 50 times.
The truth of their mean gain is 0, and so is that of its spread over learners, in log odds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.coded import Coded, places
from coursewright.fitting.course import course_of
from coursewright.fitting.judging.replay import Answers, replay
from coursewright.fitting.logistic.linear import Part, fit_linear
from coursewright.fitting.logistic.models import counting_learners
from coursewright.fitting.model import LearnerModel
from coursewright.progress import each
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import Simulator, empty_response

LEVELS = ("easiest", "middle", "hardest")
EACH = 7  # skills of a level, from the 21 most practised: one alone is told by few answers
WORLDS = 8  # of five, the interval of a true 0 is as wide as the bounds on a log of EdNet's size
PRACTICES = 50
LEARNERS, FEWEST = 1000, 8  # who practise; fewer where their states would not fit into so many bytes
MEMORY = 1 << 30
PENALTY = 1.0  # L2, on the differences between items
EDGE = 1e-6  # chances stay this far from 0 and 1 where their log odds are taken


class Lesson(NamedTuple):
    """A skill, the names of its items, the most asked first, and the days between two practices."""

    skill: str
    items: tuple[str, ...]
    pause: float


class Gains(NamedTuple):
    """The outcome of practice `[levels]`: the mean over a level's skills; nan where learners know none.

    `gain` is the mean over learners of the gain in P(correct); `spread` the standard deviation over learners
    of the gain in log odds.  Several worlds have a row each, `[worlds, levels]`.
    """

    gain: Floats
    spread: Floats


@dataclass(frozen=True, eq=False)
class NullWorlds:
    """A log, and the same rows as learners who never change would answer them, several times over.

    `lessons [levels]` holds each level's skills: the easiest, the middle and the hardest of the most
    practised ones, by the log's answers.
    """

    log: Coded
    worlds: tuple[Coded, ...]
    lessons: tuple[tuple[Lesson, ...], ...]

    @classmethod
    def of(cls, log: Coded, worlds: int = WORLDS, seed: int = 0, skills: int = EACH) -> Self:
        """Null worlds of `log` (at least 2), with up to so many `skills` a level.  Costs one fit."""
        if skills < 1:
            raise reject("skills", skills, "at least 1")
        answers = replay([nobody_learns(log)], log, worlds, seed)
        return cls(log, tuple(_answered(log, one) for one in answers), lessons(log, skills))

    def invented(self, model: LearnerModel, seed: int = 0) -> Gains:
        """The gains `[worlds, levels]` of `model`'s learners after a fit to each null world: all invented.

        Those who practise are others in each world, so that the scatter over worlds holds their luck too.
        Raises `InputError` where the model cannot be fitted to one.
        """
        worlds = each(self.worlds, f"{model.name}: null worlds", "fits")
        found = [self.practised(model.fit(one).simulator(), seed + n) for n, one in enumerate(worlds)]
        return Gains(*(np.array(figures) for figures in zip(*found, strict=True)))

    def practised(self, simulator: Simulator[Any], seed: int = 0) -> Gains:
        """The gains of fresh learners who practise each skill 50 times from scratch, its items in turn."""
        levels = [
            np.array([practised(simulator, lesson, seed) for lesson in level]) for level in self.lessons
        ]
        known = [found[np.isfinite(found).all(axis=1)] for found in levels]
        means = np.array([found.mean(axis=0) if len(found) else (np.nan, np.nan) for found in known])
        return Gains(means[:, 0], means[:, 1])


def nobody_learns(log: Coded) -> Logistic:
    """Learners with abilities that never change, as spread as the log's and staying as long; items differ."""
    parts = [Part("skill", ("easiness",)), Part("item", (), ("easiness",))]
    linear = fit_linear(log, parts, PENALTY, individual=True, staying=True)
    return counting_learners(linear, course_of(log))


def _answered(log: Coded, answers: Answers) -> Coded:
    """The log with these answers `[rows]` where it has any; their grades, and help, are not known."""
    correct = np.where(log.correct >= 0, answers, log.correct)
    return replace(log, correct=correct, grade=np.full(log.rows, np.nan), assisted=np.zeros(log.rows, bool))


def lessons(log: Coded, skills: int) -> tuple[tuple[Lesson, ...], ...]:
    """The most practised skills by ease: as many from either end, and from the middle."""
    entry = np.flatnonzero(log.correct[log.row_of_need] >= 0)
    row, skill = log.row_of_need[entry], log.needs.values[entry]
    asked = np.bincount(skill, minlength=len(log.skills))
    right = np.bincount(skill, log.correct[row], minlength=len(log.skills))
    often = np.argsort(-asked, kind="stable")[: min(EACH * len(LEVELS), int((asked > 0).sum()))]
    many = max(1, min(skills, len(often) // len(LEVELS)))
    by_ease = often[np.argsort(-right[often] / asked[often], kind="stable")]
    later = log.gap[log.place > 0]
    pause = float(np.median(later)) if log.timed and len(later) else 0.0

    def lesson(chosen: int) -> Lesson:
        times = np.bincount(log.item[row[skill == chosen]], minlength=len(log.items))
        most = np.argsort(-times, kind="stable")[: min(PRACTICES, int((times > 0).sum()))]
        return Lesson(log.skills[chosen], tuple(log.items[item] for item in most), pause)

    first = [0, (len(by_ease) - many) // 2, len(by_ease) - many]
    return tuple(tuple(lesson(chosen) for chosen in by_ease[at : at + many]) for at in first)


def practised(simulator: Simulator[Any], lesson: Lesson, seed: int = 0) -> tuple[float, float]:
    """The mean gain in P(correct) over a lesson's items, and the spread over learners of that in log odds.

    Both are nan where the learners know none of the items.
    """
    course = simulator.course
    at = places(lesson.items, course.items)
    items = at[at < course.n_items]
    if not len(items):
        return np.nan, np.nan
    batch = min(LEARNERS, max(FEWEST, MEMORY // max(1, _bytes(simulator.empty(1)))))
    luck = identify(Seeds(seed, seed), np.arange(batch), Split.FIT, np.zeros(batch, np.int64))
    state, response, everyone = simulator.empty(batch), empty_response(batch), np.ones(batch, bool)
    simulator.enrol(state, np.arange(batch), luck)
    before = _chances(simulator, state, items, batch)
    for turn in range(PRACTICES):
        simulator.practise(state, np.full(batch, items[turn % len(items)]), everyone, luck, response)
        simulator.elapse(state, np.full(batch, lesson.pause), luck)
        luck.step[:] += 1
    after = _chances(simulator, state, items, batch)
    return float((after - before).mean()), float((_log_odds(after) - _log_odds(before)).mean(axis=0).std())


def never_learn(simulator: Simulator[Any], levels: Sequence[Sequence[Lesson]]) -> bool:
    """True where practice of these lessons changes nobody's P(correct) of their items."""
    known = [one for level in levels for one in level if set(one.items) & set(simulator.course.items)]
    return bool(known) and all(practised(simulator, lesson) == (0.0, 0.0) for lesson in known)


def _bytes(state: Any) -> int:
    """The size of a state, which may hold further states."""
    return sum(_bytes(part) if isinstance(part, tuple) else int(part.nbytes) for part in state)


def _chances(simulator: Simulator[Any], state: Any, items: Ints, batch: int) -> Floats:
    """P(correct) of each item for each learner, `[items, batch]`."""
    out = np.empty((len(items), batch))
    for item, p in zip(items.tolist(), out, strict=True):
        simulator.p_correct(state, np.full(batch, item), p)
    return out


def _log_odds(p: Floats) -> Floats:
    p = np.clip(p, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(p / (1.0 - p)))
