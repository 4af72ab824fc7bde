"""The look of policies in pictures.

Colour and mark say the kind, dashes tell policies of one kind apart, and all of it can be read in grey.
"""

from collections.abc import Mapping
from typing import NamedTuple

from coursewright.evaluation.comparison.scores import ORACLE, TRAINED
from coursewright.evaluation.figures import BLUE, GREEN, GREY, ORANGE

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
MARKERS = {TRAINED: "s", ORACLE: "D"}
TRAINED_MARKERS = ("s", "^", "P", "X")
REFERENCE_MARKER, RULE_MARKER = "o", "v"

Dash = str | tuple[int, tuple[float, ...]]


class Line(NamedTuple):
    """The line of a policy in a picture."""

    colour: str
    dash: Dash
    marker: str


def colour_of(policy: str, kind: str, reference: str) -> str:
    """The colour of a policy's kind: trained, the reference, an oracle, or another rule."""
    if policy == reference:
        return BLUE
    return {TRAINED: ORANGE, ORACLE: GREEN}.get(kind, GREY)


def marker_of(policy: str, kind: str, reference: str) -> str:
    """The mark of a policy that stands alone in its row; in grey, too, the reference is no other rule."""
    return REFERENCE_MARKER if policy == reference else MARKERS.get(kind, RULE_MARKER)


def line_of(policy: str, kinds: Mapping[str, str], reference: str) -> Line:
    """The line of a policy among those of `kinds`; up to four trained ones differ in dash and mark."""
    kind = kinds[policy]
    colour = colour_of(policy, kind, reference)
    if policy == reference:
        return Line(colour, DASHES[0], REFERENCE_MARKER)
    place = [name for name, other in kinds.items() if other == kind and name != reference].index(policy)
    if kind == TRAINED:
        return Line(colour, DASHES[place % 4], TRAINED_MARKERS[place % 4])
    return Line(colour, DASHES[(place + 1) % 4], MARKERS.get(kind, RULE_MARKER))
