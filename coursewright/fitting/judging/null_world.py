"""The null world: nobody learns, so that whatever a model's learners gain by practice is invented.

A fit takes for learning what only looks like it: counts of right answers stand for ability, and able
learners who stay longer raise the accuracy of late answers.  Here learners who differ in ability, and never
change, answer the log's own items, as many as the log's learners did, the able ones staying as long as they
do in the log.  A model is fitted to their answers, and the learners that it makes practise a skill 50 times.
The truth of their mean gain is 0, and so is that of its spread over learners, in log odds.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from coursewright.fitting.coded import Coded, places
from coursewright.fitting.course import course_of
from coursewright.fitting.judging.replay import CELLS, replay
from coursewright.fitting.logistic.linear import Part, fit_linear
from coursewright.fitting.logistic.models import counting_learners
from coursewright.fitting.model import LearnerModel
from coursewright.simulators.arrays import Floats
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import Simulator, empty_response

PRACTICES = 50
LEARNERS = 1000
SKILLS = 20  # the most practised; the easiest, the middle and the hardest are chosen among them
PENALTY = 1.0  # L2, on the differences between items
MOST_GAIN, MOST_SPREAD = 0.03, 0.15  # beyond these learning is invented: in P(correct), in log odds
EDGE = 1e-6  # chances stay this far from 0 and 1 where their log odds are taken


class Lesson(NamedTuple):
    """A skill, the names of its items, the most asked first, and the days between two practices."""

    skill: str
    items: tuple[str, ...]
    pause: float


class Gains(NamedTuple):
    """The outcome of practice, for each of some skills `[skills]`; nan where the learners do not know it.

    `gain` is the mean over learners of the gain in P(correct); `spread` the standard deviation over learners
    of the gain in log odds.
    """

    skills: tuple[str, ...]
    gain: Floats
    spread: Floats

    @property
    def invented(self) -> bool:
        """True where this is more than a null world allows: then the model invents learning."""
        largest = np.nanmax(np.abs(self.gain), initial=0.0)
        return bool(largest > MOST_GAIN or np.nanmax(self.spread, initial=0.0) > MOST_SPREAD)


def nobody_learns(log: Coded) -> Logistic:
    """Learners with abilities that never change, as spread as the log's and staying as long; items differ."""
    parts = [Part("skill", ("easiness",)), Part("item", (), ("easiness",))]
    linear = fit_linear(log, parts, PENALTY, individual=True, staying=True)
    return counting_learners(linear, course_of(log))


def null_world(log: Coded, seed: int = 0) -> Coded:
    """The rows of `log`, answered by learners of whom nobody learns; grades and help are not known."""
    answers = replay([nobody_learns(log)], log, replicates=2, seed=seed)[0]
    return replace(
        log,
        correct=np.where(log.correct >= 0, answers, log.correct),
        grade=np.full(log.rows, np.nan),
        assisted=np.zeros(log.rows, bool),
    )


def lessons(log: Coded) -> tuple[Lesson, Lesson, Lesson]:
    """The easiest, the middle and the hardest of the 20 most practised skills, by the log's answers."""
    entry = np.flatnonzero(log.correct[log.row_of_need] >= 0)
    row, skill = log.row_of_need[entry], log.needs.values[entry]
    asked = np.bincount(skill, minlength=len(log.skills))
    right = np.bincount(skill, log.correct[row], minlength=len(log.skills))
    often = np.argsort(-asked, kind="stable")[: min(SKILLS, int((asked > 0).sum()))]
    by_ease = often[np.argsort(-right[often] / asked[often], kind="stable")]
    later = log.gap[log.place > 0]
    pause = float(np.median(later)) if log.timed and len(later) else 0.0
    made = []
    for chosen in by_ease[[0, len(by_ease) // 2, -1]]:
        times = np.bincount(log.item[row[skill == chosen]], minlength=len(log.items))
        most = np.argsort(-times, kind="stable")[: min(PRACTICES, int((times > 0).sum()))]
        made.append(Lesson(log.skills[chosen], tuple(log.items[item] for item in most), pause))
    easiest, middle, hardest = made
    return easiest, middle, hardest


def practised(simulator: Simulator[Any], given: Sequence[Lesson], seed: int = 0) -> Gains:
    """The gains of fresh learners who practise each skill 50 times, its items in turn, from scratch."""
    found = np.array([_practised(simulator, lesson, seed) for lesson in given])
    return Gains(tuple(lesson.skill for lesson in given), found[:, 0], found[:, 1])


def _practised(simulator: Simulator[Any], lesson: Lesson, seed: int) -> tuple[float, float]:
    """The mean gain in P(correct) over the lesson's items, and the spread of the gain in log odds."""
    course = simulator.course
    at = places(lesson.items, course.items)
    items = at[at < course.n_items]
    if not len(items):
        return np.nan, np.nan
    batch = int(min(LEARNERS, max(64, CELLS // (course.n_items + course.n_skills))))
    luck = identify(Seeds(seed, seed), np.arange(batch), Split.FIT, np.zeros(batch, np.int64))
    state, response, everyone = simulator.empty(batch), empty_response(batch), np.ones(batch, bool)
    simulator.enrol(state, np.arange(batch), luck)

    def chances() -> Floats:
        out = np.empty((len(items), batch))
        for item, p in zip(items.tolist(), out, strict=True):
            simulator.p_correct(state, np.full(batch, item), p)
        return out

    before = chances()
    for turn in range(PRACTICES):
        simulator.practise(state, np.full(batch, items[turn % len(items)]), everyone, luck, response)
        simulator.elapse(state, np.full(batch, lesson.pause), luck)
        luck.step[:] += 1
    after = chances()
    return float((after - before).mean()), float(np.std((_log_odds(after) - _log_odds(before)).mean(axis=0)))


def invented(model: LearnerModel, log: Coded, seed: int = 0) -> Gains:
    """The gains that `model`'s learners make after a fit to the null world of `log`: all of them invented.

    Costs two fits.  Raises `InputError` where the model cannot be fitted to it.
    """
    return practised(model.fit(null_world(log, seed)).simulator(), lessons(log), seed)


def _log_odds(p: Floats) -> Floats:
    p = np.clip(p, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(p / (1.0 - p)))
