"""KES: a neural knowledge tracer, trained on a log, as the learner.

Deep knowledge tracing (Piech et al., NeurIPS 2015) predicts each answer from the answers before; fed
with its own predictions it is a learner (Liu et al., KDD 2019, where it is called KES).  Definitions of
the task differ between papers, so each is an option: the learner's start, the skills they want to
learn, and the answer that is fed back to the network.  A learner answers from the old state and then learns.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import ANSWER, ENROL, GOAL, WARM_UP, Keys, Luck, uniform
from coursewright.simulators.neural.network import Readout, Weights, logistic, logit
from coursewright.simulators.neural.tracer import Engine, Tracer
from coursewright.simulators.protocol import Prologue, Response

FEEDBACK = ("sampled", "rounded", "expected")
SAMPLED, ROUNDED, EXPECTED = range(3)


class KesState(NamedTuple):
    """A batch of learners.

    `memory [batch, width]` of the network, float32; `target [batch, most]`, the skills each wants to
    learn, -1 behind the last.
    """

    memory: Weights
    target: Ints


@kernel
def _draw_distinct(learner: Keys, purpose: int, drawn: Bools, out: Ints) -> None:
    """Distinct numbers below `drawn.shape[1]` into `out [rows, count]`, every order equally likely.

    `drawn [rows, numbers]`, False at first, marks them.
    """
    for r in range(out.shape[0]):
        turn = 0
        for j in range(out.shape[1]):
            while True:
                number = int(uniform(learner[r], 0, purpose + turn) * drawn.shape[1])
                turn += 1
                if not drawn[r, number]:
                    break
            drawn[r, number] = True
            out[r, j] = number


@kernel
def _draw_items(skill: Ints, learner: Keys, out: Ints, items_of: Lists) -> None:
    """One of the items of each skill `[rows, count]`."""
    for r in range(skill.shape[0]):
        for j in range(skill.shape[1]):
            k = skill[r, j]
            first, behind = items_of.start[k], items_of.start[k + 1]
            pick = int(uniform(learner[r], j, WARM_UP + 1) * (behind - first))
            out[r, j] = items_of.values[first + pick]


class Draw(NamedTuple):
    """The draw of an answer: its `key` and `step [batch]`, its `purpose`, and the form of its feedback."""

    key: Keys
    step: Ints
    purpose: int
    feedback: int


@kernel
def _answer(unit: Ints, chance: Floats, draw: Draw, correct: Ints, fed: Floats) -> None:
    """Draw or round an answer, and the number fed to the network; rows with unit -1 stay as they are."""
    for i in range(unit.shape[0]):
        if unit[i] < 0:
            continue
        right = chance[i] >= 0.5
        if draw.feedback != ROUNDED:
            right = uniform(draw.key[i], draw.step[i], draw.purpose) < chance[i]
        correct[i] = 1 if right else 0
        fed[i] = chance[i] if draw.feedback == EXPECTED else float(correct[i])


@kernel
def _means(p: Weights, unit: Ints, items_of: Lists, out: Mastery) -> None:
    """The mean of p `[batch, units]` over each skill's items."""
    start, items = items_of
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            total = 0.0
            for j in range(start[k], start[k + 1]):
                total += np.float64(p[i, unit[items[j]]])
            out[i, k] = total / (start[k + 1] - start[k])


@kernel
def _goal_means(state: KesState, unit: Ints, readout: Readout, items_of: Lists, out: Mastery) -> None:
    """The same for the learner's targets alone; the other skills count as 0."""
    start, items = items_of
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = 0.0
        for k in state.target[i]:
            if k < 0:
                break
            total = 0.0
            for j in range(start[k], start[k + 1]):
                total += logistic(logit(state.memory, i, unit[items[j]], readout))
            out[i, k] = total / (start[k + 1] - start[k])


@dataclass(frozen=True, eq=False)
class Kes:
    """A population of neural learners; mastery of a skill is the mean P(correct) over its items.

    Attributes
    ----------
    tracer : the trained network and its course; see `neural.read_neural`.
    start : the visible part of a learner's past.  "session": the first `start_share` of a recorded session,
        with the answers recorded; "skills" or "items": one item each of `start_count` skills, or as many
        items, drawn without repetition and answered by the network.
    targets : the skills that a learner wants.  "session": the skills in the last `target_share` of the same
        session; "skills": `target_count` skills drawn without repetition.
    feedback : the learner's answer, and the number fed to the network.  "sampled": an answer drawn with
        P(correct); "rounded": right where P(correct) >= .5; "expected": the visible answer is drawn, the
        network takes in P(correct) itself.
    mastery_of : "all" skills, or only those of the learner's "goal" (0 elsewhere): much cheaper where a
        course is large and a goal small, and enough for rewards, which look at the goal alone.
    device : None for compiled loops (a row alone equals the row in a batch bit for bit), or a torch device
        such as "cpu" or "cuda" (equal to 1e-5).
    """

    tracer: Tracer
    start: Literal["session", "skills", "items"] = "items"
    start_share: float = 0.6
    start_count: int = 20
    targets: Literal["session", "skills"] = "skills"
    target_share: float = 0.2
    target_count: int = 3
    feedback: Literal["sampled", "rounded", "expected"] = "sampled"
    mastery_of: Literal["all", "goal"] = "all"
    device: str | None = None

    def __post_init__(self) -> None:
        options = {
            "start": ("session", "skills", "items"),
            "targets": ("session", "skills"),
            "feedback": FEEDBACK,
            "mastery_of": ("all", "goal"),
        }
        for field, known in options.items():
            if getattr(self, field) not in known:
                raise reject(f"kes.{field}", repr(getattr(self, field)), "one of " + ", ".join(known))
        for field in ("start_share", "target_share"):
            if not 0.0 < getattr(self, field) <= 1.0:
                raise reject(f"kes.{field}", getattr(self, field), "a share in (0, 1]")
        skills = self.course.n_skills
        most = {"session": skills, "skills": skills, "items": self.course.n_items}
        if self.start != "session" and not 0 <= self.start_count <= most[self.start]:
            raise reject(
                "kes.start_count", self.start_count, f"from 0 to the {most[self.start]} {self.start}"
            )
        if self.targets == "skills" and not 1 <= self.target_count <= skills:
            raise reject("kes.target_count", self.target_count, f"from 1 to the {skills} skills")
        if "session" in (self.start, self.targets) and self.tracer.sessions is None:
            allowed = "'items' and 'skills' where the folder holds no sessions.npz"
            raise reject("kes.start, kes.targets", f"{self.start!r}, {self.targets!r}", allowed)
        _ = self.engine

    @property
    def course(self) -> Course:
        """The items that the network was trained on."""
        return self.tracer.course

    @cached_property
    def engine(self) -> Engine:
        """The engine that computes the network."""
        return self.tracer.engine(self.device)

    @cached_property
    def _one_unit_a_skill(self) -> bool:
        places = np.arange(self.course.n_items)
        same = np.array_equal(self.tracer.unit, places)
        return self.course.one_to_one and same and self.tracer.network.units == len(places)

    @cached_property
    def _past(self) -> tuple[Prologue, Weights]:
        """Every session's visible part as a prologue, targets included, and the memory it leaves."""
        sessions = self.tracer.sessions
        assert sessions is not None
        part = sessions.first(self.start_share)
        goal = sessions.last_skills(self.target_share, self.course)
        memory = np.zeros((len(sessions), self.tracer.network.width), np.float32)
        for t in range(part.item.shape[1]):
            told = np.where(t < part.length, self.tracer.unit[part.item[:, t]], -1)
            self.engine.advance(memory, told, part.correct[:, t].astype(np.float64))
        return Prologue(goal, *part), memory

    @cached_property
    def _target_width(self) -> int:
        return self.target_count if self.targets == "skills" else int(self._past[0].goal.sum(axis=1).max())

    def empty(self, batch: int) -> KesState:
        """Learners without a past or a goal."""
        return KesState(
            memory=np.zeros((batch, self.tracer.network.width), np.float32),
            target=np.full((batch, self._target_width), -1, np.int64),
        )

    def enrol(self, state: KesState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners with a visible past and targets; see `start` and `targets`."""
        learner = luck.learner[rows]
        sessions = self.tracer.sessions
        session = np.zeros(0, np.int64)
        if sessions is not None and "session" in (self.start, self.targets):
            session = sessions.draw(rows, luck, ENROL)
        if self.start == "session":
            past, memory = self._past
            item, correct, length = past.item[session], past.correct[session], past.length[session]
            memory = memory[session]
        else:
            item, correct, memory = self._warm_up(learner)
            length = np.full(len(rows), self.start_count, np.int64)
        if self.targets == "session":
            goal = self._past[0].goal[session]
        else:
            goal = np.zeros((len(rows), self.course.n_skills), bool)
            _draw_distinct(learner, GOAL, goal, np.empty((len(rows), self.target_count), np.int64))
        state.memory[rows] = memory
        state.target[rows] = -1
        row, skill = np.nonzero(goal)
        place = np.arange(len(row)) - np.searchsorted(row, row)
        state.target[rows[row], place] = skill
        return Prologue(goal, item, correct, length)

    def _warm_up(self, learner: Keys) -> tuple[Ints, Ints, Weights]:
        """Items drawn and answers of the network, `[rows, start_count]`, and the memory they leave."""
        shape = (len(learner), self.start_count)
        item = np.empty(shape, np.int64)
        if self.start == "items":
            _draw_distinct(learner, ENROL + 1, np.zeros((len(learner), self.course.n_items), bool), item)
        else:
            skill = np.empty(shape, np.int64)
            _draw_distinct(learner, ENROL + 1, np.zeros((len(learner), self.course.n_skills), bool), skill)
            _draw_items(skill, learner, item, self.course.items_of)
        correct = np.zeros(shape, np.int64)
        memory = np.zeros((len(learner), self.tracer.network.width), np.float32)
        for t in range(self.start_count):
            unit = self.tracer.unit[item[:, t]]
            answer = np.zeros(len(learner), np.int64)
            fed = self._respond(memory, unit, learner, np.full(len(learner), t), WARM_UP, answer)
            self.engine.advance(memory, unit, fed)
            correct[:, t] = answer
        return item, correct, memory

    def _respond(
        self, memory: Weights, unit: Ints, key: Keys, step: Ints, purpose: int, correct: Ints
    ) -> Floats:
        """Write answers into `correct [batch]` and return the numbers fed to the network, `[batch]`."""
        chance, fed = np.zeros(len(unit)), np.zeros(len(unit))
        self.engine.p(memory, unit, chance)
        draw = Draw(key, step, purpose, FEEDBACK.index(self.feedback))
        _answer(unit, chance, draw, correct, fed)
        return fed

    def _units(self, item: Ints) -> Ints:
        """The units of `item [batch]`, -1 where that is -1."""
        return np.where(item >= 0, self.tracer.unit[item], -1)

    def p_correct(self, state: KesState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        self.engine.p(state.memory, self._units(item), out)

    def practise(self, state: KesState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer from the old memory, then take the answer in (unless not taught)."""
        unit = self._units(item)
        fed = self._respond(state.memory, unit, luck.fate, luck.step, ANSWER, out.correct)
        asked = item >= 0
        np.copyto(out.grade, out.correct, where=asked)
        np.copyto(out.minutes, self.course.minutes[item], where=asked)
        self.engine.advance(state.memory, np.where(taught, unit, -1), fed)

    def study(self, state: KesState, item: Ints, luck: Luck) -> None:
        """Nothing: these networks are trained on answers alone."""

    def elapse(self, state: KesState, days: Floats, luck: Luck) -> None:
        """Nothing: these networks know the order of answers, not the time between them."""

    def mastery(self, state: KesState, out: Mastery) -> None:
        """Mean P(correct) over each skill's items, `[batch, skills]`; see `mastery_of`."""
        network, unit, of = self.tracer.network, self.tracer.unit, self.course.items_of
        if self.mastery_of == "goal":
            _goal_means(state, unit, network.readout, of, out)
        elif self._one_unit_a_skill:
            self.engine.p_all(state.memory, out)
        else:
            p = np.empty((len(out), network.units), np.float32)
            self.engine.p_all(state.memory, p)
            _means(p, unit, of, out)
