"""The random stream: uniform, independent across neighbours, and a function of its arguments alone."""

import numpy as np
import pytest
from scipy import stats

from coursewright.simulators import luck
from coursewright.simulators.luck import ANSWER, LEARN, Luck, Seeds, Split, hash_pair, identify, uniform

N = 200_000
SEEDS = Seeds()
WORD = (1 << 64) - 1
PURPOSES = {name: value for name, value in vars(luck).items() if name.isupper() and isinstance(value, int)}


def draws(key=0, step=0, purpose=ANSWER) -> np.ndarray:
    """Draws for scalars or arrays `[n]` of keys, steps or purposes."""
    key, step, purpose = np.broadcast_arrays(np.asarray(key, np.uint64), step, purpose)
    return np.array([uniform(*each) for each in zip(key.ravel(), step.ravel(), purpose.ravel(), strict=True)])


def keys(number, split=Split.TRAIN, episode=0, seeds=SEEDS) -> Luck:
    number = np.asarray(number, np.int64)
    return identify(seeds, number, split, np.full(len(number), episode, np.int64))


def column(key, step=0, purpose=ANSWER) -> np.ndarray:
    out = np.empty(len(key))
    luck.uniforms(key, np.full(len(key), step, np.int64), purpose, out)
    return out


def correlation(x, y) -> float:
    return float(np.corrcoef(x, y)[0, 1])


# The stream in whole numbers of any size: independent of numba and of numpy's wrapping.
def slow_mix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def slow_hash(key: int, value: int) -> int:
    return slow_mix((key + 0x9E3779B97F4A7C15 * (value + 1)) & WORD)


def test_the_finaliser_is_splitmix64() -> None:
    # The generator's published first outputs for the seed 1234567 (state advanced, then finalised).
    state, outputs = 1234567, []
    for _ in range(3):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        outputs.append(int(luck.mix(np.uint64(state))))
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("seed", range(20))
def test_draws_follow_their_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    key, step, purpose = int(rng.integers(2**63)), int(rng.integers(1000)), ANSWER + int(rng.integers(2**32))
    expected = (slow_hash(slow_hash(key, step), purpose) >> 11) / 2**53
    assert uniform(np.uint64(key), step, purpose) == expected
    assert 0.0 <= expected < 1.0


def test_identity_follows_its_definition() -> None:
    seeds, number, episode = Seeds(population=11, luck=23), np.array([0, 7, 2**61]), np.array([0, 3, 1])
    found = identify(seeds, number, Split.TUNE, episode)
    for row in range(3):
        person = slow_hash(slow_hash(11, int(Split.TUNE)), int(number[row]))
        learner = slow_hash(person, int(episode[row]))
        assert int(found.learner[row]) == learner
        assert int(found.fate[row]) == slow_hash(learner, 23)
    assert found.step.tolist() == [0, 0, 0]
    assert found.number.tolist() == number.tolist()


def test_the_same_inputs_give_the_same_draw_in_any_company() -> None:
    key = keys(np.arange(1000)).fate
    together = column(key, step=4)
    assert np.array_equal(together[::-1], column(key[::-1].copy(), step=4))
    assert np.array_equal(together[300:310], column(key[300:310].copy(), step=4))
    assert together[17] == uniform(key[17], 4, ANSWER)


@pytest.mark.parametrize(
    "sample",
    [
        lambda: column(np.arange(N, dtype=np.uint64)),  # keys that differ in their last bits only
        lambda: column(keys(np.arange(N)).learner),
        lambda: column(keys(np.arange(N)).fate, step=99, purpose=LEARN + 3),
        lambda: draws(step=np.arange(50_000)),
        lambda: draws(purpose=ANSWER + np.arange(50_000)),
    ],
    ids=["bare keys", "learners", "fates", "steps", "purposes"],
)
def test_draws_are_uniform(sample) -> None:
    values = sample()
    counts = np.bincount((values * 256).astype(int), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    low_bits = np.bincount((values * 2**53).astype(np.int64) % 256, minlength=256)
    assert stats.chisquare(low_bits).pvalue > 1e-3


@pytest.mark.parametrize("lag", [1, 2, 3, 64])
def test_neighbours_are_uncorrelated(lag: int) -> None:
    bound = 4.5 / np.sqrt(N)
    first = keys(np.arange(N))
    base = column(first.fate)
    neighbours = {
        "learner": column(keys(np.arange(N) + lag).fate),
        "step": column(first.fate, step=lag),
        "purpose": column(first.fate, purpose=ANSWER + lag),
        "purpose group": column(first.fate, purpose=ANSWER + (lag << 32)),
        "episode": column(keys(np.arange(N), episode=lag).fate),
        "luck seed": column(keys(np.arange(N), seeds=Seeds(0, lag)).fate),
        "population seed": column(keys(np.arange(N), seeds=Seeds(lag, 0)).fate),
        "learner and fate": column(first.learner),
    }
    found = {name: correlation(base, other) for name, other in neighbours.items()}
    assert not {name: value for name, value in found.items() if abs(value) > bound}
    # Pairs fill the unit square evenly: correlation alone would miss a lattice.
    for name, other in neighbours.items():
        cells = (base * 16).astype(int) * 16 + (other * 16).astype(int)
        assert stats.chisquare(np.bincount(cells, minlength=256)).pvalue > 1e-4, name


def test_draws_of_one_learner_are_uncorrelated_in_time() -> None:
    values = draws(key=keys([5]).fate[0], step=np.arange(50_000))
    assert abs(correlation(values[1:], values[:-1])) < 4.5 / np.sqrt(50_000)


def test_purposes_never_overlap() -> None:
    groups = [value >> 32 for value in PURPOSES.values()]
    assert len(groups) >= 10
    assert len(set(groups)) == len(groups)
    assert all(value % (1 << 32) == 0 for value in PURPOSES.values())


def test_learners_never_coincide() -> None:
    # 4 splits x 2 episodes x 2 populations: all different people, with different fates
    everyone = [
        keys(np.arange(20_000), split, episode, Seeds(population, 0))
        for split in Split
        for episode in (0, 1)
        for population in (0, 1)
    ]
    for field in ("learner", "fate"):
        found = np.concatenate([getattr(who, field) for who in everyone])
        assert len(np.unique(found)) == len(found) == 320_000


def test_the_luck_seed_changes_what_happens_and_not_who_it_happens_to() -> None:
    one, other = (keys(np.arange(1000), seeds=Seeds(3, s)) for s in (0, 1))
    assert np.array_equal(one.learner, other.learner)
    assert not np.isin(one.fate, other.fate).any()


def test_the_population_seed_changes_both() -> None:
    one, other = (keys(np.arange(1000), seeds=Seeds(s, 3)) for s in (0, 1))
    assert not np.isin(one.learner, other.learner).any()
    assert not np.isin(one.fate, other.fate).any()


def test_identify_hands_out_arrays_of_its_own() -> None:
    number = np.arange(3)
    found = identify(Seeds(), number, Split.TRAIN, np.zeros(3, np.int64))
    found.number[:] = 99
    assert number.tolist() == [0, 1, 2]


def test_normal_draws_are_normal() -> None:
    values = np.array([luck.normal(key, 0, ANSWER) for key in keys(np.arange(60_000)).learner])
    n = len(values)
    assert abs(values.mean()) < 4 / np.sqrt(n)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs(stats.skew(values)) < 4 * np.sqrt(6 / n)
    assert abs(stats.kurtosis(values)) < 4 * np.sqrt(24 / n)
    assert stats.kstest(values, "norm").pvalue > 1e-3


def test_normal_draws_use_two_purposes() -> None:
    key = np.uint64(77)
    radius = np.sqrt(-2 * np.log(1 - uniform(key, 3, ANSWER)))
    angle = 2 * np.pi * uniform(key, 3, ANSWER + 1)
    assert luck.normal(key, 3, ANSWER) == pytest.approx(radius * np.cos(angle), rel=1e-12)


def test_hashing_separates_key_and_value() -> None:
    pairs = {int(hash_pair(np.uint64(k), v)) for k in range(200) for v in range(200)}
    assert len(pairs) == 40_000
