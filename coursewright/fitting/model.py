"""What every fitted learner model offers, so that whoever uses one needs no names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from coursewright.simulators.arrays import Floats
from coursewright.simulators.protocol import Simulator


class Estimates(NamedTuple):
    """Fitted parameters under one name each, such as `learn[fractions]`: names and values `[parameters]`."""

    names: tuple[str, ...]
    values: Floats


class Fitted(Protocol):
    """A learner model fitted to a log."""

    def estimates(self) -> Estimates:
        """The parameters that a reader would want to see with an interval."""
        ...

    def warnings(self) -> Sequence[str]:
        """One line for each thing that the log did not tell (not identified, at a bound, not converged)."""
        ...

    def predict(self, table: pa.Table) -> Floats:
        """P(correct) of each row `[rows]` from earlier rows of the same learner only; learners may be new."""
        ...

    def simulator(self) -> Simulator[Any]:
        """A population of learners with these parameters; its items are those of the log, by name."""
        ...

    def write(self, folder: Path) -> None:
        """Write the parameters into `folder`, as the files that the simulator's reader takes."""
        ...


class LearnerModel(Protocol):
    """How to fit: a frozen dataclass of settings."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def fit(self, table: pa.Table) -> Fitted:
        """Fit to the rows of a `LearnerLog.table`, in order of learner, time and file.  Deterministic."""
        ...
