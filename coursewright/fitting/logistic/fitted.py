"""A fitted logistic sum as a fit: its estimates, predictions, learners and folder, for models of any form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coursewright.fitting.coded import Coded
from coursewright.fitting.logistic.linear import Linear
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.protocol import Simulator


class Form(NamedTuple):
    """From a fitted sum to its learners, their files and reader.

    `silent` tells the limits of every log, `proxy` how the form invents learning.
    """

    build: Callable[[Linear, Course], Any]
    write: Callable[[Path, Any], None]
    teaching: Teaching
    silent: tuple[str, ...] = ()
    proxy: str = ""


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """A fitted logistic learner: the sum, the course it speaks of, and their use."""

    linear: Linear
    course: Course
    form: Form

    @property
    def teaching(self) -> Teaching:
        """Depends on the model."""
        return self.form.teaching

    def estimates(self) -> Estimates:
        """The weights of each skill, those that all share, and the spread between learners.

        `lag[(skill)]` is shared by all skills.  Items are listed where the model has no level of skills.
        """
        named: dict[str, float] = {}
        for at, weights in enumerate(self.linear.parts):
            if weights.part.kind == "hidden":
                continue
            for column in weights.part.columns:
                each = weights.of(column).tolist()
                if column not in weights.part.own:
                    named[f"{column}[({weights.part.kind})]"] = each[0]
                elif weights.part.kind != "item" or at == 0:
                    named |= {f"{column}[{name}]": w for name, w in zip(weights.names, each, strict=True)}
        if self.linear.spread > 0.0:
            named["spread"] = self.linear.spread
        if self.linear.selection.sd > 0.0:
            named["staying"] = self.linear.selection.slope
        return Estimates(tuple(named), np.array(list(named.values())))

    def warnings(self) -> Sequence[str]:
        """The gaps that the log left in the fit, one line each."""
        return self.linear.troubles

    def undetermined(self) -> Sequence[str]:
        """Plain sentences on what no log tells this sum."""
        return self.form.silent

    @property
    def proxy(self) -> str:
        """The way in which this form invents learning on any log; "" where it is not known to."""
        return self.form.proxy

    def predict(self, log: Coded) -> Floats:
        """P(correct) of each row `[rows]` from earlier rows of the same learner only; learners may be new."""
        return self.linear.predict(log)

    def simulator(self) -> Simulator[Any]:
        """Learners with these parameters on the log's own items."""
        learners: Simulator[Any] = self.form.build(self.linear, self.course)
        return learners

    def write(self, folder: Path) -> None:
        """Write the tables that `read_logistic`, `read_irt` or `read_das3h` reads."""
        self.form.write(folder, self.simulator())
