"""The environments that `gymnasium.make` knows: `coursewright/BKT-v0` and `coursewright/KSS-v0`."""

from pathlib import Path

from coursewright.envs.gym import TeachingEnv, TeachingVectorEnv
from coursewright.envs.rewards import mean_gain, normalised_gain
from coursewright.envs.task import Task
from coursewright.errors import unknown
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Seeds, Split

TUTORS = Path(__file__).parent / "tutors"

COMMON = ("attempts", "log_attempts", "successes", "log_successes", "streak", "belief", "goal")
LAST = ("last_item", "last_correct", "budget_left")
WARM_UP = ("warmup_right", "warmup_wrong", "log_warmup_right", "log_warmup_wrong")


def tutor(name: str) -> BktParameters:
    """A shipped tutor's belief parameters, fitted on logs of training learners.

    A tutor of your own is read from a path.  Raises `InputError` where there is none of that name.
    """
    own, shipped = Path(name), TUTORS / f"{name}.csv"
    if own.is_file() or shipped.is_file():
        return BktParameters.read(own if own.is_file() else shipped)
    raise unknown("tutor", name, sorted(path.stem for path in TUTORS.glob("*.csv")))


def bkt(mask: bool = False, steps: int = 100, population_seed: int = 0, luck_seed: int = 0) -> Task:
    """Twenty skills in a graph, one item each; the return is the mean mastery gain over all skills.

    With `mask` an item is allowed once each prerequisite of its skill has two successes.
    """
    return Task(
        simulator=read_bkt("bkt_v0"),
        tutor=tutor("bkt_v0"),
        steps=steps,
        reward=mean_gain,
        features=COMMON + LAST,
        unlock_after=2 if mask else 0,
        seeds=Seeds(population_seed, luck_seed),
    )


def kss(steps: int = 30, population_seed: int = 0, luck_seed: int = 0) -> Task:
    """The published knowledge-structure task (`cseal18`); the return is E_p."""
    return Task(
        simulator=Kss(),
        tutor=tutor("kss_cseal18"),
        steps=steps,
        reward=normalised_gain,
        features=(*COMMON, "log_failures", *WARM_UP, *LAST),
        seeds=Seeds(population_seed, luck_seed),
    )


def bkt_env(
    mask: bool = False,
    steps: int = 100,
    population_seed: int = 0,
    luck_seed: int = 0,
    split: int = Split.TRAIN,
) -> TeachingEnv:
    """One learner of `bkt`."""
    return TeachingEnv(bkt(mask, steps, population_seed, luck_seed), Split(split))


def bkt_vector_env(
    num_envs: int = 1,
    mask: bool = False,
    steps: int = 100,
    population_seed: int = 0,
    luck_seed: int = 0,
    split: int = Split.TRAIN,
) -> TeachingVectorEnv:
    """A batch of learners of `bkt`."""
    return TeachingVectorEnv(bkt(mask, steps, population_seed, luck_seed), num_envs, Split(split))


def kss_env(
    steps: int = 30, population_seed: int = 0, luck_seed: int = 0, split: int = Split.TRAIN
) -> TeachingEnv:
    """One learner of `kss`."""
    return TeachingEnv(kss(steps, population_seed, luck_seed), Split(split))


def kss_vector_env(
    num_envs: int = 1, steps: int = 30, population_seed: int = 0, luck_seed: int = 0, split: int = Split.TRAIN
) -> TeachingVectorEnv:
    """A batch of learners of `kss`."""
    return TeachingVectorEnv(kss(steps, population_seed, luck_seed), num_envs, Split(split))
