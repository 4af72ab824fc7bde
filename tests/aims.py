"""The trained policies of the experiments beside rules, on unseen learners, and what a training costs.

    python tests/aims.py kss kss_t10 kss_quick                  # five seeds, 20,000 learners
    python tests/aims.py kt6kc --seeds 1 --learners 2000 --set agent.steps=100_000
    python tests/aims.py synthetic lkt --data ../shared/data    # fitted to a log, trained as `bkt_ednet` is

`mean` is that of the policies of seeds 0, 1, 2, ..., with a t interval over seeds.  `ahead` is the paired
difference of their mean to a rule on the same learners, with a normal interval over learners.  `CPU s` are
seconds of the processor a training, from the task to the policy; `scaled` are those of one that makes
160,000 steps a second in CartPole-v1, which is measured before and after each training.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

import coursewright
from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SILENT
from coursewright.agents.tutor import TaskRecipe
from coursewright.envs.policy import Policy
from coursewright.envs.rewards import mean_gain
from coursewright.envs.rollout import Group, rollout, traces
from coursewright.envs.task import Task
from coursewright.evaluation.statistics import FEWEST_SEEDS, over_seeds
from coursewright.scripts.experiment import settled
from coursewright.simulators.arrays import Floats
from recipes import LOGS, fitted_to
from speed.environments import single

AGENTS = Path(coursewright.__file__).parent / "configs/agent"
LEARNERS, SEEDS = 20_000, 5
SPEED = 160_000  # CartPole-v1 steps a second
Rule = Callable[[Task], Policy]
Rules = Mapping[str, Rule]
TUNED: Rules = {"tuned mastery rule": TunedMastery()}
BY_GAIN: Rules = {"expected gain": ExpectedGain(), **TUNED}
RULES: dict[str, Rules] = {
    "kss": TUNED,
    "kss_t10": TUNED,
    "kss_quick": TUNED,
    "bkt_ednet": BY_GAIN,
    "kt6kc": {**TUNED, "ZPDES": Zpdes()},
    "efc": {"round-robin": RoundRobin()},
    **dict.fromkeys(LOGS, BY_GAIN),
}
READ_AT = {"kt6kc": (25, 50, 100)}  # steps; elsewhere the return counts
HEAD = """| experiment | mean | seeds | rule | its mean | ahead | CPU s | CartPole steps/s | scaled |
|---|---|---|---|---|---|---|---|---|"""


class Trained(NamedTuple):
    """A policy, the processor seconds of its training, and CartPole-v1 steps a second meanwhile."""

    policy: Policy
    seconds: float
    speed: float


def made(choices: Sequence[str]) -> tuple[Task, Any]:
    """The task and the agent of a command line, with the experiment's settings for the agent."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", list(choices), return_hydra_config=True)
    config.choices.agent = config.hydra.runtime.choices.agent
    agents = [path.stem for path in AGENTS.glob("*.yaml")]
    agent = instantiate(settled(config, choices, agents).agent)
    recipe = TaskRecipe(
        instantiate(config.simulator), instantiate(config.task, seeds=instantiate(config.seeds))
    )
    return recipe.with_tutor(recipe.tutor(None, config.hydra.runtime.choices["simulator"])), agent


def trained(task: Task, agent: Any, seeds: Sequence[int]) -> list[Trained]:
    """A policy of each seed."""
    measure = single("CartPole-v1")
    measure()
    found, before = [], measure()
    for seed in seeds:
        begun = time.process_time()
        policy = agent(task, seed, SILENT)
        seconds, after = time.process_time() - begun, measure()
        found.append(Trained(policy, seconds, (before + after) / 2))
        before = after
    return found


def scores(task: Task, policy: Policy, learners: int, steps: Sequence[int]) -> Floats:
    """The return `[learners, 1]`, or the mean mastery after some steps `[learners, steps]`."""
    if not steps:
        return rollout(task, policy, learners).returned[:, None]
    parts = traces(task, policy, Group(learners), with_mastery=True)
    return np.concatenate([part.run.mastery.mean(axis=2, dtype=float)[:, list(steps)] for part in parts])


def scores_of(rule: Rule, task: Task, learners: int, steps: Sequence[int]) -> Floats:
    """The same of a rule, which is made (and tuned, if it is) for each number of steps alone."""
    if not steps:
        return scores(task, rule(task), learners, ())
    tasks = [replace(task, steps=step, reward=mean_gain) for step in steps]
    return np.hstack([scores(one, rule(one), learners, (one.horizon,)) for one in tasks])


def around(values: Floats) -> str:
    """A mean of learners with its 95 % interval."""
    half = 1.96 * values.std(ddof=1) / len(values) ** 0.5
    return f"{values.mean():+.4f} [{values.mean() - half:+.4f}, {values.mean() + half:+.4f}]"


def over_trainings(means: Floats) -> str:
    """A mean of trainings with its 95 % t interval, where there are five or more."""
    if len(means) < FEWEST_SEEDS:
        return f"{means.mean():.4f}"
    found = over_seeds(means)
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def rows(name: str, choices: Sequence[str], seeds: Sequence[int], learners: int) -> Iterator[str]:
    """Train, let all teach the same learners, and tell; a line for each rule and reading."""
    task, agent = made(choices)
    steps = READ_AT.get(name, ())
    found = trained(task, agent, seeds)
    each = np.array([scores(task, one.policy, learners, steps) for one in found])
    cpu, speed = (float(np.mean([one[place] for one in found])) for place in (1, 2))
    scaled = float(np.mean([one.seconds * one.speed / SPEED for one in found]))
    for rule, make in RULES[name].items():
        theirs = scores_of(make, task, learners, steps)
        for place in range(theirs.shape[1]):
            what = f"{name}, {steps[place]} steps" if steps else name
            ahead = around(each[:, :, place].mean(axis=0) - theirs[:, place])
            mean = over_trainings(each[:, :, place].mean(axis=1))
            yield (
                f"| {what} | {mean} | {len(found)} | {rule} | {theirs[:, place].mean():.4f} | {ahead} "
                f"| {cpu:.1f} | {speed:,.0f} | {scaled:.1f} |"
            )


def main() -> None:
    """Print the rows that were asked for, as they come."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("names", nargs="*", help=", ".join(RULES))
    asked.add_argument("--seeds", type=int, default=SEEDS, help="how many trainings")
    asked.add_argument("--learners", type=int, default=LEARNERS)
    asked.add_argument("--data", type=Path, help="the folder of logs")
    asked.add_argument("--set", nargs="*", default=[], help="settings of `coursewright train`")
    given = asked.parse_args()
    logging.disable(logging.WARNING)
    print(HEAD, flush=True)
    for name in given.names or RULES:
        with tempfile.TemporaryDirectory() as folder:
            choices: list[str] | None = [f"experiment={name}"]
            if name in LOGS:
                fitted = fitted_to(name, given.data, Path(folder) / name)
                choices = fitted and ["experiment=bkt_ednet", *fitted]
            if choices is None:
                print(f"| {name} | its log is not there |", flush=True)
                continue
            for line in rows(name, [*choices, *given.set], range(given.seeds), given.learners):
                print(line, flush=True)


if __name__ == "__main__":
    main()
