"""The beliefs of a task's tutor: BKT parameters, or any learner model, fitted on training learners' logs.

A tutor never sees the simulator's own parameters.  The shipped tasks have their tutors committed;
any other task has one fitted when it is first needed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.late import LateMind
from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.logs import simulated_log
from coursewright.envs import shipped
from coursewright.envs.drawing import Drawing
from coursewright.envs.mind import Mind
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.fitting.bkt.em import EmSettings, fit
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded
from coursewright.fitting.logistic.dash import DashModel
from coursewright.fitting.memory.fsrs import FsrsModel
from coursewright.fitting.model import LearnerModel
from coursewright.simulators.arrays import Floats
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.protocol import Simulator

log = logging.getLogger(__name__)

LEARNERS = 2000
CERTAIN = 1e-3  # the least distance of a tutor's parameters from 0 and 1
FITTED = "fitted"
UNSEEING = ("successes",)  # features that a task must show for its locks; no belief, so it needs no tutor


@dataclass(frozen=True)
class TaskRecipe:
    """A task that lacks its tutor alone.

    Attributes
    ----------
    simulator : the learners.
    make : a `Task` that lacks simulator and tutor, as Hydra's `_partial_` makes it.
    """

    simulator: Simulator[Any]
    make: Callable[..., Task]

    def with_tutor(self, table: BktParameters, mind: Mind[Any] | None = None) -> Task:
        """The task, whose tutor has this table, and thinks by this `mind` where there is one."""
        return self.make(simulator=self.simulator, tutor=table, mind=mind)

    def without_tutor(self) -> Task:
        """The same teaching without beliefs: enough for rules that look at nothing."""
        return self.make(simulator=self.simulator, features=UNSEEING)

    def tutor(self, given: str | None, simulator: str) -> BktParameters:
        """The tutor that was asked for.

        Parameters
        ----------
        given : a shipped tutor's name, the path of a table, "fitted", or None: the one shipped for the
            simulator, or a fitted one where none is, or where the simulator's skills were changed.
        simulator : the simulator's name among the configurations.

        Raises `InputError` where `given` does not exist or does not fit the course.
        """
        if given is not None and given != FITTED:
            return shipped.tutor(given, self.simulator.course)
        table = shipped.tutor_of(simulator, self.simulator.course) if given is None else None
        return fit_tutor(self.without_tutor()) if table is None else table

    def mind(self, model: LearnerModel | Simulator[Any]) -> Mind[Any]:
        """The mind of a tutor who thinks by this model: learners that were fitted, or a model to fit.

        The model is fitted, when something first reads the mind, to what a random policy leaves of training
        learners (see `fit_tutor`).  Raises `InputError` for a model that cannot be fitted to that.
        """
        task = self.without_tutor()
        if not isinstance(model, LearnerModel):
            return mind_of(model, task.course, pause_of(task))
        refuse_unfit(task, model)
        return LateMind(partial(_fitted_mind, task, model))


def drawing_mind(task: Task) -> tuple[Drawing, bool]:
    """The mind from which a planner draws learners, and True where it is the tutor's table of BKT.

    It is the task's mind; without one it is the table, whose beliefs are the feature `belief`.  Raises
    `InputError` where there is neither.
    """
    mind = task.mind.mind if isinstance(task.mind, LateMind) else task.mind
    if mind is None and task.tutor is not None and "belief" in task.features:
        return BktBelief(task.course, Bkt(task.course, task.tutor, rho=1.0, forgetting="opportunity")), True
    if not isinstance(mind, Drawing):
        told = "a model that learners can be drawn from (tutor=bkt, tutor=pfa, a folder of learners), "
        given = "no mind, and no feature 'belief'" if mind is None else type(mind).__name__
        raise reject("tutor", given, told + "or task.features with 'belief', for a planner imagines learners")
    return mind, False


def _fitted_mind(task: Task, model: LearnerModel) -> Mind[Any]:
    log.info("fitting the tutor's model: %s", type(model).__name__)
    return mind_of(fit_learners(task, model), task.course, pause_of(task))


def refuse_unfit(task: Task, model: LearnerModel) -> None:
    """Refuse a model that cannot be fitted to what learners of a task leave, whoever they are."""
    course, longest = task.course, task.longest_gap
    if isinstance(model, FsrsModel) and longest < 1.0:
        allowed = (
            "bkt, pfa, hlr, act_r, or a folder of FSRS learners; or let days pass (task.days=1, task=recall)"
        )
        why = f"FSRS is fitted to reviews a day or more apart, and here {longest:g} days pass at most"
        raise reject("tutor", "fsrs", f"{allowed}: {why}")
    if isinstance(model, DashModel) and not set(course.skills) <= set(course.items):
        few = f"{course.skills[0]!r}" + (", ..." if course.n_skills > 1 else "")
        why = f"DASH takes each item for a skill, and this course has skills of its own ({few})"
        raise reject(
            "tutor", "dash", f"das3h, which is DASH by skill, or another model that knows skills: {why}"
        )


def fit_tutor(task: Task, learners: int = LEARNERS) -> BktParameters:
    """Fit plain BKT (no forgetting, no prerequisites) to the logs of `learners` training learners.

    Each is taught one episode by the random-legal policy; a warm-up that tutors see is part of the log,
    as it is part of the answers that beliefs are replayed from.  Guess and slip are held below one half, so
    that a right answer always speaks for mastery, and nothing is taken for certain: every parameter
    stays .001 away from 0 and 1.  A skill that was never practised gets the medians of the others.
    The task's features and its own tutor make no difference.

    `coursewright train simulator=... task=... agent=random tutor=fitted` leaves the table in its
    folder as `tutor.csv`; the shipped ones were made so.
    """
    left = unaided(Coded.of(simulated_log(task, learners)))
    fitted = fit(Sequences.of(left), EmSettings(most_guess=0.5, most_slip=0.49)).parameters
    return _in_order_of(fitted, task.course.skills)


def fit_learners(task: Task, model: LearnerModel, learners: int = LEARNERS) -> Simulator[Any]:
    """Learners like the task's training learners, as the model `model` sees their logs (see `fit_tutor`).

    Grades are left out: a tutor's records hold right and wrong.  BKT keeps every skill: a tutor needs all.
    """
    if isinstance(model, BktModel):
        model = replace(model, n_skills=None)
    left = unaided(Coded.of(simulated_log(task, learners)))
    return model.fit(replace(left, grade=np.full(left.rows, np.nan))).simulator()


def pause_of(task: Task) -> float:
    """Days from step to step: the longest that the schedule makes, or else the shortest delay that is one."""
    delays = [days for days in task.delays if days > 0.0]
    return float(task.schedule.longest or min(delays, default=0.0))


def unaided(left: Coded) -> Coded:
    """The log with every helped answer taken for none, as the history of a task takes it."""
    return replace(left, correct=np.where(left.assisted, np.int8(-1), left.correct))


def _in_order_of(table: BktParameters, skills: tuple[str, ...]) -> BktParameters:
    """The same parameters for `skills`, in that order; the median where a skill is missing."""
    place = [table.skills.index(skill) if skill in table.skills else -1 for skill in skills]

    def pick(values: Floats) -> Floats:
        known = np.clip(values, CERTAIN, 1.0 - CERTAIN)
        return np.append(known, np.median(known, axis=1, keepdims=True), axis=1)[:, place]

    return BktParameters(
        prior=pick(table.prior),
        learn=pick(table.learn),
        guess=pick(table.guess),
        slip=pick(table.slip),
        skills=skills,
    )
