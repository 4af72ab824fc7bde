"""The table of docs/adaptive.md: one policy for learners of families that it was not trained on.

    python tests/adaptive.py                                             # the whole table
    python tests/adaptive.py --seeds 1 --learners 500 --steps 100_000    # a quick look
    python tests/adaptive.py --part rules                                # the rows of the rules alone

The adaptive policy is trained on BKT, PFA and IRT learners mixed (`experiment=families`).  Everybody teaches
the same learners of each family, with the same luck: BKT, PFA and IRT learners with parameters that nobody
was trained on, and KT6kc and FSRS learners, whose families only their own specialist and their own rule know.
Regret is the specialist's return minus the policy's, learner by learner, averaged over trainings.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import open_dict

from coursewright.agents.rules.baselines import RoundRobin, UniformRandom
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SILENT
from coursewright.agents.tuned_rule import TunedRule
from coursewright.agents.tutor import fit_tutor
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import Rollout, rollout
from coursewright.envs.task import Task
from coursewright.evaluation.statistics import Estimate, over_learners
from coursewright.scripts.experiment import settled
from coursewright.simulators.luck import Seeds

TRAINED, HELD_OUT = ("bkt", "pfa", "irt"), ("kt6kc", "fsrs")
FAMILIES = TRAINED + HELD_OUT
MIXTURE = "mixture"
FRESH = "simulator.seed=1"  # draws of parameters that no training has
FIRST = 10  # choices
NETWORKS = {  # name -> the words that train it
    "adaptive": ["agent=maskable_recurrent_ppo"],
    "memory cleared": ["agent=maskable_recurrent_ppo", "agent.memory=false"],
    "feed-forward": ["agent=maskable_ppo"],
}
Agent = Callable[[Task, int, Any], Policy]


class Asked(NamedTuple):
    """The size of the experiment."""

    learners: int
    steps: int
    seeds: int
    tuning: int
    part: str


def configured(words: Sequence[str]) -> Any:
    """The configuration of a training in the experiment."""
    words = ["experiment=families", *words]
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", words, return_hydra_config=True)
        with open_dict(config):
            config.choices = {"agent": config.hydra.runtime.choices.agent}
        return settled(config, words, ["maskable_recurrent_ppo", "recurrent_ppo", "maskable_ppo", "ppo"])


def agent_of(words: Sequence[str], steps: int) -> Agent:
    """An agent with the experiment's settings."""
    agent: Agent = instantiate(configured([*words, f"agent.steps={steps}"]).agent)
    return agent


def task_of(population: str, fresh: bool = False) -> Task:
    """The task with the learners of one family, or of the mixture that the adaptive policy is trained on."""
    alone = [f"simulator.families.{name}.share=0" for name in TRAINED if population in TRAINED]
    words = [word for word in alone if population not in word] + [FRESH] * fresh
    config = configured(words)
    learners = instantiate(config.simulator)
    if population in HELD_OUT:
        own = instantiate(configured([f"simulator={population}"]).simulator)
        learners = replace(own, course=learners.course) if population == "fsrs" else own
    task: Task = instantiate(config.task)(simulator=learners)
    return task


@cache
def known(population: str) -> Task:
    """The task of a family whose tutor was fitted to its learners, and shows its belief."""
    task = task_of(population)
    return replace(task, tutor=fit_tutor(task)).showing("belief")


@cache
def tuned(population: str, asked: Asked) -> Policy:
    """The rule that was tuned on a family, or on the mixture."""
    rule = TunedRule(asked.tuning)(known(population))
    print(f"tuned on {population}: {rule.tuned.setting if rule.tuned else ''}", flush=True)
    return rule


def rules(asked: Asked) -> Iterator[tuple[str, Policy]]:
    """The rules that never saw the held-out families."""
    mixed = known(MIXTURE)
    yield "random", UniformRandom()(mixed)
    yield "round robin", RoundRobin()(mixed)
    for n in (1, 2, 3):
        yield f"{n} in a row", NInARow(n, fallback="round_robin")(mixed)
    yield "expected gain", ExpectedGain()(mixed)
    for population in (MIXTURE, *TRAINED):
        yield f"tuned on {population}", tuned(population, asked)


def taught(policy: Policy, population: str, learners: int, luck: int = 0) -> Rollout:
    """The course of each learner of a family; a rule thinks by the tutor that it was made with."""
    task = replace(task_of(population, fresh=True), seeds=Seeds(luck=luck))
    tutor = getattr(getattr(policy, "task", None), "tutor", None)
    return rollout(replace(task, tutor=tutor), policy, learners)


def returns(policies: Sequence[Policy], population: str, learners: int) -> np.ndarray:
    """Each learner's return `[learners]`, averaged over policies."""
    return np.mean([taught(policy, population, learners).returned for policy in policies], axis=0)


def trainings(name: str, words: Sequence[str], population: str, asked: Asked) -> list[Policy]:
    """One policy a seed."""
    begun, agent, task = time.process_time(), agent_of(words, asked.steps), task_of(population)
    made = [agent(task, seed, SILENT) for seed in range(asked.seeds)]
    seconds = (time.process_time() - begun) / asked.seeds
    print(f"trained {name} on {population}: {seconds:.0f} CPU s a training", flush=True)
    return made


def differing(policy: Policy, learners: int) -> tuple[float, float]:
    """Shares of learners whose first choices differ: between two families, and between two lives in one."""
    lives = {
        name: [taught(policy, name, learners, luck).item[:, :FIRST] for luck in (0, 1)] for name in FAMILIES
    }
    between = [(lives[a][0] != lives[b][0]).any(axis=1).mean() for a, b in combinations(FAMILIES, 2)]
    within = [(first != second).any(axis=1).mean() for first, second in lives.values()]
    return float(np.mean(between)), float(np.mean(within))


def line(name: str, cells: Sequence[object]) -> str:
    """A row of a table."""
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def of_regret(estimate: Estimate) -> str:
    """A regret with its interval."""
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"


def row(name: str, policies: Sequence[Policy], learners: int) -> dict[str, np.ndarray]:
    """The returns of a policy on every family, printed as they come."""
    found = {family: returns(policies, family, learners) for family in FAMILIES}
    print(line(name, [f"{found[family].mean():.3f}" for family in FAMILIES]), flush=True)
    return found


def show(table: Mapping[str, Mapping[str, np.ndarray]], specialist: Mapping[str, np.ndarray]) -> None:
    """Print regrets, and their mean over the held-out families."""
    heads = [*FAMILIES, "held out, mean"]
    print("\n" + line("regret to the specialist", heads), line("---", ["---"] * len(heads)), sep="\n")
    for name, found in table.items():
        short = {family: specialist[family] - found[family] for family in FAMILIES}
        both = np.mean([short[family] for family in HELD_OUT], axis=0)
        print(line(name, [of_regret(over_learners(each)) for each in (*short.values(), both)]))


def main() -> None:
    """Train, tune, teach, and print the table."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--learners", type=int, default=2000, help="unseen learners of each family")
    told.add_argument("--steps", type=int, default=300_000, help="environment steps of each training")
    told.add_argument("--seeds", type=int, default=5, help="trainings of each network")
    told.add_argument("--tuning", type=int, default=2000, help="learners that rules are tuned on")
    told.add_argument("--part", choices=("whole", "rules", "networks"), default="whole")
    asked = Asked(**vars(told.parse_args()))
    print(line("mean return", FAMILIES), line("---", ["---"] * len(FAMILIES)), sep="\n")
    policies: dict[str, list[Policy]] = {}
    table: dict[str, dict[str, np.ndarray]] = {}
    specialist: dict[str, np.ndarray] = {}
    if asked.part != "rules":
        for name, words in NETWORKS.items():
            policies[name] = trainings(name, words, MIXTURE, asked)
            table[name] = row(name, policies[name], asked.learners)
        for family in (*HELD_OUT, *TRAINED):
            special = trainings("the specialist", NETWORKS["adaptive"], family, asked)
            specialist[family] = returns(special, family, asked.learners)
            print(f"specialist of {family}: {specialist[family].mean():.3f}", flush=True)
    if asked.part != "networks":
        for name, rule in rules(asked):
            policies[name], table[name] = [rule], row(name, [rule], asked.learners)
        there = {family: returns([tuned(family, asked)], family, asked.learners) for family in FAMILIES}
        table["tuned there"] = there
        print(line("tuned there", [f"{there[family].mean():.3f}" for family in FAMILIES]), flush=True)
    if specialist:
        show(table, specialist)
    print(f"\nfirst {FIRST} choices differ between families, and between two lives in one family:")
    for name in (name for name in (*NETWORKS, "random", f"tuned on {MIXTURE}") if name in policies):
        print(line(name, [f"{share:.0%}" for share in differing(policies[name][0], asked.learners)]))


if __name__ == "__main__":
    main()
