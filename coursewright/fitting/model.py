"""The interface of all fitted learner models, so that code that uses one needs no names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from coursewright.data.log import UNTIMED
from coursewright.errors import reject
from coursewright.fitting.coded import Coded
from coursewright.simulators.arrays import Floats
from coursewright.simulators.protocol import Simulator


class Estimates(NamedTuple):
    """Fitted parameters under one name each, such as `learn[fractions]`: names and values `[parameters]`."""

    names: tuple[str, ...]
    values: Floats


class Teaching(NamedTuple):
    """The settings by which `coursewright train` teaches a folder's learners: names in `configs`, the folder.

    `more` holds further settings, such as `simulator.start=items`.
    """

    task: str
    simulator: str
    folder: str = "simulator.folder"
    more: tuple[str, ...] = ()


class Fitted(Protocol):
    """A learner model fitted to a log."""

    @property
    def teaching(self) -> Teaching:
        """The simulator that reads the files of `write`, and the task that suits such learners."""
        ...

    def estimates(self) -> Estimates:
        """The parameters that a reader would want to see with an interval."""
        ...

    def warnings(self) -> Sequence[str]:
        """One line for each thing that the log did not tell (not identified, at a bound, not converged)."""
        ...

    def predict(self, log: Coded) -> Floats:
        """P(correct) of each row `[rows]` from earlier rows of the same learner only; learners may be new."""
        ...

    def simulator(self) -> Simulator[Any]:
        """A population of learners with these parameters, equal to the one read from the folder of `write`.

        Its items are those of the log, by name.
        """
        ...

    def write(self, folder: Path) -> None:
        """Write the population into `folder`, which is there, as the simulator's reader takes it."""
        ...


@runtime_checkable
class LearnerModel(Protocol):
    """A learner model to fit: a frozen dataclass of settings."""

    @property
    def name(self) -> str:
        """The model's name in tables."""
        ...

    def fit(self, log: Coded) -> Fitted:
        """Fit to the rows of a log.  Deterministic."""
        ...


@runtime_checkable
class Candid(Protocol):
    """A fit that says what it cannot tell, from this log or from any."""

    def undetermined(self) -> Sequence[str]:
        """Plain sentences for the card: what was assumed, and what answers cannot show."""
        ...


@runtime_checkable
class Proxying(Protocol):
    """A fit that may be of a form known to invent learning, whatever the log."""

    @property
    def proxy(self) -> str:
        """The fault of the form and its source in a sentence without a full stop; "" where there is none."""
        ...


@runtime_checkable
class Timed(Protocol):
    """A model whose fit rests on the time between responses, if `needs_times`."""

    @property
    def needs_times(self) -> bool:
        """True for a model of forgetting."""
        ...


def refuse_untimed(log: Coded, models: Mapping[str, LearnerModel], field: str = "model") -> None:
    """Raise `InputError` where one of `models` (by name) needs times, and those of the log are made up."""
    for name, model in models.items():
        if not log.timed and isinstance(model, Timed) and model.needs_times:
            option = " (or model.lag=false)" if getattr(model, "lag", False) else ""
            allowed = f"one without forgetting, such as bkt, pfa, best_lr or irt{option}: {UNTIMED}"
            raise reject(field, name, allowed)


@runtime_checkable
class Redrawing(Protocol):
    """A fit that draws its parameters anew by a way of its own, cheaper than a refit to each resample."""

    def redrawn(self, log: Coded, draws: int, seed: int) -> tuple[Fitted, Sequence[Fitted]]:
        """The same fit, which may keep the draws in its population, and each draw as a fit `[draws]`."""
        ...
