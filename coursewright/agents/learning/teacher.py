"""The rule that a network imitates before it trains by reward."""

import logging
from collections.abc import Callable
from typing import Literal

from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SILENT
from coursewright.agents.tuning import LEARNERS, Tuning
from coursewright.envs.task import Task
from coursewright.errors import InputError

Teacher = Literal["tuned_mastery", "expected_gain", "best"]
RULES: dict[str, Callable[[Task], RulePolicy]] = {
    "tuned_mastery": TunedMastery(),
    "expected_gain": ExpectedGain(),
}

READS = ("goal", "streak", "belief")  # what these rules go by

log = logging.getLogger(__name__)


def refuse_unable(name: Teacher, task: Task) -> None:
    """Refuse a task that the rule of that name cannot do, before anything is tuned; `best` may be nobody."""
    if name == "expected_gain":
        RULES[name](task)
    if name == "tuned_mastery":
        NInARow()(task)
        MasteryThreshold()(task)


def teacher(name: Teacher, task: Task) -> RulePolicy | None:
    """The rule of that name; `best` is whichever has the higher mean return on tuning learners.

    None where the best is asked for and neither rule can do the task.  Raises `InputError` where a rule that
    was named cannot.
    """
    if name != "best":
        return RULES[name](task)
    able = []
    for other, rule in RULES.items():
        try:
            able.append((other, rule(task)))
        except InputError as error:
            log.info("not imitated: %s (%s)", other, error)
    if not able:
        return None
    return able[Tuning(task, SILENT).best(able, LEARNERS)[0]][1]
