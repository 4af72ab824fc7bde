"""Three verdicts of null worlds: fit, unfit, or a log that cannot tell."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from coursewright.fitting.judging.null_world import Gains, NullWorlds
from coursewright.fitting.judging.verdict import Measured, listed
from coursewright.fitting.logistic.practice import PracticeModel
from null_worlds import nobody_learns

SCATTER = np.array([-1.0, 1.0, 0.5, -0.5, 0.0])  # of five worlds; mean 0, standard error .3536


def worlds(gain=(0.0, 0.0, 0.0), spread=(0.0, 0.0, 0.0), error: float = 0.0) -> Measured:
    """Five worlds with these means and this standard error."""
    scatter = (SCATTER * error / (SCATTER.std(ddof=1) / np.sqrt(5)))[:, None]
    return Measured.of(Gains(np.array(gain) + scatter, np.array(spread) + scatter))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (worlds(), "nothing"),
        (worlds((0.0, 0.0, 0.02), error=0.003), "nothing"),
        (worlds((0.0, 0.0, 0.02), error=0.005), "cannot tell"),  # 2.776 standard errors either side
        (worlds(error=0.2), "cannot tell"),
        (worlds((0.1, 0.0, 0.0), error=0.02), "learning"),
        (worlds((0.1, 0.0, 0.0), error=0.03), "cannot tell"),
        (worlds((-0.1, -0.1, 0.0), error=0.02), "forgetting"),
        (worlds((0.1, 0.0, -0.1), error=0.02), "learning and forgetting"),
        (worlds(spread=(0.0, 0.0, 0.2), error=0.01), "differences between learners"),
        (worlds((0.1, 0.0, -0.1), (0.9,) * 3, 0.01), "learning, forgetting and differences between learners"),
        (worlds(spread=(0.0, 0.0, 0.2), error=0.03), "cannot tell"),
        (worlds((np.nan, 0.0, 0.0), (np.nan, 0.0, 0.0)), "nothing"),
        (Measured.nothing(3), ""),
    ],
)  # fmt: skip
def test_a_verdict_takes_evidence_in_either_direction(found: Measured, verdict: str) -> None:
    assert found.verdict == verdict
    assert bool(found.invents) == (verdict not in ("", "nothing", "cannot tell"))


def test_intervals_are_students_over_worlds() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3))
    found, theirs = Measured.of(Gains(values, values)), ttest_1samp(values, 0.0)
    low, high = theirs.confidence_interval(0.95)
    np.testing.assert_allclose([found.low.gain, found.high.spread], [low, high])
    np.testing.assert_allclose(found.error.gain, values.std(axis=0, ddof=1) / np.sqrt(5))


def test_a_level_counts_in_the_worlds_that_know_it() -> None:
    gain = np.array([[0.1, np.nan, 0.0], [0.3, np.nan, 0.0], [np.nan, 0.2, 0.0]])
    found = Measured.of(Gains(gain, gain))
    np.testing.assert_allclose(found.mean.gain, [0.2, np.nan, 0.0])
    assert found.error.gain[0] == pytest.approx(0.1)
    assert found.fits.tolist() == [False, True, True]
    assert not found.fails.any()


@pytest.mark.slow
def test_a_log_of_a_class_cannot_tell() -> None:
    """Thirty learners of whom the able stay: by its mean alone the best model would be unfit by chance."""
    verdicts, unfit_by_mean = Counter(), 0
    for seed in range(6):
        log = nobody_learns("stay", seed)
        part = log.take(np.flatnonzero(log.learner < 30))
        found = Measured.of(NullWorlds.of(part, 5, seed).invented(PracticeModel(), seed))
        verdicts[found.verdict] += 1
        unfit_by_mean += np.abs(found.mean.gain).max() > 0.03
    assert verdicts == {"cannot tell": 6}
    assert unfit_by_mean == 6


def test_names_in_a_sentence() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
