"""A simulator as a user would write one: plain numpy, in a file of their own.

Each of three skills is known or not; an unknown one is learned with probability .3 at a practice.
"""

from typing import NamedTuple

import numpy as np

from coursewright.simulators.course import Course
from coursewright.simulators.luck import ANSWER, ENROL, LEARN, uniforms


class ToyState(NamedTuple):
    known: np.ndarray


class ToyLearners:
    course = Course.of(["add", "subtract", "multiply"], prerequisites=[["add", "multiply"]])
    restricts = False

    def __init__(self, learn=0.3):
        self.learn = learn

    def empty(self, batch):
        return ToyState(np.zeros((batch, 3)))

    def enrol(self, state, rows, luck):
        draw = np.empty(len(luck.learner))
        for skill in range(3):
            uniforms(luck.learner, luck.step, ENROL + skill, draw)
            state.known[rows, skill] = draw[rows] < 0.2

    def p_correct(self, state, item, out):
        out[:] = np.where(state.known[np.arange(len(item)), item] > 0, 0.9, 0.25)

    def practise(self, state, item, taught, luck, out):
        rows = np.flatnonzero(item >= 0)
        asked = item[rows]
        p, draw = np.empty(len(item)), np.empty(len(item))
        self.p_correct(state, item, p)
        uniforms(luck.fate, luck.step, ANSWER, draw)
        out.correct[rows] = draw[rows] < p[rows]
        out.minutes[rows] = 1.0
        uniforms(luck.fate, luck.step, LEARN, draw)
        learned = taught[rows] & (draw[rows] < self.learn)
        state.known[rows[learned], asked[learned]] = 1.0

    def elapse(self, state, days, luck):
        pass

    def allowed(self, state, out):
        out[:] = True

    def mastery(self, state, out):
        out[:] = state.known
