"""The random stream: a counter hash instead of a generator with a state.

The draw for (learner or fate, step, purpose) depends on those alone.  Any two policies therefore meet
the same learners with the same luck (common random numbers), for any batch size, chunking
and number of workers.  The hash is two rounds of the SplitMix64 finaliser (Steele, Lea & Flood,
OOPSLA 2014), about 2 ns a draw inside a kernel.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel

Keys = npt.NDArray[np.uint64]

# A purpose is one of these plus an index below 2**32 (a skill, a question, an attempt, ...).
ANSWER = 1 << 32
LEARN = 2 << 32
FORGET = 3 << 32
POSTTEST_ITEM = 4 << 32
POSTTEST_ANSWER = 5 << 32
ENROL = 6 << 32
WARM_UP = 7 << 32
GOAL = 8 << 32
POLICY = 9 << 32
PLAN = 10 << 32
STRATUM = 11 << 32
GAP = 12 << 32
ENGAGE = 13 << 32
DOSE = 14 << 32
MINUTES = 15 << 32
THOUGHT = 16 << 32
FORESIGHT = 17 << 32
PRICE = 18 << 32


class Split(IntEnum):
    """Learners of different splits are different people: their keys never coincide."""

    TRAIN = 0
    TUNE = 1
    EVALUATE = 2
    FIT = 3


class Luck(NamedTuple):
    """The identity and the luck of learners, `[batch]` each.

    `learner` keys everything that a person brings along, `fate` everything that happens to them,
    `step` counts steps within the episode, `number` is the learner's place in its split (evaluation
    learner 7 has number 7).  Where parameters were drawn n_draws times, learner j uses parameter draw
    j mod n_draws.  `split` is that split: where learners are made from recorded people, each split has
    people of its own.  (No rows: not known; only such simulators ask.)
    """

    learner: Keys
    fate: Keys
    step: Ints
    number: Ints
    split: Ints = np.zeros(0, np.int64)


@inlined
def mix(z: np.uint64) -> np.uint64:
    """Finalise one 64-bit word (SplitMix64): every input bit flips each output bit half the time."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inlined
def hash_pair(key: np.uint64, value: int) -> np.uint64:
    """Combine a key and a whole number into a new key."""
    return mix(key + np.uint64(0x9E3779B97F4A7C15) * (np.uint64(value) + np.uint64(1)))


@inlined
def uniform(key: np.uint64, step: int, purpose: int) -> float:
    """The draw in [0, 1) for this key, step and purpose."""
    bits = hash_pair(hash_pair(key, step), purpose)
    return float(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def normal(key: np.uint64, step: int, purpose: int) -> float:
    """A standard normal draw by Box and Muller; it uses the indices `purpose` and `purpose + 1`."""
    radius = np.sqrt(-2.0 * np.log(1.0 - uniform(key, step, purpose)))
    return float(radius * np.cos(2.0 * np.pi * uniform(key, step, purpose + 1)))


@kernel
def uniforms(key: Keys, step: Ints, purpose: int, out: Floats) -> None:
    """Fill `out [batch]` with one draw a row: for code outside kernels."""
    for row in range(out.shape[0]):
        out[row] = uniform(key[row], step[row], purpose)


@kernel
def fates(key: Keys, turn: Ints, size: int, purpose: int, out: Keys) -> None:
    """Other fates than the episode's own, `size` of them for each key at this turn: `[batch * size]`."""
    for i in range(key.shape[0]):
        for n in range(size):
            out[i * size + n] = hash_pair(hash_pair(key[i], purpose + n), turn[i])


@kernel
def _identify(
    population: int, luck: int, number: Ints, split: int, episode: Ints, learner: Keys, fate: Keys
) -> None:
    for row in range(number.shape[0]):
        key = hash_pair(hash_pair(np.uint64(population), split), number[row])
        learner[row] = hash_pair(key, episode[row])
        fate[row] = hash_pair(learner[row], luck)


class Seeds(NamedTuple):
    """Named seeds: `population` is that of the learners' traits, `luck` that of their luck."""

    population: int = 0
    luck: int = 0


def identify(seeds: Seeds, number: Ints, split: int, episode: Ints) -> Luck:
    """Luck at step 0 of the learners with these numbers, `[batch]`, in their `episode`-th episode.

    learner = hash(population seed, split, number, episode); fate = hash(learner, luck seed).
    """
    learner = np.empty(len(number), np.uint64)
    fate = np.empty(len(number), np.uint64)
    _identify(seeds.population, seeds.luck, number, int(split), episode, learner, fate)
    return Luck(
        learner=learner,
        fate=fate,
        step=np.zeros(len(number), np.int64),
        number=np.asarray(number, np.int64).copy(),
        split=np.full(len(number), int(split), np.int64),
    )
