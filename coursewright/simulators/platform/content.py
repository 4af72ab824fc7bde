"""The effect of content: the amount that an item of each kind teaches, and to whom.

The effect of content is a *dose* of learning, counted in ordinary practice opportunities:

    dose(kind, m) = dose[kind] * (1 + reversal[kind] * (1 - 2 m)), then the factors below, within [0, 2]

m in [0, 1] is the learner's prior knowledge: mean mastery of the item's skills and of everything that
comes before them.  A positive reversal makes a kind better for novices (worked examples: Sweller & Cooper
1985; fading them: Renkl & Atkinson 2003), a negative one better for the advanced: the expertise
reversal (Kalyuga, Ayres, Chandler & Sweller, Educational Psychologist 2003).  The papers give the directions;
every SIZE here is an assumption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Floats

KINDS = ("practice", "worked_example", "explanation", "hint", "video", "reading", "test")
PRACTICE, HINT, TEST = 0, 3, 6  # the kinds that ask something; the others show something
MOST = 2.0  # the largest dose


def per_name(
    field: str, given: Mapping[str, float], names: Sequence[str], otherwise: float, low: float, high: float
) -> Floats:
    """One number a name, `[names]`; `otherwise` where none is given.

    Raises `InputError` for an unknown name and for a number outside [low, high].
    """
    values = np.full(len(names), otherwise)
    for name, value in given.items():
        if name not in names:
            raise unknown(field, name, tuple(names))
        if not low <= value <= high or not np.isfinite(value):
            allowed = (
                f"a number in [{low:g}, {high:g}]" if np.isfinite(high) else f"a finite number >= {low:g}"
            )
            raise reject(f"{field}[{name}]", value, allowed)
        values[names.index(name)] = value
    return values


@dataclass(frozen=True)
class Help:
    """The effect of help on answers; by default none.

    Attributes
    ----------
    raises : share of the wrong answers that help turns into right ones: P(correct) = p + (1 - p) raises.
    abuse : P(asking for help unbidden in practice) of a learner with p = 0; it falls linearly to 0 at
        p = 1 (help abuse: Aleven, McLaren, Roll & Koedinger, IJAIED 2006).
    abused : factor in [0, 1] on the dose of practice in which help was asked for unbidden.
    """

    raises: float = 0.0
    abuse: float = 0.0
    abused: float = 1.0

    def __post_init__(self) -> None:
        for name in ("raises", "abuse", "abused"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise reject(f"rich.help.{name}", getattr(self, name), "in [0, 1]")


@dataclass(frozen=True)
class Content:
    """The effect of the kinds of items; by default each teaches as much as practice, a test nothing.

    Attributes
    ----------
    dose : kind -> practice opportunities that it is worth at m = 1/2, in [0, 2].  A test above 0 is the
        testing effect (Roediger & Karpicke, Psychological Science 2006).
    reversal : kind -> the excess for novices, and the lack for the advanced, in [-1, 1].
    repeated : factor in [0, 1] on the dose of an item that only shows something when seen again.
    feedback : the time at which learners hear if a practice answer (helped or not) was right.
    delayed, withheld : factors in [0, 1] on its dose where feedback comes late or never.
    help : see `Help`.
    counterfactual_meshing : a learner draws a preferred format, and items in that format teach
        (1 + this) times as much.  No such learner is known: reviews find no support for matching
        teaching to "learning styles" (Pashler, McDaniel, Rohrer & Bjork, Psychological Science in the
        Public Interest 2008).  It serves to test policies in a world that is not ours.
    """

    dose: Mapping[str, float] = field(default_factory=dict)
    reversal: Mapping[str, float] = field(default_factory=dict)
    repeated: float = 1.0
    feedback: Literal["immediate", "delayed", "none"] = "immediate"
    delayed: float = 1.0
    withheld: float = 1.0
    help: Help = field(default_factory=Help)
    counterfactual_meshing: float = 0.0

    def __post_init__(self) -> None:
        for name in ("repeated", "delayed", "withheld"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise reject(f"rich.content.{name}", getattr(self, name), "a factor in [0, 1]")
        if self.feedback not in ("immediate", "delayed", "none"):
            raise reject("rich.content.feedback", repr(self.feedback), "'immediate', 'delayed' or 'none'")
        if not 0.0 <= self.counterfactual_meshing <= 1.0:
            raise reject("rich.content.counterfactual_meshing", self.counterfactual_meshing, "in [0, 1]")
        _ = self.doses, self.reversals

    @property
    def doses(self) -> Floats:
        """The dose at m = 1/2 of each kind, `[kinds]`, feedback included."""
        doses = per_name("rich.content.dose", {"test": 0.0, **self.dose}, KINDS, 1.0, 0.0, MOST)
        late = {"immediate": 1.0, "delayed": self.delayed, "none": self.withheld}
        doses[[PRACTICE, HINT]] *= late[self.feedback]
        return doses

    @property
    def reversals(self) -> Floats:
        """The reversal of each kind, `[kinds]`."""
        return per_name("rich.content.reversal", self.reversal, KINDS, 0.0, -1.0, 1.0)
