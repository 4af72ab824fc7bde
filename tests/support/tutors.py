"""Does a tutor that thinks by a fitted model teach better than every rule that has none?

For each population: expected gain by the model, fitted to what a random policy left of 2,000 training
learners, against the tuned rule (see `agents.tuned_rule`) on the same evaluation learners.

    PYTHONPATH=.:tests/support python tests/support/tutors.py [--learners 300] [POPULATION ...]

With `--filter` it prints instead how far 500 particles are from the exact filter on `bkt_ednet`, and with
`--particles 500` what expected gain by so many earns there, with the tutor's parameters (fitted to logs).
With `--exact` it sets exact minds against 200 particles of the same fitted models: gains and costs.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from hydra import compose, initialize_config_module

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.late import LateMind
from coursewright.agents.beliefs.minds import AHEAD
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.tuned_rule import TunedRule
from coursewright.agents.tutor import pause_of
from coursewright.envs import shipped
from coursewright.envs.episodes import Episodes
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.evaluation.statistics import over_learners
from coursewright.scripts.making import task_of
from coursewright.simulators.arrays import Floats
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.luck import Split

LEARNERS = 300
HEAD = "| learners | tutor | tuned rule | it | expected gain | ahead [95 %] | in errors | ms a step |"
EXACT_HEAD = "| learners | tutor | 200 particles | exact | exact ahead [95 %] | ms, particles | ms, exact |"


class Setting(NamedTuple):
    """The task's learners, and the model that the tutor thinks by."""

    task: str
    tutor: str
    more: Sequence[str] = ()


SETTINGS = {
    "pfa": Setting("mastery", "pfa"),
    "irt": Setting("mastery", "irt"),
    "best_lr": Setting("mastery", "best_lr"),
    "practice": Setting("mastery", "practice"),
    "kes": Setting("mastery", "gru"),
    "das3h": Setting("recall", "das3h", ["task.steps=60", "task.days=1"]),
    "fsrs": Setting("recall", "fsrs", ["task.steps=120"]),
}


def made(population: str, setting: Setting) -> Task:
    """The task of the command line `simulator=… task=… tutor=…`."""
    line = [f"simulator={population}", f"task={setting.task}", f"tutor={setting.tutor}", *setting.more]
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", [*line, *(f"choices.{name}=_" for name in ("task", "agent"))])
        config.choices.simulator = population
        task = task_of(config, config.tutor)
        return replace(task, mind=task.mind.mind) if isinstance(task.mind, LateMind) else task


def against_the_filter(learners: int) -> str:
    """Mean |difference| of beliefs after 10, 30 and 60 answers: of skills that were practised, and not."""
    model = replace(read_bkt("bkt_ednet"), rho=1.0)
    course = model.course
    minds = Particles(course, model, size=500), BktBelief(course, model)
    table = shipped.tutor("bkt_ednet", course)
    tasks = [Task(model, table, mind=mind, steps=60).showing("expected_mastery") for mind in minds]
    rows = np.arange(learners)
    both = [Episodes(task, learners) for task in tasks]
    for episodes in both:
        episodes.begin(rows, rows, np.zeros(learners, np.int64), Split.EVALUATE)
    draw = np.random.default_rng(0)
    lines = ["| answers | practised skills | others |", "|---|---|---|"]
    for step in range(1, 61):
        item = draw.integers(0, course.n_items, learners)
        for episodes in both:
            episodes.step(item)
        if step in (10, 30, 60):
            shown = [
                e.observation[:, t.layout.columns("expected_mastery")]
                for e, t in zip(both, tasks, strict=True)
            ]
            off = np.abs(shown[0] - shown[1])
            seen = both[0].observation[:, tasks[0].layout.columns("attempts")] > 0.0
            lines.append(f"| {step} | {off[seen].mean():.4f} | {off[~seen].mean():.4f} |")
    return "\n".join(lines)


def by_particles(size: int, learners: int) -> str:
    """Expected gain on `bkt_ednet` by particles and by the exact filter, and the lead of the filter."""
    simulator = read_bkt("bkt_ednet")
    course = simulator.course
    table = shipped.tutor("bkt_ednet", course)
    model = Bkt(course, table, rho=1.0)
    lines = ["| belief | expected gain [95 %] | ms a step |", "|---|---|---|"]
    found = []
    for name, mind in (
        (f"{size} particles", Particles(course, model, size=size, deciding=size // 4)),
        ("exact", BktBelief(course, model)),
    ):
        returned, each = gained(Task(simulator, table, mind=mind, steps=60), learners)
        found.append(returned)
        lines.append(f"| {name} | {interval(returned, sign='')} | {1e3 * each:.2f} |")
    lines.append(f"| particles ahead of the filter | {interval(found[0] - found[1])} | |")
    return "\n".join(lines)


def gained(task: Task, learners: int) -> tuple[Floats, float]:
    """The returns of expected gain `[learners]`, and the processor seconds of a step."""
    policy = ExpectedGain()(task)
    rollout(task, policy, 2)  # compiled code is no part of the cost
    begun = time.process_time()
    gains = rollout(task, policy, learners)
    return gains.returned, (time.process_time() - begun) / gains.steps.sum()


def interval(values: Floats, sign: str = "+") -> str:
    """The mean over learners and its interval."""
    found = over_learners(values)
    return f"{found.value:{sign}.4f} [{found.low:{sign}.4f}, {found.high:{sign}.4f}]"


def exact_against_particles(population: str, setting: Setting, learners: int) -> str:
    """One line: expected gain by the exact mind of a fitted model, and by 200 particles of that model."""
    task = made(population, setting)
    if isinstance(task.mind, Particles):
        return f"| {population}, {setting.task} | {setting.tutor} | no exact mind | | | | |"
    pause = pause_of(task)
    ahead = AHEAD if pause > 0.0 else 0.0
    crowd = replace(task, mind=Particles(task.course, task.mind.model, pause=pause, ahead=ahead))
    (many, slow), (one, fast) = gained(crowd, learners), gained(task, learners)
    costs = f"{1e3 * slow:.3f} | {1e3 * fast:.3f}"
    means = f"{many.mean():.4f} | {one.mean():.4f} | {interval(one - many)}"
    return f"| {population}, {setting.task} | {setting.tutor} | {means} | {costs} |"


def row(population: str, setting: Setting, learners: int) -> str:
    """One line of the table."""
    task = made(population, setting)
    rule = TunedRule()(task)
    gains, each = gained(task, learners)
    known = rollout(task, rule, learners).returned
    ahead = gains - known
    errors = ahead.mean() / (ahead.std(ddof=1) / np.sqrt(learners))
    means = f"{known.mean():.4f} | {gains.mean():.4f}"
    what = f"| {population}, {setting.task} | {setting.tutor} | {rule.tuned.setting if rule.tuned else ''} "
    return f"{what}| {means} | {interval(ahead)} | {errors:.1f} | {1e3 * each:.3f} |"


def main(given: Sequence[str]) -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("populations", nargs="*", default=list(SETTINGS), help=", ".join(SETTINGS))
    asked.add_argument("--learners", type=int, default=LEARNERS, help="evaluation learners")
    asked.add_argument("--filter", action="store_true", help="particles against the exact filter")
    asked.add_argument("--particles", type=int, metavar="N", help="expected gain by N particles")
    asked.add_argument("--exact", action="store_true", help="exact minds against particles")
    wanted = asked.parse_args(given)
    if wanted.filter:
        print(against_the_filter(wanted.learners))
        return
    if wanted.particles:
        print(by_particles(wanted.particles, wanted.learners))
        return
    head, line = HEAD, row
    if wanted.exact:
        head, line = EXACT_HEAD, exact_against_particles
    print(head, "|---" * (head.count("|") - 1) + "|", sep="\n", flush=True)
    for population in wanted.populations:
        print(line(population, SETTINGS[population], wanted.learners), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
