"""A replay as one page, with its tables and pictures beside it, and in sentences."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from coursewright.evaluation import numbers
from coursewright.evaluation.figures import Picture, keep
from coursewright.evaluation.page import Page, embedded, write_page
from coursewright.evaluation.replay.figures import (
    class_figure,
    learners_figure,
    shown_learners,
    shown_skills,
)
from coursewright.evaluation.replay.found import Replay
from coursewright.evaluation.replay.walk import kinds_of
from coursewright.evaluation.statistics import Estimate

TITLE = "What would this tutor have chosen?"
NO_VERDICT = (
    "The log holds the answers to the items that were given, and not what these learners would have "
    "answered, or learnt, with the items that the tutor would have chosen.",
    "So agreement is no praise and disagreement no fault: an effect needs a trial, or an off-policy "
    "evaluation of a log that holds the chance of each choice.",
)


class Told(NamedTuple):
    """The paths of the page, the tables and the pictures, the latter two by name."""

    page: Path
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]


def write_replay(
    replay: Replay, folder: Path, tables: Literal["parquet", "csv"], facts: Mapping[str, str]
) -> Told:
    """Write `report.html`, which needs nothing beside it, and its tables and pictures into `folder`."""
    pictures = {}
    if replay.walk.changes is not None and len(shown_skills(replay)):
        pictures["class"] = Picture(
            "All learners: the mean belief that each skill is known, over those who got so far",
            class_figure(replay),
            class_figure(replay, narrow=True),
        )
        if len(shown_learners(replay)):
            pictures["learners"] = Picture(
                "Single learners: the belief that each skill is known; dark is known",
                learners_figure(replay),
                learners_figure(replay, narrow=True),
            )
    kept = keep(pictures, folder)
    page = folder / "report.html"
    write_page(
        page,
        "replay/report.html",
        Page(TITLE, facts),
        replay=replay,
        sentences=sentences(replay),
        why=NO_VERDICT,
        pictures=embedded(kept.values()),
        numbers=numbers,
    )
    return Told(page, replay.write(folder, tables), {name: one.path for name, one in kept.items()})


def sentences(replay: Replay) -> list[str]:
    """The findings in words, for page and terminal."""
    given, walk = replay.given, replay.walk
    told = [f"{_agreed(replay, 'item', 'The same item')}."]
    if len(set(kinds_of(replay.tutor.words))) < len(replay.tutor.items):
        told.append(f"{_agreed(replay, 'skills', 'An item of the same skills')}.")
    without = int((walk.chosen < 0).sum())
    if without:
        told.append(
            f"Before {without:,} of {len(given.item):,} responses the tutor had nothing to choose, "
            "or would have ended; they are not counted."
        )
    closed = int((~walk.open).sum())
    if closed:
        told.append(
            f"{closed:,} of {len(given.item):,} responses were to items that the tutor could not choose "
            "then, locked or not offered; there it cannot agree, nor can random choice."
        )
    if walk.changes is None:
        told.append("This tutor sees no belief about skills, so there is no mastery to show.")
    return told


def _agreed(replay: Replay, what: str, words: str) -> str:
    found, chance = replay.agreement(f"same_{what}"), replay.agreement(f"random_{what}")
    lead = replay.agreement(f"same_{what}", less=f"random_{what}")
    return (
        f"{words} was chosen and given in {_share(found)} of {len(replay.choices):,} choices for "
        f"{replay.given.n_learners:,} learners; random choice among the allowed would agree in "
        f"{_share(chance)} (difference {_share(lead, signed=True)})"
    )


def _share(found: Estimate, signed: bool = False) -> str:
    """Percentages with one decimal, so that random choice among many items is more than 0."""
    ends = "" if found.low != found.low else f" [{_tenths(found.low, signed)}, {_tenths(found.high, signed)}]"
    return f"{_tenths(found.value, signed)} %{ends}"


def _tenths(value: float, signed: bool) -> str:
    return numbers.number(100.0 * value, signed, digits=1)
