"""The things that go in and out of a Recommender, and the checks of those that come in."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from unicodedata import category

from coursewright.errors import InputError, reject, unknown

LONGEST = 256  # characters of an id or a name
REASON = 2_000  # of a reason
DAY = 86_400.0
LATEST = 1.0  # days that a clock may be ahead of ours
MOST_MINUTES = 10_000.0
FIRST_ITEMS = 1_000  # names that are looked through for the nearest
UNSEEN = ("Cc", "Zl", "Zp")  # control characters, ends of lines and of paragraphs
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of what follows
UNMET = "learner: nobody of this id has been met; a first response begins one"


class ConflictError(InputError):
    """A response whose id is that of another response."""


@dataclass(frozen=True)
class Response:
    """One answer of a learner, or one item without a question.

    Attributes
    ----------
    correct : 1, 0, or None where nothing was asked or the answer was helped.
    time : a `datetime`, ISO 8601 text, or days since 1970 UTC; None: now.
    minutes : spent on the item.
    id : the host's own name of this response, and of no other, whoever's: sent again, it counts once.  None:
        each call counts.
    past : True where it happened before the lessons began.
    taught : False where the learner answered and did not work through the item, as in a test.
    """

    learner: str
    item: str
    correct: int | None
    time: datetime | str | float | None = None
    minutes: float = 0.0
    id: str | None = None
    past: bool = False
    taught: bool = True


@dataclass(frozen=True)
class Choice:
    """The next thing to do with a learner.

    Attributes
    ----------
    item : the item; None where nothing is allowed, or the lessons are to stop.
    wait : days to wait after it, where delays belong to the task.
    stop : True where the lessons are to end.
    chance : of a right answer, by the tutor's belief; None where it has none.
    score : the network's score of this action, or 1 for a rule's choice.
    propensity : the probability with which the tutor takes it, 0 for all but the choice unless it explores;
        None where a teacher or the host decides.
    overruled : True where a teacher chose it.
    why_not : for all but the first, the reason for which it is not the first.
    """

    item: str | None
    wait: float = 0.0
    stop: bool = False
    chance: float | None = None
    score: float | None = None
    propensity: float | None = 1.0
    overruled: bool = False
    why_not: str = ""

    def plain(self) -> dict[str, Any]:
        """By name, as JSON has it."""
        return {name: getattr(self, name) for name in USUAL}

    def text(self) -> str:
        """JSON, as a store keeps it: what is usual is left out."""
        return json.dumps({name: value for name, value in self.plain().items() if value != USUAL[name]})


USUAL = asdict(Choice(None))


def choice_of(text: str) -> Choice:
    """The choice that `Choice.text` wrote."""
    return Choice(**{"item": None, **json.loads(text)})


@dataclass(frozen=True)
class Reason:
    """A thing known of the learner; were it as usual in the cohort, the choice would be another.

    Attributes
    ----------
    feature, skill : of what (skill "" where it is none of a skill's).
    value, median : the learner's value, and the cohort's, in words.
    instead : the item that would be chosen then.
    text : all of it, as a teacher reads it.
    """

    feature: str
    skill: str
    value: str
    median: str
    instead: str | None
    text: str


@dataclass(frozen=True)
class Why:
    """The reasons for a choice.

    Attributes
    ----------
    choice : the one that stands.
    reasons : the three that weigh most, or fewer; none where no single change alters the choice.
    runner_up, margin : the next best item, and the difference of the scores (None for a rule).
    saw : what the tutor knew of these two, and the level or target that it was made with, a sentence each.
    compared : with whom, in words.
    text : all of it, in sentences.
    """

    choice: Choice
    reasons: Sequence[Reason]
    runner_up: str | None
    margin: float | None
    compared: str
    text: str
    saw: Sequence[str] = ()


@dataclass(frozen=True)
class Skill:
    """The tutor's picture of one skill of one learner.

    Attributes
    ----------
    mastery : the belief that the skill is known, [0, 1]; where a tutor has no belief, (right + 1) / (n + 2).
    doubt : its standard deviation: of known or not known, or of that share.
    answers, right : on this skill.
    goal : True where the learner is to know it.
    """

    name: str
    mastery: float
    doubt: float
    answers: int
    right: int
    goal: bool


@dataclass(frozen=True)
class State:
    """The tutor's picture of one learner.

    Attributes
    ----------
    responses : so far.
    since, last : the first and the latest moment, days since 1970 UTC.
    skills : now.
    times : days since 1970 UTC `[responses]`.
    mastery : of each skill after each response, `[responses][skills]`.
    doubt : the same.
    """

    responses: int
    since: float | None
    last: float | None
    skills: Sequence[Skill]
    times: Sequence[float]
    mastery: Sequence[Sequence[float]]
    doubt: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Recent:
    """One of a learner's latest responses; `time` in days since 1970 UTC, `correct` 1, 0 or None."""

    item: str
    correct: int | None
    time: float
    overruled: bool


@dataclass(frozen=True)
class Overview:
    """One learner among all, as a teacher's list needs it.

    Attributes
    ----------
    responses : so far; `last` is the latest moment, days since 1970 UTC.
    skills : in the course's order.
    recent : the latest responses, the oldest first.
    next : the choice that stands; None before the first question for one.
    name : shown to teachers in place of the id; None where the host gave none.
    """

    learner: str
    group: str | None
    responses: int
    last: float | None
    skills: Sequence[Skill]
    recent: Sequence[Recent]
    next: Choice | None
    name: str | None = None


@dataclass(frozen=True)
class Forgotten:
    """The report on an erasure.

    Attributes
    ----------
    responses, overrides : rows that were there.
    left : places that still hold the learner, and are not the store's to empty: backups and written logs.
    notes : what a person has to know or do, a sentence each.
    """

    responses: int
    overrides: int
    left: Sequence[str] = field(default_factory=list)
    notes: Sequence[str] = field(default_factory=list)


def named(setting: str, value: object, longest: int = LONGEST) -> str:
    """The text `value`, which is never shown.

    Raises `InputError` where it is empty, too long or no text, and where it looks like another text: it
    begins or ends with a space, breaks the line, or turns its direction.
    """
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{setting}: must be text that is not empty", setting)
    if len(value) > longest:
        raise InputError(f"{setting}: is {len(value)} characters long; {longest} are allowed", setting)
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError(f"{setting}: holds a character that no text may hold", setting)
    if value != value.strip():
        raise InputError(f"{setting}: begins or ends with a space", setting)
    if not value.isprintable() and any(category(one) in UNSEEN or one in TURNING for one in value):
        raise InputError(f"{setting}: breaks a line, or holds a character that shows nothing", setting)
    return value


def check_goal(goal: Collection[str] | None, skills: Sequence[str]) -> None:
    """Refuse a goal that is empty, or holds what is no skill."""
    for skill in goal or ():
        if skill not in skills:
            raise reject("goal", repr(skill)[:60], f"skills of the course, such as {skills[0]!r}")
    if goal is not None and not goal:
        raise reject("goal", "[]", "at least one skill, or none for all of them")


def item_of(value: object, place: dict[str, int], setting: str = "item") -> int:
    """The index of an item by its name."""
    if isinstance(value, str) and value in place:
        return place[value]
    raise unknown(
        setting, value if isinstance(value, str) and len(value) <= LONGEST else "…", list(place)[:FIRST_ITEMS]
    )


def answer_of(value: object) -> int:
    """1, 0, or -1 for None."""
    if value is None:
        return -1
    if isinstance(value, (bool, int)) and value in (0, 1):
        return int(value)
    raise reject("correct", repr(value)[:40], "1, 0 or none (nothing was asked, or the answer was helped)")


def minutes_of(value: object) -> float:
    """Minutes as a float."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 <= value <= MOST_MINUTES:
        return float(value)
    raise reject("minutes", repr(value)[:40], f"a number from 0 to {MOST_MINUTES:,.0f}")


def now() -> float:
    """The present moment, in days since 1970 UTC."""
    return datetime.now(UTC).timestamp() / DAY


def days_of(value: datetime | str | float | None, setting: str = "time") -> float:
    """A moment in days since 1970 UTC."""
    if value is None:
        return now()
    days: Any = value
    if isinstance(value, str):
        try:
            days = datetime.fromisoformat(value)
        except ValueError:
            raise reject(setting, repr(value[:40]), "ISO 8601, such as 2026-03-01T09:30:00Z") from None
    if isinstance(days, datetime):
        if days.tzinfo is None:
            raise reject(setting, days.isoformat(), "a moment with its zone, such as 2026-03-01T09:30:00Z")
        days = days.timestamp() / DAY
    if isinstance(days, bool) or not isinstance(days, (int, float)) or not isfinite(days):
        raise reject(setting, repr(value)[:40], "a moment, ISO 8601 or days since 1970")
    if not 0.0 <= days <= now() + LATEST:
        shown = value.isoformat() if isinstance(value, datetime) else repr(value)[:40]
        allowed = "a moment since 1970 that is not to come by more than a day (days, not seconds)"
        raise reject(setting, shown, allowed)
    return float(days)
