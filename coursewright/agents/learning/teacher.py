"""The rule that a network imitates before it trains by reward: one of two by name, or that of any agent."""

import logging
from collections.abc import Callable
from typing import Literal, get_args

from coursewright.agents.base_rule import refuse_no_rule, rule_of
from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SILENT
from coursewright.agents.tuning import LEARNERS, Agent, Tuning
from coursewright.envs.task import Task
from coursewright.errors import InputError, unknown

Named = Literal["tuned_mastery", "expected_gain", "best"]
Teacher = Named | Agent
AT = "agent.imitate"
RULES: dict[str, Callable[[Task], RulePolicy]] = {
    "tuned_mastery": TunedMastery(),
    "expected_gain": ExpectedGain(),
}

READS = ("goal", "streak", "belief")  # what these rules go by

log = logging.getLogger(__name__)


def check(who: Teacher | None) -> None:
    """Refuse a name that is no rule's, and an agent that makes none."""
    if callable(who):
        refuse_no_rule(who, AT)
    elif who is not None and who not in get_args(Named):
        raise unknown(AT, who, [*get_args(Named), "a rule as {_target_: ...}", "null"])


def refuse_unable(who: Teacher, task: Task) -> None:
    """Refuse a task that the rule cannot do, before anything is tuned; `best` may be nobody."""
    if who == "expected_gain":
        RULES[who](task)
    elif who == "tuned_mastery":
        NInARow()(task)
        MasteryThreshold()(task)
    elif callable(who) and not hasattr(who, "learners"):  # there is nothing to tune
        rule_of(who, task, 0, SILENT, AT)


def teacher(who: Teacher, task: Task) -> RulePolicy | None:
    """The rule of that name or agent; `best` is whichever has the higher mean return on tuning learners.

    None where the best is asked for and neither rule can do the task.  Raises `InputError` where a rule that
    was asked for cannot.
    """
    if callable(who):
        return rule_of(who, task, 0, SILENT, AT)
    if who != "best":
        return RULES[who](task)
    able = []
    for other, rule in RULES.items():
        try:
            able.append((other, rule(task)))
        except InputError as error:
            log.info("not imitated: %s (%s)", other, error)
    if not able:
        return None
    return able[Tuning(task, SILENT).best(able, LEARNERS)[0]][1]
