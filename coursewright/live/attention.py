"""The need of help in a class: who first, on what, since when and why, by rules that a teacher can check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from coursewright.live.words import Overview, Recent, Skill

WRONG = 3  # answers in a row, from which on a learner is stuck
MANY = 8  # answers on a skill, from which on a low mastery is slow
HALF = 0.5  # a mastery below it is low
AWAY = 7.0  # days without an answer
STUCK, SLOW, ABSENT, NEW, WELL = "stuck", "slow", "away", "new", "on course"
LEVELS = (STUCK, SLOW, ABSENT, NEW, WELL)  # help is needed first at the front


@dataclass(frozen=True)
class Help:
    """One learner's need of help.

    Attributes
    ----------
    level : one of `LEVELS`.
    skill : on what; "" where it is about no skill.
    since : days since 1970 UTC; None where nothing has happened.
    reason : in words, with the figures.
    size : wrong answers, answers, or days, by the level; more of it comes first.
    """

    level: str
    skill: str
    since: float | None
    reason: str
    size: float = 0.0


class _Run(NamedTuple):
    wrong: int
    since: float


def help_of(one: Overview, skills_of: Mapping[str, Sequence[str]], now: float) -> Help:
    """The first thing that a learner needs help with; `skills_of` has the skills of each item."""
    goals = [skill for skill in one.skills if skill.goal]
    runs = {skill.name: _run(one.recent, skill.name, skills_of) for skill in goals}
    stuck = [skill for skill in goals if runs[skill.name].wrong >= WRONG]
    if stuck:
        worst = max(stuck, key=lambda skill: (runs[skill.name].wrong, -skill.mastery))
        run = runs[worst.name]
        reason = f"{run.wrong} wrong in a row on {worst.name}, mastery {_percent(worst)}"
        return Help(STUCK, worst.name, run.since, reason, run.wrong)
    slow = [skill for skill in goals if skill.answers >= MANY and skill.mastery < HALF]
    if slow:
        worst = min(slow, key=lambda skill: skill.mastery)
        answered = (r for r in one.recent if r.correct is not None)
        times = [r.time for r in answered if worst.name in skills_of.get(r.item, ())]
        reason = f"{worst.answers} answers on {worst.name}, and mastery {_percent(worst)}"
        return Help(SLOW, worst.name, min(times, default=one.last), reason, worst.answers)
    if one.last is None:
        return Help(NEW, "", None, "no answer yet")
    if now - one.last > AWAY:
        return Help(ABSENT, "", one.last, f"no answer for {now - one.last:.0f} days", now - one.last)
    known = sum(skill.mastery >= HALF for skill in goals)
    return Help(WELL, "", one.last, f"{known} of {len(goals)} skills above {HALF:.0%}")


def first_first(one: Overview, help: Help) -> tuple[int, float, str]:
    """The place of a learner in the list: by level, then by size, then by name."""
    return LEVELS.index(help.level), -help.size, one.learner


def _run(recent: Sequence[Recent], skill: str, skills_of: Mapping[str, Sequence[str]]) -> _Run:
    """The wrong answers on a skill since the last right one, and the moment of the first of them."""
    wrong, since = 0, 0.0
    for one in reversed(recent):
        if skill not in skills_of.get(one.item, ()) or one.correct is None:
            continue
        if one.correct:
            break
        wrong, since = wrong + 1, one.time
    return _Run(wrong, since)


def _percent(skill: Skill) -> str:
    return f"{100 * skill.mastery:.0f} %"
