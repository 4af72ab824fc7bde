"""Does a tutor that thinks by a fitted model teach better than every rule that has none?

For each population: expected gain by the model, fitted to what a random policy left of 2,000 training
learners, against the tuned rule (see `agents.tuned_rule`) on the same evaluation learners.

    PYTHONPATH=.:tests/support python tests/support/tutors.py [--learners 300] [POPULATION ...]

With `--filter` it prints instead how far 500 particles are from the exact filter on `bkt_ednet`.
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
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.tuned_rule import TunedRule
from coursewright.envs import shipped
from coursewright.envs.episodes import Episodes
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.evaluation.statistics import over_learners
from coursewright.scripts.making import task_of
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.luck import Split

LEARNERS = 300


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
    "das3h": Setting("recall", "das3h", ["task.steps=60", "task.days=1"]),
    "fsrs": Setting("recall", "fsrs", ["task.steps=120"]),
}


def made(population: str, setting: Setting) -> Task:
    """The task of the command line `simulator=… task=… tutor=…`."""
    line = [f"simulator={population}", f"task={setting.task}", f"tutor={setting.tutor}", *setting.more]
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", [*line, *(f"choices.{name}=_" for name in ("task", "agent"))])
        config.choices.simulator = population
        return task_of(config, config.tutor)


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


def row(population: str, setting: Setting, learners: int) -> str:
    """One line of the table."""
    task = made(population, setting)
    rule = TunedRule()(task)
    begun = time.process_time()
    gains = rollout(task, ExpectedGain()(task), learners)
    each = (time.process_time() - begun) / gains.steps.sum()
    known = rollout(task, rule, learners).returned
    ahead = over_learners(gains.returned - known)
    interval = f"{ahead.value:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}]"
    means = f"{known.mean():.4f} | {gains.returned.mean():.4f}"
    what = f"| {population}, {setting.task} | {setting.tutor} | {rule.tuned.setting if rule.tuned else ''} "
    return f"{what}| {means} | {interval} | {1e3 * each:.2f} |"


def main(given: Sequence[str]) -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("populations", nargs="*", default=list(SETTINGS), help=", ".join(SETTINGS))
    asked.add_argument("--learners", type=int, default=LEARNERS, help="evaluation learners")
    asked.add_argument("--filter", action="store_true", help="particles against the exact filter")
    wanted = asked.parse_args(given)
    if wanted.filter:
        print(against_the_filter(wanted.learners))
        return
    print("| learners | tutor | tuned rule | it | expected gain | ahead [95 %] | ms a step |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for population in wanted.populations:
        print(row(population, SETTINGS[population], wanted.learners), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
