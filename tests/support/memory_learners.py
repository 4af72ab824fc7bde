"""Running memory learners step by step, for the tests of DeepTutor and Dhp."""

import numpy as np

from coursewright.simulators.luck import ANSWER, Luck, Seeds, Split, identify, uniform
from coursewright.simulators.protocol import empty_response


def enrolled(simulator, learners, first=0):
    """A state with the learners `first`, `first` + 1, ... in it, and their luck."""
    numbers = np.arange(first, first + learners)
    luck = identify(Seeds(), numbers, Split.EVALUATE, np.zeros(learners, np.int64))
    state = simulator.empty(learners)
    simulator.enrol(state, np.arange(learners), luck)
    return state, luck


def chances(simulator, state) -> np.ndarray:
    """P(correct) `[batch, items]`."""
    batch = len(state.now)
    p = np.full((simulator.course.n_items, batch), np.nan)
    for item in range(len(p)):
        simulator.p_correct(state, np.full(batch, item), p[item])
    return p.T


def step(simulator, state, luck, item, taught=True, days=0.0) -> np.ndarray:
    """Practise, then let days pass; the answers `[batch]`, -1 where there was none."""
    batch = len(state.now)
    response = empty_response(batch)
    items = np.broadcast_to(item, batch).astype(np.int64)
    simulator.practise(state, items, np.broadcast_to(taught, batch).copy(), luck, response)
    luck.step[items >= 0] += 1
    simulator.elapse(state, np.broadcast_to(days, batch).astype(float), luck)
    assert np.array_equal(response.grade, response.correct)
    return response.correct


def follow(simulator, notebooks, steps, seed=0):
    """Teach at random and compare each learner with a notebook of their own, after every step.

    A notebook has `p(item)`, `lesson(item, right)` and `wait(days)`, and is told of each event; rows
    without an item, answers without a lesson and gaps of no length happen too.
    """
    rng = np.random.default_rng(seed)
    state, luck = enrolled(simulator, len(notebooks))
    items = simulator.course.n_items
    for t in range(steps):
        item = rng.integers(-1, items, len(notebooks))
        taught = rng.random(len(notebooks)) < 0.9
        days = np.where(rng.random(len(notebooks)) < 0.2, 0.0, rng.exponential(5.0, len(notebooks)))
        before = Luck(*(array.copy() for array in luck))
        correct = step(simulator, state, luck, item, taught, days)
        for i, notebook in enumerate(notebooks):
            if item[i] >= 0:
                right = uniform(before.fate[i], before.step[i], ANSWER) < notebook.p(item[i])
                assert correct[i] == right, (t, i)
                if taught[i]:
                    notebook.lesson(item[i], int(right))
            notebook.wait(days[i])
        mine = [[notebook.p(a) for a in range(items)] for notebook in notebooks]
        np.testing.assert_allclose(chances(simulator, state), mine, rtol=1e-12, atol=1e-12, err_msg=str(t))
