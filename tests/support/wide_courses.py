"""Courses as wide as a school's curriculum or a deck of cards, and tasks on them."""

from dataclasses import replace

import numpy as np

from coursewright.envs.task import DEFAULT_FEATURES, Task
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.memory.fsrs import Fsrs

SEEN = ("attempts", "successes", "streak", "belief", "goal", "last_item", "last_correct", "budget_left")


def wide_course(skills: int) -> Course:
    """Three items a skill, one of which needs another skill too; a skill has two prerequisites at most."""
    rng = np.random.default_rng(0)
    items = {f"{k}-{n}": [str(k)] for k in range(skills) for n in range(2)}
    items |= {f"{k}-both": [str(k), str(other)] for k, other in enumerate(rng.integers(0, skills, skills))}
    edges = [(str(p), str(k)) for k in range(1, skills) for p in set(rng.integers(0, k, 2).tolist())]
    return Course.of(skills, items, edges)


def wide_task(course: Course, steps: int = 20) -> Task:
    """BKT learners, whose items open behind their prerequisites."""
    parameters = BktParameters(*(np.full((1, course.n_skills), value) for value in (0.2, 0.2, 0.2, 0.1)))
    return Task(Bkt(course, parameters, 0.1), steps=steps, features=SEEN, tutor=parameters, unlock_after=1)


def deck(cards: int, steps: int = 20) -> Task:
    """FSRS learners of a deck, a card a day."""
    features = ["attempts", "days_since", "last_item", "last_correct", "budget_left"]
    return Task(Fsrs(Course.of(cards)), steps=steps, features=features, days=1.0)


def words(cards: int, steps: int = 20) -> tuple[Task, Task]:
    """The deck with the observation of `task=recall`, and with hardly anything."""
    much = [*DEFAULT_FEATURES, "days_since"]
    table = BktParameters(*(np.full((1, cards), value) for value in (0.2, 0.2, 0.2, 0.1)))
    task = replace(deck(cards, steps), days=5.0)
    return replace(task, tutor=table, features=much), replace(task, features=["last_correct", "budget_left"])
