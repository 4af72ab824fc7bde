"""The table of docs/recipes.md: what a training with its own defaults reaches beside `tuned_mastery`.

    python tests/recipes.py kss bkt_ednet                   # rows of the table, as they come
    python tests/recipes.py --agent ppo --seeds 1 afm       # one agent, one seed
    python tests/recipes.py --agent trpo bkt_v0             # an agent that is in no table
    python tests/recipes.py --data ../shared/data           # everything, with logs that lie there

A row is a population: 2,000 unseen learners meet random choice, `tuned_mastery`, and the policies of three
trainings whose agent has nothing but its own defaults.  `low` is the lower end of the 95 % interval of the
paired difference to the tuned rule, averaged over the trainings, as a share of that rule's lead over random
choice.  It must be above -10 %.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SILENT
from coursewright.agents.tutor import TaskRecipe
from coursewright.data.log import LearnerLog
from coursewright.data.synthetic import synthetic_log
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.evaluation.statistics import Estimate, over_learners
from coursewright.fitting.folder import Trials, fit_model

LEARNERS = 2000
SEEDS = (0, 1, 2)
AGENTS = ("maskable_ppo", "ppo")
OTHERS = ("a2c", "trpo", "dqn", "qr_dqn", "ars", "recurrent_ppo", "maskable_recurrent_ppo")
OTHERS += ("graph_ppo", "maskable_graph_ppo")
WORST = -0.1  # of the tuned rule's lead over random choice
TABLES = ("bkt_v0", "bkt_ednet", "afm", "pfa", "best_lr", "irt", "das3h", "rltutor", "kes", "practice")
SHIPPED = {"kss_cseal18": ["task=kss"], **{name: ["task=mastery"] for name in TABLES}}
LOGS = {  # name -> the configured log, and what it is read from below the folder of logs
    "synthetic": (None, ""),
    "ednet": ("ednet", "ednet"),
    "lkt": ("lkt", "lkt/largerawsample.csv.gz"),
}


class Row(NamedTuple):
    """The returns of one agent on one population; `ahead` is the paired difference to the tuned rule."""

    population: str
    agent: str
    random: float
    tuned: float
    trained: float
    ahead: Estimate
    seconds: float

    @property
    def low(self) -> float:
        """The lower end as a share of the tuned rule's lead, or of its lag where random choice is better."""
        return self.ahead.low / abs(self.tuned - self.random)

    def __str__(self) -> str:
        ahead = f"{self.ahead.value:+.4f} [{self.ahead.low:+.4f}, {self.ahead.high:+.4f}]"
        return (
            f"| {self.population} | {self.agent} | {self.random:.4f} | {self.tuned:.4f} | {self.trained:.4f} "
            f"| {ahead} | {self.low:+.1%} | {self.seconds:.0f} |"
        )


HEAD = """\
| population | agent | random | tuned_mastery | trained | paired difference | low | CPU s a training |
|---|---|---|---|---|---|---|---|"""


def fitted_to(name: str, data: Path | None, out: Path) -> list[str] | None:
    """The choices that `fit` prints for a log; None where the log is not there."""
    configured, where = LOGS[name]
    log: LearnerLog
    if configured is None:
        log = synthetic_log()
    elif data is None or not (data / where).exists():
        return None
    else:
        with initialize_config_module("coursewright.configs", version_base="1.3"):
            log = instantiate(compose("fit", [f"log={configured}", f"log.path={data / where}"]).log)()
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        model = instantiate(compose("fit").model)
    teaching = fit_model(log, out, model, draws=0, trials=Trials(folds=2, worlds=0)).fitted.teaching
    return [
        f"task={teaching.task}",
        f"simulator={teaching.simulator}",
        f"{teaching.folder}={out}",
        *teaching.more,
    ]


def task_of(choices: Sequence[str]) -> Task:
    """The task of a command line."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", list(choices), return_hydra_config=True)
    recipe = TaskRecipe(
        instantiate(config.simulator), instantiate(config.task, seeds=instantiate(config.seeds))
    )
    return recipe.with_tutor(recipe.tutor(None, config.hydra.runtime.choices["simulator"]))


def row(population: str, task: Task, agent: str, seeds: Sequence[int] = SEEDS) -> Row:
    """Train, and let all teach the same unseen learners."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        make = instantiate(compose("train", [f"agent={agent}"]).agent)
    tuned = rollout(task, TunedMastery()(task), LEARNERS).returned
    random = rollout(task, UniformRandom()(task), LEARNERS).returned
    begun = time.process_time()
    policies = [make(task, seed, SILENT) for seed in seeds]
    seconds = (time.process_time() - begun) / len(seeds)
    trained = np.mean([rollout(task, policy, LEARNERS).returned for policy in policies], axis=0)
    means = (float(values.mean()) for values in (random, tuned, trained))
    return Row(population, agent, *means, over_learners(trained - tuned), seconds)


def main() -> None:
    """Print the rows that were asked for."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("populations", nargs="*", help=", ".join([*SHIPPED, *LOGS]))
    asked.add_argument("--agent", choices=AGENTS + OTHERS, help="one alone")
    asked.add_argument("--seeds", type=int, default=len(SEEDS), help="how many trainings")
    asked.add_argument("--data", type=Path, help="the folder of logs")
    given = asked.parse_args()
    print(HEAD, flush=True)
    for population in given.populations or [*SHIPPED, *LOGS]:
        with tempfile.TemporaryDirectory() as folder:
            if population in LOGS:
                choices = fitted_to(population, given.data, Path(folder) / population)
            else:
                choices = [f"simulator={population}", *SHIPPED[population]]
            if choices is None:
                print(f"| {population} | | | | | its log is not there | | |", flush=True)
                continue
            task = task_of(choices)
            for agent in [given.agent] if given.agent else AGENTS:
                name = f"fitted to {population}" if population in LOGS else population
                print(row(name, task, agent, range(given.seeds)), flush=True)


if __name__ == "__main__":
    main()
