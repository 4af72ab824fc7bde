"""Answers of a folder's learners to the rows of a log: by the simulator alone, without the fit.

The learners are walked through a log's items, days and answers.  An answer is forced by choosing luck that
leads to it.  Ability, knowledge and pace, which earlier answers leave open, are integrated out over
the same nodes as the fit's.
"""

import numpy as np

from coursewright.fitting.coded import Coded
from coursewright.simulators.capabilities import study
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import FIELDS
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.luck import ANSWER, Luck, uniforms
from coursewright.simulators.protocol import empty_response

POOL = 200_000
SURE = 0.002  # answers are forced where their chance is above this
GRID = np.linspace(-5.0, 5.0, 61)
NODES = 7


def taught(simulator, log: Coded) -> np.ndarray:
    """P(correct) `[rows]` of each row, given the learner's earlier rows."""
    return _known(simulator, log) if isinstance(simulator, Bkt) else _walked(simulator, log)


def _walked(simulator, log: Coded) -> np.ndarray:
    score = GRID if getattr(simulator, "spread", 0.0) > 0.0 else np.zeros(1)
    learners, nodes = len(log.learners), len(score)
    batch = learners * nodes
    state = simulator.empty(batch)
    theta = getattr(simulator, "spread", 0.0) * np.tile(score, learners)
    if isinstance(simulator, Logistic):
        state.theta[:] = theta
    elif isinstance(simulator, Das3h):
        state.alpha[:] = theta
    elif isinstance(simulator, Irt):
        state.start[:] = simulator.mean + theta[:, None]
    else:
        assert nodes == 1
    belief = np.tile(np.exp(-0.5 * score**2), (learners, 1))
    item = np.array([simulator.course.items.index(name) for name in log.items])[log.item]
    out, response = np.full(log.rows, np.nan), empty_response(batch)
    count = np.diff(log.start)
    for t in range(int(count.max())):
        row = log.start[:-1] + np.minimum(t, count - 1)
        going = t < count
        days = np.where(going, log.gap[row], 0.0)
        simulator.elapse(state, np.repeat(days, nodes), _luck(np.zeros(batch, np.uint64), t))
        asked = np.repeat(np.where(going, item[row], -1), nodes)
        p = np.full(batch, np.nan)
        simulator.p_correct(state, asked, p)
        p = p.reshape(learners, nodes)
        out[row[going]] = ((belief * p).sum(axis=1) / belief.sum(axis=1))[going]
        right, shown = log.correct[row] == 1, log.correct[row] < 0
        belief[going & ~shown] *= np.where(right[:, None], p, 1.0 - p)[going & ~shown]
        fate = np.repeat(_fates(t, right, log.grade[row], simulator), nodes)
        study(simulator, state, np.where(np.repeat(shown, nodes), asked, -1), _luck(fate, t))
        asked = np.where(np.repeat(shown, nodes), -1, asked)
        simulator.practise(state, asked, np.ones(batch, bool), _luck(fate, t), response)
        likely = (asked >= 0) & (np.minimum(p, 1.0 - p) > 0.005).ravel()
        assert (response.correct == np.repeat(right, nodes))[likely].all()
    return out


def _luck(fate: np.ndarray, t: int) -> Luck:
    number = np.arange(len(fate))
    return Luck(fate.copy(), fate, np.full(len(fate), t), number, np.zeros(len(fate), np.int64))


def _fates(t: int, right: np.ndarray, grade: np.ndarray, simulator) -> np.ndarray:
    """Keys of luck that lead to these answers `[learners]` at step t, and to these grades."""
    keys, first, second = np.arange(1, POOL + 1, dtype=np.uint64), np.empty(POOL), np.empty(POOL)
    uniforms(keys, np.full(POOL, t), ANSWER, first)
    uniforms(keys, np.full(POOL, t), ANSWER + 1, second)
    found = np.empty(len(right), np.uint64)
    best, worst = keys[first.argmin()], keys[first.argmax()]
    good, marks = keys[first < SURE], second[first < SURE]
    graded = hasattr(simulator, "right_grades")
    for j, yes in enumerate(right):
        found[j] = best if yes else worst
        if yes and graded:  # inside the grade, in both tables of shares
            at = {1: 0.002, 2: 0.5, 3: 0.998}[round(3 * grade[j])]
            found[j] = good[np.abs(marks - at).argmin()]
    return found


def _known(simulator: Bkt, log: Coded) -> np.ndarray:
    """The hidden Markov model of these learners, filtered at every node of how they differ."""
    course = simulator.course
    assert all(row.sum() == 1 for row in course.q_matrix), "one skill an item: else learners need all at once"
    prior, learn, forget, guess, slip = (np.asarray(getattr(simulator.parameters, f))[0] for f in FIELDS)
    individual = simulator.prior_sd > 0.0 or simulator.learn_sd > 0.0
    z, w = np.polynomial.hermite_e.hermegauss(NODES if individual else 1)
    skill = {item: int(np.flatnonzero(course.q_matrix[i])[0]) for i, item in enumerate(course.items)}
    out = np.full(log.rows, np.nan)
    for j in range(len(log.learners)):
        belief = np.outer(w, w)
        known: dict[int, np.ndarray] = {}
        last: dict[int, float] = {}
        first = log.day[log.start[j]]
        for r in range(log.start[j], log.start[j + 1]):
            if log.items[log.item[r]] not in skill:
                continue
            k = skill[log.items[log.item[r]]]
            mine = known.get(k, np.repeat(_moved(prior[k], simulator.prior_sd * z)[:, None], len(z), axis=1))
            if simulator.forgetting == "time":
                mine = mine * (1.0 - forget[k]) ** (log.day[r] - last.get(k, first))
            last[k] = log.day[r]
            p = mine * (1.0 - slip[k]) + (1.0 - mine) * guess[k]
            out[r] = (belief * p).sum() / belief.sum()
            right, asked = log.correct[r] == 1, log.correct[r] >= 0
            chance = (p if right else 1.0 - p) if asked else np.ones_like(p)
            mine = mine * ((1.0 - slip[k]) if right else slip[k]) / chance if asked else mine
            at_practice = forget[k] if simulator.forgetting == "opportunity" else 0.0
            known[k] = mine * (1.0 - at_practice) + (1.0 - mine) * _moved(learn[k], simulator.learn_sd * z)
            belief = belief * chance
    return out


def _moved(p: float, by: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + (1.0 - p) / p * np.exp(-by))
