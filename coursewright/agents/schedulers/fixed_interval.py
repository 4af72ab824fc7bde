"""The same interval after every answer."""

from dataclasses import dataclass

from coursewright.agents.options import positive, switches
from coursewright.agents.rule import RulePolicy
from coursewright.agents.schedulers.calendar import CalendarRule
from coursewright.agents.schedulers.memrise import Ladder
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task


@dataclass(frozen=True)
class FixedInterval:
    """Every item is due so many `days` after its last review, by the calendar that the task shows.

    Raises `InputError` for days that are not positive.
    """

    days: float = 8.0
    new_first: bool = True

    def __post_init__(self) -> None:
        positive(days=self.days)
        switches(new_first=self.new_first)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `days_since`."""
        plan = Ladder((float(self.days),))
        return RulePolicy("fixed_interval", task, CalendarRule(task, plan, self.new_first))
