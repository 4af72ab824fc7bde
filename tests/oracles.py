"""Every oracle beside random choice and the tuned rule, on the same unseen learners of a population.

    python tests/oracles.py kt6kc task=mastery task.steps=50       # 50 learners
    python tests/oracles.py --learners 200 efc task=recall task.steps=100

A row is a policy: its mean return with the standard error, the paired difference to the tuned rule with its
own, and CPU seconds a learner.  An oracle that does not apply is left out.
"""

import argparse
import time

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.agents.tracker import SILENT
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from recipes import task_of

NAMES = (
    "tuned_rule",
    "random",
    "round_robin",
    "oracle_greedy",
    "oracle_exact",
    "oracle_beam",
    "oracle_macro_beam",
    "oracle_threshold",
    "oracle_rollout",
)


def policy(name: str, task: Task) -> Policy:
    """The policy of a configured agent."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        agent = instantiate(compose("train", [f"agent={name}"]).agent)
    return agent(task, 0, SILENT)


def main() -> None:
    """Print the rows."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("population")
    asked.add_argument("choices", nargs="*", help="of the command line, such as task=mastery")
    asked.add_argument("--learners", type=int, default=50)
    given = asked.parse_args()
    task = task_of([f"simulator={given.population}", *given.choices])
    rule = None
    print("| policy | mean | se | over the tuned rule | se | CPU s a learner |\n|---|---|---|---|---|---|")
    for name in NAMES:
        try:
            teacher = policy(name, task)
        except InputError:
            continue
        begun = time.process_time()
        returned = rollout(task, teacher, given.learners).returned
        seconds = (time.process_time() - begun) / given.learners
        rule = returned if rule is None else rule
        ahead, root = returned - rule, np.sqrt(given.learners)
        means = f"{returned.mean():.4f} | {returned.std() / root:.4f}"
        print(
            f"| {name} | {means} | {ahead.mean():+.4f} | {ahead.std() / root:.4f} | {seconds:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
