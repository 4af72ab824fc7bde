"""Planning on the belief beside the tuned rule, the index and expected gain, on the same unseen learners.

    python tests/planning.py                                  # every setting, 200 learners each
    python tests/planning.py bkt_ednet kss --learners 60 --tuning 500
    python tests/planning.py pfa agent.simulations=384        # options of the planners come last

The base of the planners is the tuned rule; where the tutor thinks by BKT's table, the first of them plans
over expected gain as well.  A row is a policy: its mean return, the paired difference to the tuned rule
with its 95 % interval, simulations at a decision, and milliseconds of processor a decision.  The last line
of a setting is the bound on any policy that sees answers alone, where one is known.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.agents.rule import RulePolicy
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuned_rule import TunedRule
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.bounds import bound
from coursewright.evaluation.statistics import over_learners
from coursewright.scripts.making import task_of
from coursewright.simulators.arrays import Floats

SETTINGS = {
    "bkt_ednet": ["simulator=bkt_ednet", "task=mastery"],
    "bkt_v0": ["simulator=bkt_v0", "task=mastery"],
    "kss": ["simulator=kss_cseal18", "task=kss"],
    "pfa": ["simulator=pfa", "task=mastery", "tutor=pfa"],
    "best_lr": ["simulator=best_lr", "task=mastery", "tutor=best_lr"],
    "kes": ["simulator=kes", "task=mastery", "task.steps=30", "tutor=gru"],
    "fsrs": ["simulator=fsrs", "task=recall", "task.steps=40", "tutor=fsrs"],
}
TUNED, FALLEN = "tuned rule", "it is the rule"  # the caveat of a planner without proof
GREEDY = "expected_gain"
RULES = ("random", GREEDY, "index")
PLANNERS = ("belief_rollout", "belief_search")
HEAD = (
    "| learners | policy | return | over the tuned rule [95 %] | simulations | ms a decision |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Made:
    """An agent whose rule was made before: it is tuned once for all planners."""

    rule: RulePolicy

    def __call__(self, task: Task, seed: int, tracker: Tracker) -> RulePolicy:
        """The rule."""
        return self.rule


def teaching(choices: list[str]) -> Task:
    """The task of these choices of the command line."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", [*choices, *(f"choices.{name}=_" for name in ("task", "agent"))])
        config.choices.simulator = choices[0].partition("=")[2]
        return task_of(config, config.tutor)


def made(name: str, options: list[str]) -> Any:
    """A configured agent."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        return instantiate(compose("train", [f"agent={name}", *options]).agent)


def policies(
    task: Task, rule: RulePolicy, planners: list[str], options: list[str]
) -> Iterator[tuple[str, Policy]]:
    """The tuned rule, and all others that can do the task."""
    yield TUNED, rule
    agents = {name: made(name, []) for name in RULES}
    agents |= {name: replace(made(name, options), base=Made(rule)) for name in planners}
    if task.mind is None:  # by a mind every imagined step would take its gains of all items
        first = replace(made(planners[0], options), base=made(GREEDY, []))
        agents[f"{planners[0]} over {GREEDY}"] = first
    for name, agent in agents.items():
        try:
            yield name, agent(task, 0, SILENT)
        except InputError:
            continue


def rows(task: Task, given: argparse.Namespace, options: list[str]) -> Iterator[str]:
    """The rows of a setting, without its name."""
    known: Floats = np.zeros(0)
    for label, policy in policies(task, TunedRule(given.tuning)(task), given.planners.split(","), options):
        rollout(task, policy, 1)  # compiled code is no part of the cost
        begun = time.process_time()
        taught = rollout(task, policy, given.learners)
        each = 1e3 * (time.process_time() - begun) / taught.steps.sum()
        known = taught.returned if label == TUNED else known
        ahead = over_learners(taught.returned - known)
        lead = f"{ahead.value:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}]" if label != TUNED else ""
        many = getattr(policy.rule, "simulations", "") if isinstance(policy, RulePolicy) else ""
        many = "the rule itself" if FALLEN in getattr(policy, "caveat", "") else many
        yield f"{label} | {taught.returned.mean():.4f} | {lead} | {many} | {each:.3f}"
    most = bound(task)
    if most.known:
        yield f"bound ({most.kind}) | {most.value:.4f} | | |"


def main() -> None:
    """Print the rows."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("settings", nargs="*", help=f"{', '.join(SETTINGS)}; and options such as agent.z=1")
    asked.add_argument("--learners", type=int, default=200)
    asked.add_argument("--tuning", type=int, default=2000, help="learners on whom the rule is tuned")
    asked.add_argument("--planners", default=",".join(PLANNERS))
    given = asked.parse_intermixed_args()
    options = [word for word in given.settings if "=" in word]
    print(*HEAD, sep="\n", flush=True)
    for name in [word for word in given.settings if "=" not in word] or SETTINGS:
        for row in rows(teaching(SETTINGS[name]), given, options):
            print(f"| {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
