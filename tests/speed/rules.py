"""Rules that teach: 10,000 learners, 200 steps each, seconds as on a machine of 160,000 CartPole steps/s."""

from speed.environments import single
from speed.measuring import Row, ratios
from speed.simulated import CARTPOLE

LEARNERS, STEPS, LIMIT = 10_000, 200, 5.0
BANDITS = (
    "beta_thompson",
    "discounted_ucb",
    "epsilon_greedy",
    "exp3",
    "lin_thompson",
    "lin_ucb",
    "riarit",
    "sliding_window_ucb",
    "thompson",
    "ucb",
    "zpdes",
)


def teaching() -> list[Row]:
    """Every bandit on KSS; the learners are 2,000 at a time, and their seconds times five."""
    import time
    from collections.abc import Callable
    from dataclasses import fields, replace

    from agent_contract import agent
    from coursewright.envs.rollout import rollout
    from coursewright.envs.shipped import kss

    task, part = kss(STEPS), LEARNERS // 5

    def rate(name: str) -> Callable[[], float]:
        made = agent(name)
        if "c" in {field.name for field in fields(made)}:
            made = replace(made, c=1.0)
        policy = made(task)

        def measure() -> float:
            begin = time.process_time()
            rollout(task, policy, part)
            return part * STEPS / (time.process_time() - begin)

        return measure

    measured = ratios(single("CartPole-v1"), *map(rate, BANDITS))
    seconds = [LEARNERS * STEPS / (CARTPOLE * ratio) for _, ratio in measured]
    return [
        Row(f"10,000 learners x 200 steps of {name}", f"{taken:.2f} s", float("nan"), f"< {LIMIT:g} s")
        for name, taken in zip(BANDITS, seconds, strict=True)
    ]
