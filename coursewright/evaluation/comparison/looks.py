"""The look of policies in pictures: by their kind, and told apart in grey too."""

from collections.abc import Mapping
from typing import NamedTuple

from coursewright.evaluation.comparison.scores import ORACLE, TRAINED
from coursewright.evaluation.figures import BLUE, GREEN, GREY, ORANGE

CYCLE = (GREY, "#CC79A7", "#56B4E9", "#8C6D00", "#8A8A8A", "#7B3F9E")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = {TRAINED: "s", ORACLE: "D"}

Dash = str | tuple[int, tuple[float, ...]]


class Line(NamedTuple):
    """The line of a policy in a picture; a plain one is thin."""

    colour: str
    dash: Dash
    plain: bool


def colour_of(policy: str, kind: str, reference: str) -> str:
    """The colour of a policy's kind: trained, the reference, an oracle, or another rule."""
    if policy == reference:
        return BLUE
    return {TRAINED: ORANGE, ORACLE: GREEN}.get(kind, GREY)


def lines(kinds: Mapping[str, str], reference: str) -> dict[str, Line]:
    """A line per policy; no two policies (of up to 24 rules) share colour and dash."""
    given: dict[str, Line] = {}
    used: dict[str, int] = {}
    rules = 0
    for policy, kind in kinds.items():
        colour = colour_of(policy, kind, reference)
        if colour == GREY:
            colour, dash = CYCLE[rules % len(CYCLE)], rules // len(CYCLE) + rules % 2
            rules += 1
        else:
            dash = used.get(colour, 0)
            used[colour] = dash + 1
        plain = kind not in MARKERS and policy != reference
        given[policy] = Line(colour, DASHES[dash % len(DASHES)], plain)
    return given
