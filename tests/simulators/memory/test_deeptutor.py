"""deeptutor's learners against closed forms and against notebooks that keep the whole history."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.laws import DeepTutorDash, DeepTutorHlr, Efc
from coursewright.simulators.protocol import clone, take
from memory_learners import chances, enrolled, follow, step

LAWS = {"efc": Efc(), "hlr": DeepTutorHlr(), "dash": DeepTutorDash()}
N = 3000  # learners of thirty items each


def few(law, items=5) -> DeepTutor:
    return DeepTutor(law, Course.of(items))


class Notebook:
    """Everything that happened to one learner; recall is worked out from it anew each time."""

    def __init__(self, state, row) -> None:
        self.start = state.shown[row].tolist()
        self.trait = state.trait[row].tolist()
        self.bend = state.bend[row].tolist()
        self.h = state.pace[row].tolist()
        self.now = 0.0
        self.lessons: list[tuple[int, int, float]] = []  # item, right, when; the newest moves with time
        self.just_taught = False

    def lesson(self, item, right) -> None:
        self.lessons.append((item, right, self.now))
        self.just_taught = True

    def wait(self, days) -> None:
        self.now += days
        if self.just_taught:
            item, right, _ = self.lessons[-1]
            self.lessons[-1] = (item, right, self.now)
        self.just_taught = False

    def age(self, item) -> float:
        return self.now - next((when for a, _, when in reversed(self.lessons) if a == item), self.start[item])

    def tries(self, item) -> list[int]:
        return [right for a, right, _ in self.lessons if a == item]


class EfcNotebook(Notebook):
    def p(self, item) -> float:
        return math.exp(-self.trait[item] * self.age(item) / (1 + len(self.tries(item))))


class HlrNotebook(Notebook):
    def p(self, item) -> float:
        tries = self.tries(item)
        x = [len(tries), sum(tries), len(tries) - sum(tries)]
        w = [1.0, 1.0, 0.0]
        return math.exp(
            -self.age(item)
            / math.exp(min(30.0, sum(map(math.prod, zip(w, x, strict=True))) + self.trait[item]))
        )


class DashNotebook(Notebook):
    def p(self, item) -> float:
        current = min(4, len(self.lessons) // 40)
        logit = self.trait[item]
        for window, c in enumerate([1 / 25, 1 / 16, 1 / 9, 1 / 4, 1.0][:current]):
            inside = [
                right
                for n, (a, right, _) in enumerate(self.lessons, start=1)
                if a == item and min(4, n // 40) == window
            ]
            logit += c * math.log(1 + sum(inside)) + c * math.log(1 + len(inside))
        m = 1 / (1 + math.exp(-logit))
        return m / (1 + self.h[item] * self.age(item)) ** self.bend[item]


NOTEBOOKS = {"efc": EfcNotebook, "hlr": HlrNotebook, "dash": DashNotebook}


@pytest.mark.parametrize("law", LAWS)
def test_learners_are_what_their_history_says(law) -> None:
    simulator = few(LAWS[law])
    state, _ = enrolled(simulator, 8)
    follow(simulator, [NOTEBOOKS[law](state, row) for row in range(8)], steps=250)


def test_hlr_stops_growing_at_30() -> None:
    simulator = few(DeepTutorHlr(weights=(5.0, 5.0, 0.0), item_sd=0.0), items=1)
    state, luck = enrolled(simulator, 3)
    for _ in range(400):
        step(simulator, state, luck, 0, days=1.0)
    np.testing.assert_allclose(state.pace, math.exp(-30.0), rtol=1e-14)


def test_new_learners_are_drawn_as_published() -> None:
    state, _ = enrolled(DeepTutor(Efc()), N)
    assert (state.shown < 0).all()
    assert stats.kstest(np.log(-state.shown).ravel(), "norm").pvalue > 1e-3
    assert stats.kstest((np.log(state.pace) - math.log(0.077)).ravel(), "norm").pvalue > 1e-3
    state, _ = enrolled(DeepTutor(DeepTutorHlr()), N)
    assert stats.kstest(-np.log(state.pace).ravel(), "norm").pvalue > 1e-3
    state, _ = enrolled(DeepTutor(DeepTutorDash()), N)
    difficulty = np.log(1 / state.height - 1)
    exponent = np.log(-np.log(state.bend))
    for values in (difficulty - 1.0, exponent - 1.0):
        assert stats.kstest(values.ravel(), "norm").pvalue > 1e-3
    assert (state.pace == state.pace[:, :1]).all()  # one h a learner
    assert stats.kstest(np.log(state.pace[:, 0]) / 0.01, "norm").pvalue > 1e-3
    # and independently of one another
    together = np.corrcoef([np.log(-state.shown).ravel(), difficulty.ravel(), exponent.ravel()])
    assert np.abs(together[np.triu_indices(3, 1)]).max() < 4 / math.sqrt(30 * N)


def test_efc_by_hand() -> None:
    simulator = few(Efc(decay=0.1, decay_sd=0.0), items=2)
    state, luck = enrolled(simulator, 1)
    state.shown[:] = -2.0
    np.testing.assert_allclose(chances(simulator, state), [[math.exp(-0.2)] * 2])
    step(simulator, state, luck, 0, days=5.0)  # shown on day 5 at strength 2; the other is 7 days old
    np.testing.assert_allclose(chances(simulator, state), [[1.0, math.exp(-0.7)]])
    step(simulator, state, luck, 1, days=5.0)
    np.testing.assert_allclose(chances(simulator, state), [[math.exp(-0.25), 1.0]])


@pytest.mark.parametrize("law", LAWS)
def test_only_the_first_gap_leaves_an_item_fresh(law) -> None:
    simulator = few(LAWS[law])
    state, luck = enrolled(simulator, 40)
    days = np.where(np.arange(40) % 2 == 0, 5.0, 0.0)  # in odd rows no time passes
    step(simulator, state, luck, 2, days=days)
    best = chances(simulator, state)[:, 2]
    np.testing.assert_array_equal(best, state.height[:, 2])
    step(simulator, state, luck, -1, days=days)
    aged = chances(simulator, state)[:, 2]
    assert (aged[::2] < best[::2]).all()
    assert (aged[1::2] == best[1::2]).all()
    step(simulator, state, luck, -1, days=0.0)
    assert (chances(simulator, state)[:, 2] == aged).all()


def test_dash_counts_a_window_once_it_is_over() -> None:
    simulator = few(DeepTutorDash(window=3, weights=(0.5, 0.7, 1.0)), items=1)
    state, luck = enrolled(simulator, 200)
    logit = np.log(state.height[:, 0] / (1 - state.height[:, 0]))
    right = []
    for n in range(1, 40):
        right.append(step(simulator, state, luck, 0))
        shown = logit.copy()  # lessons 1 and 2 are window 0; 3, 4 and 5 window 1; all others window 2
        if n >= 3:
            shown += 0.5 * (np.log(1 + sum(right[:2])) + np.log(3))
        if n >= 6:
            shown += 0.7 * (np.log(1 + sum(right[2:5])) + np.log(4))
        np.testing.assert_allclose(state.height[:, 0], 1 / (1 + np.exp(-shown)), rtol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_a_thousand_steps_stay_probabilities(law) -> None:
    simulator = few(LAWS[law])
    state, luck = enrolled(simulator, 100)
    rng = np.random.default_rng(1)
    mastery = np.empty((100, 5), np.float32)
    for _ in range(1000):
        gap = rng.exponential(10.0, 100) ** rng.integers(0, 3, 100)
        step(simulator, state, luck, rng.integers(0, 5, 100), days=gap)
        simulator.mastery(state, mastery)
        assert ((mastery >= 0) & (mastery <= 1)).all()
    np.testing.assert_allclose(mastery, chances(simulator, state), rtol=1e-6, atol=1e-30)
    assert all(np.isfinite(array).all() for array in state)


@pytest.mark.parametrize("law", LAWS)
def test_answers_have_the_stated_chance_and_untaught_rows_learn_nothing(law) -> None:
    simulator = DeepTutor(LAWS[law])
    state, luck = enrolled(simulator, N)
    step(simulator, state, luck, 3, days=2.0)
    step(simulator, state, luck, 4, days=2.0)
    before, p = clone(state), chances(simulator, state)[:, 3]
    correct = step(simulator, state, luck, 3, taught=False)
    assert abs(correct.mean() - p.mean()) < 4 * math.sqrt((p * (1 - p)).mean() / N)
    assert all((now == then).all() for now, then in zip(state, before, strict=True))


@pytest.mark.parametrize("law", LAWS)
def test_a_row_does_not_depend_on_its_neighbours(law) -> None:
    simulator = few(LAWS[law])
    whole, luck = enrolled(simulator, 30)
    part, part_luck = enrolled(simulator, 7, first=11)
    for t in range(60):
        answers = step(simulator, whole, luck, (luck.number + t) % 5, days=1.0 + luck.number % 3)
        own = step(simulator, part, part_luck, (part_luck.number + t) % 5, days=1.0 + part_luck.number % 3)
        assert (own == answers[11:18]).all()
    mine = take(whole, np.arange(11, 18))
    assert all((a == b).all() for a, b in zip(part, mine, strict=True))
    # who comes anew changes nobody else
    others, before = np.array([0, 1, 3, 4]), clone(whole)
    simulator.enrol(whole, np.array([2, 5]), luck)
    for now, then in zip(take(whole, others), take(before, others), strict=True):
        assert (now == then).all()
    assert whole.lessons[[2, 5]].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DeepTutor(Efc(), Course.of(2, items={"a": "0", "b": "1", "c": "1"})), "deeptutor.course"),
        (lambda: Efc(decay=0.0), "efc.decay = 0.0: must be a positive"),
        (lambda: Efc(decay_sd=-1.0), "efc.decay_sd = -1.0"),
        (lambda: DeepTutorHlr(weights=(1.0, 1.0)), "deeptutor_hlr.weights"),
        (lambda: DeepTutorHlr(weights=(1.0, float("nan"), 0.0)), "deeptutor_hlr.weights = nan"),
        (lambda: DeepTutorHlr(item_sd=float("inf")), "deeptutor_hlr.item_sd = inf"),
        (lambda: DeepTutorDash(window=0), "deeptutor_dash.window = 0"),
        (lambda: DeepTutorDash(weights=()), "deeptutor_dash.weights"),
        (lambda: replace(DeepTutorDash(), delay_sd=-0.1), "deeptutor_dash.delay_sd = -0.1"),
        (lambda: DeepTutorDash(difficulty=1e9), "deeptutor_dash.difficulty"),
    ],
)
def test_what_is_refused(make, message) -> None:
    with pytest.raises(InputError, match=message):
        make()
