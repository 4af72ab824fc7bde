"""DASH fitted to logs (Lindsey, Shroyer, Pashler & Mozer, Psychological Science 2014, model "DASH").

    logit p = alpha_learner - difficulty_item + Σ_w [ right_w ln(1 + c_w) - tried_w ln(1 + a_w) ]

c_w and a_w count right answers and attempts on the same item inside each window w.  It is DAS3H with items
in the place of skills and weights that all items share (Choffin et al. 2019, whose windows are used here),
so that its features and its simulator serve.
"""

from dataclasses import dataclass
from typing import ClassVar

from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.logistic.fitted import Form, LogisticFit
from coursewright.fitting.logistic.linear import Linear, Part, fit_linear
from coursewright.fitting.logistic.models import (
    LEVEL,
    STRENGTH,
    WINDOWS_OVERLAP,
    check_penalty,
    spread_of,
)
from coursewright.fitting.model import Teaching
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.logistic import das3h
from coursewright.simulators.logistic.tables import write_das3h


@dataclass(frozen=True)
class DashModel:
    """DASH; `penalty` is the L2 penalty on the differences between items."""

    penalty: float = STRENGTH

    needs_times: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_penalty(self.penalty)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "DASH"

    def fit(self, log: Coded) -> LogisticFit:
        """Fit to the rows of a log."""
        linear = fit_linear(log, [Part("item", das3h.COLUMNS, LEVEL)], self.penalty, individual=True)
        return LogisticFit(linear, course_of(log).by_item, DASH)


def _learners(linear: Linear, course: Course) -> das3h.Das3h:
    """DAS3H learners for whom every item is a skill of its own."""
    weights = linear.parts[0].table(das3h.COLUMNS)
    weights[:, das3h.TRIED :] *= -1.0  # DAS3H subtracts the part of attempts that is added here
    return das3h.Das3h(course, rounded(weights), spread_of(linear))


DASH = Form(_learners, write_das3h, Teaching("recall", "das3h"), (WINDOWS_OVERLAP,))
