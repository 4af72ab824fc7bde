"""The checks as people are told of them: names, captions, axes; one place for pages, tables and pictures."""

from collections.abc import Mapping
from typing import NamedTuple

from coursewright.fitting.judging.accuracy import BY_SKILL, LEARNING, LENGTH, RETENTION
from coursewright.fitting.judging.neighbours import NEIGHBOURS, REPEATS
from coursewright.fitting.judging.spread import SPREAD
from coursewright.fitting.judging.within_pairs import WITHIN


class Told(NamedTuple):
    """The name of a check in a sentence, and of its figure; the figure's caption and axes.

    `joined` bins follow each other, so that a line may join them; `signed` values lie around 0.
    """

    what: str
    figure: str
    caption: str
    x: str
    y: str = "share right"
    joined: bool = True
    signed: bool = False


CHECKS: Mapping[str, Told] = {
    WITHIN: Told(
        "learning within pairs",
        "within-pairs",
        "Learning within pairs, the verdict on learning: answers of a learner on a skill (ten opportunities "
        "and more; five, where few have ten), minus the item's accuracy, minus the pair's own mean",
        "opportunity",
        "from the pair's mean",
        signed=True,
    ),
    LEARNING: Told(
        "accuracy by opportunity",
        "learning",
        "Who stays and learning: the share of right answers by opportunity on the skill",
        "opportunity",
    ),
    BY_SKILL: Told("learning curves skill by skill", "skills", "the most practised skills", "opportunity"),
    RETENTION: Told(
        "retention",
        "retention",
        "Retention: the share of right answers by time since the learner last met the skill",
        "time since last met",
    ),
    LENGTH: Told(
        "accuracy by record length",
        "record-length",
        "Who stays: the share of right answers by the length of the learner's record",
        "rows of the learner",
    ),
    SPREAD: Told(
        "spread of learners",
        "spread",
        "The spread of learners: standard deviation and quantiles of their shares of right answers "
        "(twenty answers and more)",
        "over learners",
        "of shares right",
        joined=False,
    ),
    REPEATS: Told(
        "repeats of an item",
        "repeats",
        "Repeats: the share of right answers by the learner's last answer to the same item",
        "last answer",
        joined=False,
    ),
    NEIGHBOURS: Told(
        "autocorrelation",
        "autocorrelation",
        "Autocorrelation of answers minus the item's accuracy, minus the learner's mean",
        "distance",
        "correlation",
        joined=False,
        signed=True,
    ),
}
