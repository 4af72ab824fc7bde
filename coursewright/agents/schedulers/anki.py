"""Anki's SM-2, its scheduler before FSRS: SM-2 that knows early and late reviews.

Read as facts in Anki's own source (rslib, `states/review.rs`).  I is the last interval in days, `elapsed` the
days since the last review, `late` = elapsed - I; all intervals are rounded to whole days:

    on time or late   Hard 1.2 I, at least I + 1;  Good (I + late / 2) ease, at least Hard + 1;
                      Easy (I + late) ease 1.3, at least Good + 1
    early             Hard max(1.2 elapsed, .6 I);  Good max(elapsed ease, I);  Easy 1.15 times that of Good
    Again             floor(I new_share), at least 1; a lapse.  At 8 lapses the item is a leech
    first meeting     1 day, Easy 4 (its steps of minutes, and those after a lapse, take no day)

The ease starts at 2.5, moves by -.2, -.15, 0, +.15 with Again, Hard, Good, Easy, and has a floor of 1.3 and
no ceiling.  Intervals are at most 36,500 days.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.options import shares, switches
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.schedulers.calendar import MOMENT, Calendar, CalendarRule
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import POLICY, uniforms
from coursewright.simulators.memory.fsrs import AGAIN, EASY, GOOD, HARD, LONGEST_INTERVAL

EASE, LOWEST_EASE = 2.5, 1.3
HARD_FACTOR, EASY_FACTOR, EARLY_HARD = 1.2, 1.3, 0.6
FIRST, FIRST_EASY = 1.0, 4.0  # the intervals after the first meeting, in days
LEECH = 8  # lapses


@inlined
def _whole(days: float, least: float) -> float:
    """Days rounded half up, within [least, 36,500]; a half that a product misses by a hair is one."""
    return float(min(max(np.floor(days + 0.5 + MOMENT), least), LONGEST_INTERVAL))


@inlined
def passing_interval(grade: int, interval: float, elapsed: float, ease: float) -> float:
    """The next interval in days after Hard, Good or Easy, `elapsed` days after the last review."""
    if elapsed < interval:
        if grade == HARD:
            return _whole(max(HARD_FACTOR * elapsed, EARLY_HARD * interval), 1.0)
        good = max(elapsed * ease, interval)
        return _whole(good * (0.5 + 0.5 * EASY_FACTOR) if grade == EASY else good, 1.0)
    late = elapsed - interval
    after = _whole(HARD_FACTOR * interval, interval + 1.0)
    if grade > HARD:
        after = _whole((interval + 0.5 * late) * ease, after + 1.0)
    if grade == EASY:
        after = _whole((interval + late) * ease * EASY_FACTOR, after + 1.0)
    return after


@inlined
def lapse_interval(interval: float, share: float) -> float:
    """The next interval in days after Again; `share` of the old one is kept."""
    return float(max(np.floor(interval * share), 1.0))


@inlined
def next_ease(ease: float, grade: int) -> float:
    """The ease after an answer."""
    step = -0.2 if grade == AGAIN else (-0.15 if grade == HARD else (0.15 if grade == EASY else 0.0))
    return max(ease + step, LOWEST_EASE)


@inlined
def fuzzed(interval: float, u: float) -> float:
    """A whole interval near this one, drawn by `u` in [0, 1), so that items do not stay together.

    The distance is 1 day, plus 15 % of the part from 2.5 to 7 days, 10 % of that to 20, 5 % of the rest.
    """
    if interval < 2.5:
        return interval
    wide = 1.0 + 0.15 * min(interval - 2.5, 4.5)
    wide += 0.1 * min(max(interval - 7.0, 0.0), 13.0) + 0.05 * max(interval - 20.0, 0.0)
    least, most = _whole(interval - wide, 2.0), _whole(interval + wide, 2.0)
    return float(least + np.floor(u * (most - least + 1.0)))


class Reviews(NamedTuple):
    """Anki's record of each item: `interval` (0: never asked), `ease`, `lapses`, and the day `reviewed`.

    All are `[batch, items]`.
    """

    interval: Floats
    ease: Floats
    lapses: Ints
    reviewed: Floats


class Options(NamedTuple):
    """The share of the interval that a lapse keeps, and True where leeches are asked no more."""

    new_share: float
    suspend: bool


@kernel
def _reschedule(last: Last, kept: Reviews, options: Options, draw: Floats, now: Floats, due: Floats) -> None:
    """`draw [batch]` fuzzes the intervals that grow; NaN: no fuzz."""
    for i in range(now.shape[0]):
        a = last.item[i]
        if a < 0:
            continue
        known = kept.interval[i, a]
        if last.asked[i]:
            grade = GOOD if last.right[i] else AGAIN
            elapsed = np.floor(now[i] - kept.reviewed[i, a] + MOMENT)
            if known == 0.0:
                kept.interval[i, a] = FIRST
            elif grade == AGAIN:
                kept.interval[i, a] = lapse_interval(known, options.new_share)
                kept.lapses[i, a] += 1
            else:
                after = passing_interval(grade, known, elapsed, kept.ease[i, a])
                fuzzy = elapsed >= known and not np.isnan(draw[i])
                kept.interval[i, a] = fuzzed(after, draw[i]) if fuzzy else after
            if known > 0.0:
                kept.ease[i, a] = next_ease(kept.ease[i, a], grade)
            kept.reviewed[i, a] = now[i]
        due[i, a] = now[i] + max(kept.interval[i, a], FIRST)
        if options.suspend and kept.lapses[i, a] >= LEECH:
            due[i, a] = np.inf


@dataclass(frozen=True)
class AnkiPlan:
    """Anki's SM-2 with binary answers: a right one is Good, a wrong one Again."""

    options: Options
    fuzz: bool

    def begin(self, batch: int, items: int) -> Reviews:
        """Nothing asked yet."""
        shape = (batch, items)
        ease = np.full(shape, EASE)
        return Reviews(np.zeros(shape), ease, np.zeros(shape, np.int64), np.zeros(shape))

    def answered(self, seen: Seen, last: Last, kept: Calendar) -> None:
        """See `Plan`."""
        draw = np.full(len(last.item), np.nan)
        if self.fuzz:
            uniforms(seen.fate, seen.turn, POLICY, draw)
        _reschedule(last, kept.own, self.options, draw, kept.now, kept.due)


@dataclass(frozen=True)
class AnkiSm2:
    """Anki's SM-2 by the calendar that the task shows (see `calendar.py`).

    A lapse keeps `new_share` of the interval.  With `fuzz`, intervals that grow are drawn near their value.
    With `suspend`, a leech comes only where nothing else may be asked.
    Raises `InputError` for a share out of [0, 1].
    """

    new_share: float = 0.0
    fuzz: bool = False
    suspend: bool = False
    new_first: bool = True

    def __post_init__(self) -> None:
        shares(new_share=self.new_share)
        switches(fuzz=self.fuzz, suspend=self.suspend, new_first=self.new_first)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `days_since`."""
        plan = AnkiPlan(Options(float(self.new_share), self.suspend), self.fuzz)
        return RulePolicy("anki_sm2", task, CalendarRule(task, plan, self.new_first))
