"""`practice`: what practice of a skill and of an item adds, and what time takes, once ability is set apart.

    logit p = theta_learner - difficulty_item
              + Σ_skills [ easiness_k + opportunity_k ln(1 + n_k) + (seen + forgetting(time), once met) ]
              + opportunity ln(1 + n_item) + right_last or wrong_last, by the last answer to the item

Opportunities stand for learning, because they say nothing of who is able; the answers that do so count only
as the last one to the same item.  Forgetting is linear in ln(1 + seconds) between the bends of
`simulators/logistic/counting.py`: a straight line is too slow in the first minutes and too fast over days.
theta rises with the length of a learner's record (`staying`), since else whoever is still there at a late
opportunity would have learned what they could before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.logistic.fitted import Form, LogisticFit
from coursewright.fitting.logistic.linear import Part, fit_linear
from coursewright.fitting.logistic.models import (
    LAG,
    LEVEL,
    STRENGTH,
    check_penalty,
    counting_learners,
)
from coursewright.fitting.model import Teaching
from coursewright.simulators.logistic.tables import write_logistic
from coursewright.simulators.logistic.worth import BENDS, LAST

OPPORTUNITY = ("opportunity",)
STAYING = (
    "A long record is taken for a mark of ability (`model.staying`), of which a little may be true learning "
    "by those who practise much; `model.staying=false` counts all of it as learning."
)


@dataclass(frozen=True)
class PracticeModel:
    """Learner, item, opportunities, forgetting and the last answer to the item.

    `lag` False leaves forgetting out, for logs without times; `staying` False takes ability for the same
    however long a record is; `penalty` draws skills and items together, and bends straight.
    """

    lag: bool = True
    staying: bool = True
    penalty: float = STRENGTH

    def __post_init__(self) -> None:
        check_penalty(self.penalty)

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "practice" + " without lag" * (not self.lag)

    @property
    def needs_times(self) -> bool:
        """True with `lag`."""
        return self.lag

    def fit(self, log: Coded) -> LogisticFit:
        """Fit to the rows of a log."""
        own = LEVEL + OPPORTUNITY
        bends = tuple(BENDS) if self.lag else ()
        parts = [
            Part("skill", own + LAG * self.lag + bends, own, held=bends),
            Part("item", OPPORTUNITY + LAST, LEVEL),
        ]
        linear = fit_linear(log, parts, self.penalty, individual=True, staying=self.staying)
        return LogisticFit(linear, course_of(log), _form(self.staying))


def _form(staying: bool) -> Form:
    silent: Sequence[str] = (STAYING,) if staying else ()
    return Form(counting_learners, write_logistic, Teaching("mastery", "practice"), tuple(silent))
