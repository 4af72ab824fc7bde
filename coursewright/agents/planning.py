"""The cost of a policy that plans: simulations and processor time at a decision, as a line to print."""

from coursewright.agents.rule import RulePolicy
from coursewright.envs.policy import Policy


def cost_of(name: str, policy: Policy, decisions: int, seconds: float) -> str:
    """A line on the policy called `name`, which made so many decisions in so many seconds of processor time.

    "" for a policy that does not plan.
    """
    simulations = getattr(policy.rule, "simulations", 0) if isinstance(policy, RulePolicy) else 0
    if not simulations or not decisions:
        return ""
    each = 1e3 * seconds / decisions
    return f"{name}: {simulations} simulations and {each:.2f} ms of CPU a decision, teaching included"
