"""Agents that cannot be written as a tutor file, told before anything is trained or tuned."""

from collections.abc import Mapping
from typing import Any

from coursewright.agents.export.remembering import refuse_terms
from coursewright.envs.task import Task
from coursewright.errors import InputError

TRUE_STATE = "it reads the learner's true state, which no host knows"
PLANS = "it plans on simulated learners at each decision, and a file holds none"
POPULATION = "it weighs the whole population of learners, and a file holds none"
# By the module of the agent, or that of its room
REFUSED: Mapping[str, str] = {
    "coursewright.agents.planners.belief_rollout": PLANS,
    "coursewright.agents.planners.belief_search": PLANS,
    "coursewright.agents.planners": TRUE_STATE,
    "coursewright.agents.schedulers.informed_threshold": POPULATION,
}
# Agents that go by the tutor's mind, where the task has one
BY_MIND = (
    "coursewright.agents.rules.expected_gain",
    "coursewright.agents.rules.target_success",
    "coursewright.agents.tuned_rule",
)
MIND = "it goes by the tutor's model, and a file holds the tutor's table alone (tutor=null)"


def refuse_agent(agent: Any, task: Task, name: str) -> None:
    """Refuse an agent, or a task, that no tutor file can be written of; `name` is the agent's."""
    module = type(agent).__module__
    why = next((why for at, why in REFUSED.items() if f"{module}.".startswith(f"{at}.")), None)
    if why is None and task.mind is not None and module in BY_MIND:
        why = MIND
    if why is not None:
        raise InputError(f"agent = {name}: cannot be written as a tutor file: {why}", "agent")
    refuse_terms(task.terms)
