"""What some learner models offer beyond `protocol.Simulator`; whoever asks looks with `isinstance`."""

from typing import Any, Protocol, runtime_checkable

from coursewright.simulators.arrays import Ints
from coursewright.simulators.protocol import Simulator


@runtime_checkable
class Stratified(Protocol):
    """A population made of named strata; the names say by what mechanism their learners differ."""

    @property
    def strata(self) -> tuple[str, ...]:
        """The names."""
        ...

    def stratum(self, state: Any) -> Ints:
        """Each learner's stratum `[batch]`: a label for reports, no feature unless a task asks for it."""
        ...


@runtime_checkable
class Assisting(Protocol):
    """Learners who may be helped while they answer; others never set `Response.assisted`."""

    @property
    def assists(self) -> bool:
        """Whether any answer can be an assisted one, which is no evidence of mastery."""
        ...


@runtime_checkable
class Paced(Protocol):
    """Learners who may be quicker than the course says."""

    @property
    def quickest(self) -> float:
        """Minutes that hardly any item takes less than; it bounds the steps within a budget of minutes."""
        ...


@runtime_checkable
class Sequential(Protocol):
    """Learners whose platform looks at the last accepted item to say what may come next."""

    def accept(self, state: Any, item: Ints) -> None:
        """Take `item [batch]` (-1: none) for the last accepted one, whatever was learned from it."""
        ...


@runtime_checkable
class Resampled(Protocol):
    """Learners fitted to a log, whose parameters are known with doubt."""

    def resampled(self) -> Simulator[Any] | None:
        """The same learners with a bootstrap draw of the parameters each, or None."""
        ...


def restricts(simulator: Simulator[Any]) -> bool:
    """Whether these learners' platform ever forbids an item; where not, `allowed` is never called."""
    return simulator.restricts
