"""Taking learners through single steps, for tests of simulators."""

import numpy as np

from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import empty_response


def luck_of(numbers):
    """The luck of the evaluation learners with these numbers."""
    numbers = np.asarray(numbers, np.int64)
    return identify(Seeds(), numbers, Split.EVALUATE, np.zeros(len(numbers), np.int64))


def enrolled(simulator, numbers):
    """A state with these learners in it, and their luck; a number of learners means the first ones."""
    luck = luck_of(np.arange(numbers) if isinstance(numbers, int) else numbers)
    state = simulator.empty(len(luck.fate))
    simulator.enrol(state, np.arange(len(luck.fate)), luck)
    return state, luck


def practise(simulator, state, luck, item, taught=True):
    """One step; the answers `[batch]`, -1 where there was none."""
    batch = len(luck.fate)
    response = empty_response(batch)
    items = np.broadcast_to(item, batch).astype(np.int64)
    simulator.practise(state, items, np.broadcast_to(taught, batch).copy(), luck, response)
    luck.step[:] += 1
    assert np.array_equal(response.grade, response.correct)
    return response.correct


def chance(simulator, state, luck, item):
    """P(correct) `[batch]`; NaN where nothing is asked."""
    out = np.full(len(luck.fate), np.nan)
    simulator.p_correct(state, np.broadcast_to(item, len(out)).astype(np.int64), out)
    return out


def mastery(simulator, state, luck):
    """Latent mastery `[batch, skills]`."""
    out = np.full((len(luck.fate), simulator.course.n_skills), np.nan, np.float32)
    simulator.mastery(state, out)
    return out


def assert_share(values, expected, errors=4.0):
    """The mean of 0s and 1s agrees with `expected` within `errors` of its standard errors."""
    se = np.sqrt(expected * (1 - expected) / len(values))
    assert abs(np.mean(values) - expected) <= errors * se + 1e-12, (np.mean(values), expected, se)
