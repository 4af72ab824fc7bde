"""The delivery of content to learners: its formats, its minutes, and the learners' engagement."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.kernel import inlined
from coursewright.simulators.luck import MINUTES, normal


@dataclass(frozen=True)
class Formats:
    """The effects of the formats of items (text, video, audio, simulation, ...); by default none.

    Attributes
    ----------
    minutes : format -> factor on an item's minutes.
    barred : format -> P(a learner cannot use it at all: no hearing, no equipment, ...), below 1.
    leaving : format -> factor on the chance to drop out during the item.
    """

    minutes: Mapping[str, float] = field(default_factory=dict)
    barred: Mapping[str, float] = field(default_factory=dict)
    leaving: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pace:
    """Log-normal response times (van der Linden, JEBS 2006), by default exactly the item's minutes.

        ln minutes ~ N(ln minutes[item] - tau[learner] + slope * (1 - p), sd^2)      tau ~ N(0, learner_sd^2)

    p is P(correct) without help; items that only show something have no slope.  The item's minutes are
    thus the median of a learner with tau = 0 who is sure of the answer.
    """

    learner_sd: float = 0.0
    sd: float = 0.0
    slope: float = 0.0

    def __post_init__(self) -> None:
        for name in ("learner_sd", "sd", "slope"):
            if not 0.0 <= getattr(self, name) <= 3.0:
                raise reject(f"rich.pace.{name}", getattr(self, name), "in [0, 3] (on the log scale)")


@inlined
def minutes_taken(
    median: float, tau: float, slope: float, sd: float, p: float, fate: np.uint64, step: int
) -> float:
    """The minutes that one item takes; exactly `median` where nothing shifts or spreads them."""
    shift = slope * (1.0 - p) - tau
    if sd > 0.0:
        shift += sd * normal(fate, step, MINUTES)
    return float(median * np.exp(shift)) if shift != 0.0 else median


@dataclass(frozen=True)
class Engagement:
    """A level of engagement e in [0, 1], and leaving as it falls; by default e stays 1 and nobody leaves.

    Each step, from P(correct) = p and the answer (rates in [0, 1]):

        bored      p > too_easy, or seen before (items that only show)          e <- e (1 - boredom)
        frustrated p < too_hard and a wrong answer                              e <- e (1 - frustration)
        absorbed   a right answer, and not bored                                e <- e + flow (1 - e)

    Days bring it back: 1 - e shrinks by exp(-recovery * days).  Then the learner drops out with the chance
    leaves + (leaves_disengaged - leaves) * (1 - e), times the format's factor.  Boredom and frustration
    as causes of disengagement: Craig, Graesser, Sullins & Gholson 2004; Baker, D'Mello, Rodrigo &
    Graesser, IJHCS 2010; D'Mello & Graesser, Learning and Instruction 2012.  The form and every size are
    assumptions.
    """

    start: float = 1.0
    too_easy: float = 0.95
    too_hard: float = 0.3
    boredom: float = 0.0
    frustration: float = 0.0
    flow: float = 0.0
    recovery: float = 0.0
    leaves: float = 0.0
    leaves_disengaged: float = 0.0

    def __post_init__(self) -> None:
        for name in ("start", "too_easy", "too_hard", "boredom", "frustration", "flow", "leaves"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise reject(f"rich.engagement.{name}", getattr(self, name), "in [0, 1]")
        if not 0.0 <= self.recovery < np.inf:
            raise reject("rich.engagement.recovery", self.recovery, "a finite rate >= 0 per day")
        if not self.leaves <= self.leaves_disengaged <= 1.0:
            allowed = f"in [{self.leaves}, 1]: never below rich.engagement.leaves"
            raise reject("rich.engagement.leaves_disengaged", self.leaves_disengaged, allowed)


@inlined
def felt(
    level: float,
    bored: bool,
    frustrated: bool,
    absorbed: bool,
    boredom: float,
    frustration: float,
    flow: float,
) -> float:
    """Engagement after one step."""
    if bored:
        level *= 1.0 - boredom
    if frustrated:
        level *= 1.0 - frustration
    if absorbed and not bored:
        level += flow * (1.0 - level)
    return level
