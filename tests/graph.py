"""One policy for every course: trained on a random course of 40 skills, it teaches others as it is.

    python tests/graph.py hier.csv                        # a training, 2,000 unseen learners of each course
    python tests/graph.py hier.csv --trained junyi        # trained on the graph of the file instead
    python tests/graph.py hier.csv --seeds 5 --learners 20000
    python tests/graph.py --cost                          # time and memory by the number of skills

`hier.csv` holds the prerequisites of Junyi Academy's exercises (Chang, Hsu & Chen, EDM 2015), in two columns.
The course is 50 goal skills of it, drawn with seed 0, and all that leads to them, with 200 steps.  The other
two are random: a skill has up to two prerequisites among those before it.  All learners are BKT, one item a
skill, L0 .1-.4, T .1-.3, G .2, S .1, rho .1, without masks; tutors are fitted.  A row is a course: the mean
returns, and paired differences to the tuned mastery rule and to expected gain, 95 % intervals over learners.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.graph_ppo import GraphPpo
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tutor import TaskRecipe
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.evaluation.statistics import over_learners
from coursewright.simulators.course import Course, read_edges
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from speed.environments import single
from speed.measuring import seconds
from speed.simulated import CARTPOLE

FEATURES = ("belief", "goal", "streak", "attempts", "log_attempts", "last_item", "budget_left")
AGENT = GraphPpo()
SIZES, ROWS = (20, 700, 10_000), 8
HEAD = """| course | skills | random | tuned mastery | expected gain | graph | over tuned | over gain |
|---|---|---|---|---|---|---|---|"""


def learners(course: Course, seed: int) -> Bkt:
    """BKT learners with parameters drawn with a seed."""
    draw, n = np.random.default_rng(seed), course.n_skills
    prior, learn = draw.uniform(0.1, 0.4, n), draw.uniform(0.1, 0.3, n)
    parameters = BktParameters(prior, learn, np.full(n, 0.2), np.full(n, 0.1), skills=course.skills)
    return Bkt(course, parameters, rho=0.1)


def junyi(path: Path, goals: int = 50) -> tuple[Course, list[str]]:
    """The goals of a graph with all that leads to them, and the goals."""
    edges = list(dict.fromkeys(map(tuple, read_edges(path))))
    names = sorted({name for edge in edges for name in edge}, key=int)
    whole = Course.of(names, prerequisites=edges)
    goal = np.sort(np.random.default_rng(0).choice(len(names), goals, replace=False))
    kept = {names[k] for k in np.flatnonzero(whole.ancestors[:, goal].any(axis=1))}
    inside = [edge for edge in edges if kept.issuperset(edge)]
    return Course.of([name for name in names if name in kept], prerequisites=inside), [names[k] for k in goal]


def drawn(skills: int, goals: int, seed: int) -> tuple[Course, list[str]]:
    """A random course, and goals."""
    draw = np.random.default_rng(seed)
    sizes = (min(k, int(draw.integers(0, 3))) for k in range(1, skills))
    edges = [(int(p), k + 1) for k, n in enumerate(sizes) for p in draw.choice(k + 1, n, replace=False)]
    return Course.of(skills, prerequisites=edges), [str(k) for k in draw.choice(skills, goals, replace=False)]


def task(course: Course, goal: list[str], steps: int, seed: int = 0) -> Task:
    """The task, with a tutor that is fitted to learners whom random choice taught."""
    recipe = TaskRecipe(learners(course, seed), partial(Task, features=FEATURES, goal=goal, steps=steps))
    return recipe.with_tutor(recipe.tutor("fitted", ""))


def row(name: str, here: Task, policies: list[TrainedPolicy], unseen: int, tuning: int) -> str:
    """All policies on the same unseen learners; the graph's returns are means over its trainings."""
    rules = [agent(here) for agent in (UniformRandom(), TunedMastery(tuning), ExpectedGain())]
    random, tuned, gain = (rollout(here, rule, unseen).returned for rule in rules)
    graph = np.mean([rollout(here, policy, unseen).returned for policy in policies], axis=0)
    means = " | ".join(f"{values.mean():.4f}" for values in (random, tuned, gain, graph))
    ahead = (over_learners(graph - other) for other in (tuned, gain))
    paired = " | ".join(f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]" for found in ahead)
    return f"| {name} | {here.course.n_skills} | {means} | {paired} |"


def wide(skills: int) -> Task:
    """A task for measurements alone, whose tutor is not fitted."""
    course, goal = drawn(skills, 10, 0)
    known = learners(course, 0)
    return Task(known, known.parameters, features=FEATURES, goal=goal, steps=200)


def cost() -> None:
    """Milliseconds a decision and a transition in training, by the number of skills; then memory."""
    print("| skills | CPU ms a decision | CPU ms a transition of an update |\n|---|---|---|")
    for skills in SIZES:
        here = wide(skills)
        model, env = begun(replace(AGENT, learners=ROWS), here, 0)
        policy, seen = TrainedPolicy.of(model, AGENT, here), env.reset()
        model.policy.set_training_mode(True)
        given, chosen = torch.as_tensor(seen), torch.zeros(ROWS, dtype=torch.long)

        def update(model: Any = model, given: torch.Tensor = given, chosen: torch.Tensor = chosen) -> None:
            value, likely, _ = model.policy.evaluate_actions(given, chosen)
            (value.mean() + likely.mean()).backward()

        decision = seconds(partial(policy.predict, seen))
        each = (1000.0 * taken / ROWS for taken in (decision, seconds(update)))
        print(f"| {skills:,} | {' | '.join(f'{ms:.2f}' for ms in each)} |", flush=True)
    begin = time.process_time()
    replace(AGENT, steps=1, epochs=1)(wide(2000))
    took, peak = time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n2,000 skills, 3,200 steps and a pass over them: {took:.0f} CPU s, {peak:,.0f} MiB at most in all"
    )


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("graph", type=Path, nargs="?", help="hier.csv")
    asked.add_argument("--trained", choices=("random", "junyi"), default="random")
    asked.add_argument("--seeds", type=int, default=1, help="how many trainings")
    asked.add_argument("--learners", type=int, default=2000, help="unseen ones of each course")
    asked.add_argument("--tuning", type=int, default=2000, help="learners that the rule is tuned on")
    asked.add_argument("--cost", action="store_true", help="the cost by the number of skills instead")
    given = asked.parse_args()
    if given.cost or given.graph is None:
        cost()
        return
    courses = {
        "random": task(*drawn(40, 12, 2), steps=60, seed=2),
        "another random": task(*drawn(100, 20, 1), steps=100, seed=1),
        "junyi": task(*junyi(given.graph), steps=200),
    }
    pace, begin = single("CartPole-v1")(), time.process_time()
    policies = [AGENT(courses[given.trained], seed) for seed in range(given.seeds)]
    took = (time.process_time() - begin) / given.seeds
    scaled = took * pace / CARTPOLE
    print(
        f"{given.seeds} trainings on the course {given.trained}: {took:.0f} CPU s each, {scaled:.0f} scaled\n"
    )
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for place, policy in enumerate(policies):
            policy.save(Path(folder) / f"{place}.npz")
        for name, here in courses.items():
            there = [TrainedPolicy.load(file, AGENT, here) for file in sorted(Path(folder).iterdir())]
            print(row(name, here, there, given.learners, given.tuning), flush=True)


if __name__ == "__main__":
    main()
