"""The environments that `gymnasium.make` knows: `coursewright/BKT-v0` and `coursewright/KSS-v0`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coursewright.envs.gym import TeachingEnv, TeachingVectorEnv
from coursewright.envs.rewards import mean_gain, normalised_gain
from coursewright.envs.task import Task
from coursewright.errors import absent, known_settings, reject, whole
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Seeds, Split

TUTORS = Path(__file__).parent / "tutors"

COMMON = ("attempts", "log_attempts", "successes", "log_successes", "streak", "belief", "goal")
LAST = ("last_item", "last_correct", "budget_left")
WARM_UP = ("warmup_right", "warmup_wrong", "log_warmup_right", "log_warmup_wrong")


def tutor(name: str, course: Course, others: Sequence[str] = ()) -> BktParameters:
    """A tutor's belief parameters: a shipped one's by name, or one of your own by the path of its table.

    Raises `InputError` where there is none of that name (it tells of `others` that a tutor may be), or where
    it knows other skills than the course.
    """
    own, shipped = Path(name), TUTORS / f"{name}.csv"
    if not own.is_file() and not shipped.is_file():
        known = sorted(path.stem for path in TUTORS.glob("*.csv"))
        ways = "a table's path, a learner model or a folder that fit wrote"
        raise absent("tutor", name, ways, [*known, "fitted", *others])
    table = BktParameters.read(own if own.is_file() else shipped)
    if table.skills != course.skills:
        few = ", ".join(course.skills[:6]) + (", ..." if course.n_skills > 6 else "")
        raise reject("tutor", name, f"a table of the course's {course.n_skills} skills ({few})")
    return table


def tutor_of(simulator: str, course: Course) -> BktParameters | None:
    """The tutor shipped for a simulator, by its name; None where there is none or the course is another."""
    path = TUTORS / f"{simulator}.csv"
    table = BktParameters.read(path) if path.is_file() else None
    return table if table is not None and table.skills == course.skills else None


@known_settings
def bkt(mask: bool = False, steps: int = 100, population_seed: int = 0, luck_seed: int = 0) -> Task:
    """Twenty skills in a graph, one item each; the return is the mean mastery gain over all skills.

    With `mask` an item is allowed once each prerequisite of its skill has two successes.
    """
    if not isinstance(mask, bool | np.bool_):
        raise reject("mask", repr(mask), "True or False")
    simulator = read_bkt("bkt_v0")
    return Task(
        simulator=simulator,
        tutor=tutor("bkt_v0", simulator.course),
        steps=steps,
        reward=mean_gain,
        features=COMMON + LAST,
        unlock_after=2 if mask else 0,
        seeds=Seeds(population_seed, luck_seed),
    )


@known_settings
def kss(steps: int = 30, population_seed: int = 0, luck_seed: int = 0) -> Task:
    """The published knowledge-structure task (`cseal18`); the return is E_p."""
    simulator = Kss()
    return Task(
        simulator=simulator,
        tutor=tutor("kss_cseal18", simulator.course),
        steps=steps,
        reward=normalised_gain,
        features=(*COMMON, "log_failures", *WARM_UP, *LAST),
        seeds=Seeds(population_seed, luck_seed),
    )


def part(split: int) -> Split:
    """The part of the learners with this number.  Raises `InputError` where there is none."""
    return Split(whole("split", split, min(Split), max(Split)))


@known_settings
def bkt_env(
    mask: bool = False,
    steps: int = 100,
    population_seed: int = 0,
    luck_seed: int = 0,
    split: int = Split.TRAIN,
    render_mode: str | None = None,
) -> TeachingEnv:
    """One learner of `bkt`."""
    return TeachingEnv(bkt(mask, steps, population_seed, luck_seed), part(split), render_mode)


@known_settings
def bkt_vector_env(
    num_envs: int = 1,
    mask: bool = False,
    steps: int = 100,
    population_seed: int = 0,
    luck_seed: int = 0,
    split: int = Split.TRAIN,
    render_mode: str | None = None,
) -> TeachingVectorEnv:
    """A batch of learners of `bkt`."""
    return TeachingVectorEnv(bkt(mask, steps, population_seed, luck_seed), num_envs, part(split), render_mode)


@known_settings
def kss_env(
    steps: int = 30,
    population_seed: int = 0,
    luck_seed: int = 0,
    split: int = Split.TRAIN,
    render_mode: str | None = None,
) -> TeachingEnv:
    """One learner of `kss`."""
    return TeachingEnv(kss(steps, population_seed, luck_seed), part(split), render_mode)


@known_settings
def kss_vector_env(
    num_envs: int = 1,
    steps: int = 30,
    population_seed: int = 0,
    luck_seed: int = 0,
    split: int = Split.TRAIN,
    render_mode: str | None = None,
) -> TeachingVectorEnv:
    """A batch of learners of `kss`."""
    return TeachingVectorEnv(kss(steps, population_seed, luck_seed), num_envs, part(split), render_mode)
