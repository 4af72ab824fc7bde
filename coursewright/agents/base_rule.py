"""The rule that an agent makes: what planners and oracles play on by, and what a network imitates."""

from coursewright.agents.rule import RulePolicy
from coursewright.agents.tracker import Tracker
from coursewright.agents.tuning import Agent
from coursewright.envs.task import Task
from coursewright.errors import reject

RULE = "an agent that makes a rule, such as tuned_rule"


def refuse_no_rule(agent: Agent, at: str) -> None:
    """Refuse a network or a planner where a rule is asked for, `at` a setting, before it is made."""
    if hasattr(agent, "algorithm") or hasattr(agent, "base"):
        raise reject(at, type(agent).__name__, RULE)


def rule_of(agent: Agent, task: Task, seed: int, tracker: Tracker, at: str) -> RulePolicy:
    """The rule that an agent makes.  Raises `InputError` where it cannot do the task, or makes no rule."""
    refuse_no_rule(agent, at)
    made = agent(task, seed, tracker)
    if not isinstance(made, RulePolicy) or getattr(made.rule, "plans", False):
        raise reject(at, type(made).__name__, RULE)
    return made
