"""Tutor files: how large they are, how long an export takes, and what one decision costs in onnxruntime."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from coursewright.agents.export.whole import WholeTutor, write
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.schedulers.leitner import Leitner
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor_words import words_of
from coursewright.envs.shipped import bkt
from coursewright.envs.task import Task
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from speed.measuring import Row, seconds

RULES = {
    "expected gain": ExpectedGain(),
    "mastery threshold": MasteryThreshold(0.8),
    "n in a row": NInARow(2),
    "Leitner": Leitner(),
}
SIZES = ((20, 20), (700, 700), (500, 10_000), (10_000, 10_000))
FEATURES = ("attempts", "successes", "streak", "belief", "goal", "last_item", "last_correct", "budget_left")
DECISIONS = 200
FEW = {"steps": 640, "learners": 16, "batch_size": 80, "imitate": None}


def course_of(skills: int, items: int) -> Task:
    """A course with prerequisites; of more items than skills every fifth needs two."""
    names, rng = [f"s{k}" for k in range(skills)], np.random.default_rng(0)
    needs = {
        f"i{a}": sorted({names[a % skills], names[(7 * a + 3) % skills]})
        if items > skills and a % 5 == 4
        else [names[a % skills]]
        for a in range(items)
    }
    course = Course.of(names, needs, [[names[k // 2], names[k]] for k in range(1, skills)])
    table = BktParameters(*(rng.uniform(0.05, 0.3, (1, skills)) for _ in range(5)))
    return Task(Bkt(course, table), tutor=table, steps=10, unlock_after=2, features=FEATURES)


def tutors() -> Iterator[Row]:
    """Sizes, exports and decisions, by the number of skills and items."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _rows("network 128-128, 20 skills", Ppo(**FEW), bkt(), Path(folder), 300.0, 0.5)
        for skills, items in SIZES:
            task = course_of(skills, items)
            for name, agent in RULES.items():
                bar = 0.5 if skills == 20 else np.nan
                what = f"{name}, {skills:,} skills, {items:,} items"
                yield from _rows(what, agent, task, Path(folder), 3000.0, bar)


def _rows(what: str, agent: object, task: Task, folder: Path, largest: float, bar: float) -> Iterator[Row]:
    path, course = folder / "tutor.onnx", task.course
    policy = agent(task, 0, SilentTracker())  # type: ignore[operator]
    export = seconds(lambda: write(policy, task, path))
    kilobytes, words = path.stat().st_size / 1000, words_of(path).stat().st_size / 1000
    tutor = WholeTutor(path, np.zeros(1, np.uint64))
    goal, mask = np.ones((1, course.n_skills), bool), np.ones((1, course.n_items), bool)
    none, one = np.zeros(1), np.ones(1, np.int64)

    def decide() -> None:
        for a in range(DECISIONS):
            tutor.tell(one * (a % course.n_items), one, one > 0, False, none, none, goal, mask)

    taken = 1000.0 * seconds(decide) / DECISIONS
    yield Row(what, f"{kilobytes:,.0f} kB", kilobytes / largest, f"1 = {largest:,.0f} kB")
    yield Row("  its words", f"{words:,.0f} kB", np.nan, "")
    yield Row("  export, with its check", f"{export:.1f} s", export / 10.0, "1 = 10 s")
    yield Row("  a decision", f"{taken:.2f} ms", taken / bar, "1 = .5 ms" if bar == bar else "")
