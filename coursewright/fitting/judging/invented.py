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
from coursewright.fitting.judging.null_world import LEVELS, PRACTICES, WORLDS, Gains, NullWorlds
from coursewright.fitting.judging.verdict import LEARNING, MOST_GAIN, MOST_SPREAD, NOTHING, UNTOLD, Measured
from coursewright.fitting.model import Estimates, Fitted, LearnerModel, Proxying
from coursewright.simulators.arrays import Floats
from coursewright.simulators.folders import INVENTS

UNMEASURED = Measured.nothing(len(LEVELS))
UNMEASURED_YET = "not measured"
UNKNOWN = Gains(np.full(len(LEVELS), np.nan), np.full(len(LEVELS), np.nan))
SPREADS = ("spread", "prior_sd", "learn_sd")  # estimates of how much learners differ, in log odds


@dataclass(frozen=True, eq=False)
class Invented:
    """The gains of practice: `null` in worlds where nobody learns, `real` of the fit to the log.

    Where the test is left out, no figure is known, and `left_out` is the reason.  `proxy` is the fault of a
    form that is known to invent learning: it counts wherever the worlds do not tell.
    """

    null: Measured
    real: Gains
    left_out: str = ""
    proxy: str = ""

    @property
    def verdict(self) -> str:
        """The invented effects, in words; `NOTHING` for a fit model; `UNTOLD`; "" where nothing is known."""
        found = self.null.verdict
        return LEARNING if self.proxy and found in ("", UNTOLD) else found

    @property
    def unfit(self) -> bool:
        """True where practice changes learners though nobody learns: no policy should be trained on them."""
        return self.verdict not in ("", NOTHING, UNTOLD)

    @property
    def words(self) -> str:
        """The finding in a sentence or two, without the last full stop."""
        told = {
            "": "",
            NOTHING: "It invents no learning",
            UNTOLD: "This log cannot tell if it invents learning",
        }
        said = told.get(self.verdict, f"It invents {self.verdict}: unfit to train policies")
        if self.proxy and self.unfit:
            said += f" ({self.proxy})"
        figures = f"Null worlds, where nobody learns: left out; {self.left_out}"
        return ". ".join(filter(None, [said, figures if self.left_out else self._figures()]))

    def _figures(self) -> str:
        mean, error, real = self.null.mean, self.null.error, self.real
        text = (
            f"Where nobody learns, {PRACTICES} practices of the easiest, middle and hardest skills move "
            f"P(correct) by {_doubtful(mean.gain, error.gain, '+.3f')} (bound {MOST_GAIN:g} either way; in "
            f"the log: {_listed(real.gain, '+.3f')}), and learners come to differ by "
            f"{_doubtful(mean.spread, error.spread, '.2f')} in log odds (bound {MOST_SPREAD:g}; in the log: "
            f"{_listed(real.spread, '.2f')}); ± is the standard error over worlds"
        )
        if self.verdict != UNTOLD:
            return text
        return f"{text}. Some 95 % interval holds its bound: more worlds (worlds=) narrow it"

    @property
    def facts(self) -> dict[str, str]:
        """The entry of the folder's facts."""
        return {INVENTS: self.verdict or UNMEASURED_YET}


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
        proxy = fitted.proxy if isinstance(fitted, Proxying) else ""
        if self.worlds is None:
            return Invented(UNMEASURED, UNKNOWN, self.left_out, proxy)
        try:
            null = Measured.of(self.worlds.invented(model, seed))
        except InputError as error:
            return Invented(UNMEASURED, UNKNOWN, f"the model cannot be fitted there ({error})", proxy)
        if not null.known:
            none = "its learners know none of the skills that are practised most"
            return Invented(UNMEASURED, UNKNOWN, none, proxy)
        return Invented(null, self.worlds.practised(fitted.simulator(), seed), "", proxy)


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


def _doubtful(values: Floats, errors: Floats, form: str) -> str:
    pairs = zip(values, errors, strict=True)
    plain = form.removeprefix("+")
    return ", ".join(
        "–" if np.isnan(value) else f"{format(value, form)} ± {format(error, plain)}"
        for value, error in pairs
    )
