"""A learner model in plain numpy, as somebody would write their first one; the room's README shows it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.simulators.course import Course
from coursewright.simulators.luck import ANSWER, ENROL, uniforms


class LevelState(NamedTuple):
    level: np.ndarray  # [batch, skills], from 0 to 1
    speed: np.ndarray  # [batch], share of the gap to 1 that one practice closes


@dataclass(frozen=True, eq=False)
class Levels:  # practice brings a level nearer to 1, at the learner's own speed; days let it fade
    course: Course  # one item a skill
    fading: float = 0.0

    def empty(self, batch):
        return LevelState(np.zeros((batch, self.course.n_skills)), np.zeros(batch))

    def enrol(self, state, rows, luck):
        draw = np.empty(len(rows))
        uniforms(luck.learner[rows], luck.step[rows], ENROL, draw)
        state.level[rows], state.speed[rows] = 0.0, 0.1 + 0.4 * draw

    def p_correct(self, state, item, out):
        out[:] = 0.2 + 0.7 * state.level[np.arange(len(item)), item]

    def practise(self, state, item, taught, luck, out):
        chance, draw = np.empty((2, len(item)))
        self.p_correct(state, item, chance)
        uniforms(luck.fate, luck.step, ANSWER, draw)
        rows = np.flatnonzero(item >= 0)
        out.correct[rows] = out.grade[rows] = (draw < chance)[rows]
        out.minutes[rows] = self.course.minutes[item[rows]]
        rows = rows[taught[rows]]
        state.level[rows, item[rows]] += state.speed[rows] * (1.0 - state.level[rows, item[rows]])

    def elapse(self, state, days, luck):
        state.level[:] *= np.exp(-self.fading * days)[:, None]

    def mastery(self, state, out):
        out[:] = state.level
