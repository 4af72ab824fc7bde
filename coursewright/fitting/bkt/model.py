"""BKT behind the protocol of fitted models: all skills of a log, and a simulator over the log's items."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from coursewright.fitting.bkt.card import warnings_of
from coursewright.fitting.bkt.em import BktFit, EmSettings, fit
from coursewright.fitting.bkt.predict import predict
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.course import course_of
from coursewright.fitting.model import Estimates
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import FIELDS


@dataclass(frozen=True)
class BktModel:
    """Bayesian knowledge tracing by EM, each skill by itself; `forgetting` fits P(F) at each opportunity."""

    forgetting: bool = False

    @property
    def name(self) -> str:
        """What tables call it."""
        return "bkt"

    def fit(self, table: pa.Table) -> "FittedBkt":
        """Fit every skill of `table`, sound or not."""
        return FittedBkt(fit(Sequences.from_log(table), EmSettings(self.forgetting)), course_of(table))


@dataclass(frozen=True, eq=False)
class FittedBkt:
    """BKT parameters of every skill of a log, and the log's course."""

    fitted: BktFit
    course: Course

    def estimates(self) -> Estimates:
        """Prior, learn, guess and slip of each skill (and forget, where it was fitted)."""
        shown = [at for at, name in enumerate(FIELDS) if name != "forget" or self.fitted.theta[:, at].any()]
        names = tuple(f"{FIELDS[at]}[{skill}]" for skill in self.fitted.skills for at in shown)
        return Estimates(names, self.fitted.theta[:, shown].ravel())

    def warnings(self) -> Sequence[str]:
        """Skills that are not identified, switched, or did not converge."""
        return warnings_of(self.fitted)

    def predict(self, table: pa.Table) -> Floats:
        """P(correct) `[rows]`; an item with several skills gets the mean of their predictions."""
        return predict(self.fitted.parameters, table)

    def simulator(self) -> Bkt:
        """Learners over the log's items; one with several skills needs all of them (conjunctive)."""
        return Bkt(self.course, self.fitted.parameters, forgetting="opportunity")

    def write(self, folder: Path) -> None:
        """Write `parameters.csv`, which `read_bkt` reads (one item a skill)."""
        self.fitted.parameters.write(folder / "parameters.csv")
