"""The learning that a model invents, beside the learning that it finds in the log.

A policy that is trained on learners who invent learning comes to live on it.  The mark rests on null worlds
(`null_world.py`).  It stands on the validity page, in the card and the facts of a fit's folder, and in a
warning wherever such learners are about to be taught.
"""

from dataclasses import dataclass

import numpy as np

from coursewright.errors import InputError, reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.judging.held_out import FEWEST_LEARNERS
from coursewright.fitting.judging.null_world import (
    LEVELS,
    MOST_GAIN,
    MOST_SPREAD,
    PRACTICES,
    WORLDS,
    Gains,
    NullWorlds,
)
from coursewright.fitting.model import Estimates, Fitted, LearnerModel
from coursewright.simulators.arrays import Floats
from coursewright.simulators.folders import INVENTS

UNKNOWN = Gains(np.full(len(LEVELS), np.nan), np.full(len(LEVELS), np.nan))
SPREADS = ("spread", "prior_sd", "learn_sd")  # estimates of how much learners differ, in log odds


@dataclass(frozen=True, eq=False)
class Invented:
    """The gains of practice: `null` in worlds where nobody learns, `real` of the fit to the log.

    Where the test is left out, all are nan, and `left_out` is the reason.
    """

    null: Gains
    real: Gains
    left_out: str = ""

    @property
    def unfit(self) -> bool:
        """True where the model invents learning, so that no policy should be trained on its learners."""
        return self.null.invented

    @property
    def words(self) -> str:
        """The finding in a sentence, without a full stop."""
        if self.left_out:
            return f"Null worlds, where nobody learns: left out; {self.left_out}"
        verdict = "invents learning: unfit to train policies" if self.unfit else "invents no learning"
        return (
            f"It {verdict}. Where nobody learns, {PRACTICES} practices of the easiest, middle and hardest "
            f"skills move P(correct) by {_listed(self.null.gain, '+.3f')} (at most {MOST_GAIN:g} either way; "
            f"in the log: {_listed(self.real.gain, '+.3f')}), and learners come to differ by "
            f"{_listed(self.null.spread, '.2f')} in log odds (at most {MOST_SPREAD:g}; in the log: "
            f"{_listed(self.real.spread, '.2f')})"
        )

    @property
    def facts(self) -> dict[str, bool]:
        """The entry of the folder's facts; none where the test is left out."""
        return {} if self.left_out else {INVENTS: self.unfit}


@dataclass(frozen=True, eq=False)
class Trial:
    """Null worlds of one log for any number of models, or the reason why there are none."""

    worlds: NullWorlds | None
    left_out: str = ""

    @classmethod
    def of(cls, log: Coded, worlds: int = WORLDS, seed: int = 0) -> "Trial":
        """So many worlds (0: none); few learners cannot tell how much they differ, and make no world."""
        check_worlds(worlds)
        n = len(log.learners)
        if worlds == 0:
            return cls(None, "worlds=0")
        if n < FEWEST_LEARNERS:
            return cls(None, f"learners: {n}, and it takes {FEWEST_LEARNERS} to tell how much they differ")
        return cls(NullWorlds.of(log, worlds, seed))

    def invented(self, model: LearnerModel, fitted: Fitted, seed: int = 0) -> Invented:
        """The learning that `model` invents, beside that of its fit to the log; a fit for each world."""
        if self.worlds is None:
            return Invented(UNKNOWN, UNKNOWN, self.left_out)
        try:
            null = self.worlds.invented(model, seed)
        except InputError as error:
            return Invented(UNKNOWN, UNKNOWN, f"the model cannot be fitted there ({error})")
        real = self.worlds.practised(fitted.simulator(), seed)
        if not np.isfinite(null.gain).any():
            return Invented(UNKNOWN, UNKNOWN, "its learners know none of the skills that are practised most")
        return Invented(null, real)


def check_worlds(worlds: int) -> None:
    """Raise `InputError` for a number of worlds that is neither 0 nor at least 2."""
    if worlds < 0 or worlds == 1:
        raise reject("worlds", worlds, "0 (none) or at least 2")


def unseen_spread(estimates: Estimates, learners: int) -> list[str]:
    """A warning where a fit says how much learners differ, and the log has too few `learners` to show it."""
    named = [(name, value) for name, value in zip(*estimates, strict=True) if name in SPREADS and value > 0.0]
    if learners >= FEWEST_LEARNERS or not named:
        return []
    said = ", ".join(f"{name} {value:.2f}" for name, value in named)
    who = "one learner cannot show" if learners == 1 else f"{learners} learners hardly show"
    return [f"learners differ ({said}) as {who}: simulated ones may be anybody"]


def _listed(values: Floats, form: str) -> str:
    return ", ".join("–" if np.isnan(value) else format(value, form) for value in values)
