"""A mind that is made when something first reads it: a model is fitted for those who think by it alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.envs.mind import Keys, Lasting, Mind
from coursewright.simulators.arrays import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class LateMind:
    """A mind that is made once, on first use; copies of the task share it, in other processes too.

    `make` makes it.
    """

    make: Callable[[], Mind[Any]]

    @cached_property
    def mind(self) -> Mind[Any]:
        """The mind itself."""
        return self.make()

    @property
    def model(self) -> object:
        """The model that it thinks by; None where it has none."""
        return getattr(self.mind, "model", None)

    @property
    def tells(self) -> tuple[str, ...]:
        """See `Mind`, as for all that follows."""
        return self.mind.tells

    def empty(self, batch: int) -> Any:
        """A state with safe values."""
        return self.mind.empty(batch)

    def open(self, state: Any, rows: Ints, past: Past, key: Keys) -> None:
        """Begin anew."""
        self.mind.open(state, rows, past, key)

    def update(self, state: Any, event: Event) -> None:
        """Learn from one response in each row."""
        self.mind.update(state, event)

    def known(self, state: Any, rows: Ints, out: Floats) -> None:
        """Expected mastery, `[rows, skills]`."""
        self.mind.known(state, rows, out)

    def chances(self, state: Any, rows: Ints, out: Floats) -> None:
        """P(correct), `[rows, items]`."""
        self.mind.chances(state, rows, out)

    def gains(self, state: Any, rows: Ints, goal: Bools, out: Floats) -> None:
        """Expected gain, `[rows, items]`."""
        self.mind.gains(state, rows, goal, out)

    def stabilities(self, state: Any, rows: Ints, out: Floats) -> None:
        """Days until recall is .9, `[rows, items]`, where `tells` has them."""
        assert isinstance(self.mind, Lasting)
        self.mind.stabilities(state, rows, out)
