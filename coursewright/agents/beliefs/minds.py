"""From a fitted model, or the folder of one, to the belief that suits it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.intercept import InterceptBelief
from coursewright.agents.beliefs.matched import Matched
from coursewright.agents.beliefs.neural import NeuralBelief
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.beliefs.remembered import Remembered
from coursewright.envs.mind import Mind
from coursewright.errors import reject
from coursewright.simulators.capabilities import skills_apart
from coursewright.simulators.course import Course
from coursewright.simulators.folders import kind_of
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.logistic.intercept import OneIntercept
from coursewright.simulators.logistic.tables import read_das3h, read_fixed_items, read_irt, read_logistic
from coursewright.simulators.memory.answered import memory_of
from coursewright.simulators.memory.tables import read_act_r, read_fsrs, read_hlr
from coursewright.simulators.neural.kes import Kes
from coursewright.simulators.neural.tracer import read_neural
from coursewright.simulators.protocol import Simulator

AHEAD = 10.0  # days


def _read_kes(folder: Path) -> Kes:
    """The network alone: a tutor has no use for the sessions of the learners whom it was trained on."""
    return Kes(replace(read_neural(folder), sessions=None), start_count=0, target_count=1)


READERS: Mapping[str, Callable[[Path], Simulator[Any]]] = {
    "act_r": read_act_r,
    "bkt": read_bkt,
    "das3h": read_das3h,
    "fixed_items": read_fixed_items,
    "fsrs": read_fsrs,
    "hlr": read_hlr,
    "irt": read_irt,
    "logistic": read_logistic,
    "neural": _read_kes,
}


def learners_of(folder: Path) -> Simulator[Any]:
    """The learners in a folder that `coursewright fit` wrote, whatever their kind.

    Raises `InputError` where there are none, or of a kind that no tutor can think by.
    """
    kind = kind_of(folder, "tutor")
    if kind not in READERS:
        raise reject("tutor", folder, f"learners of a kind among {', '.join(READERS)}, not {kind!r}")
    return READERS[kind](folder)


def mind_of(model: Simulator[Any], course: Course, pause: float = 0.0) -> Mind[Any]:
    """An exact belief where the answers leave little hidden, otherwise particles.

    Exact are the filter for BKT with independent skills, the posterior of learners who differ in their
    intercept alone, memories that follow from right and wrong, and neural learners.

    Parameters
    ----------
    model : learners fitted to a log, never those who are taught.
    course : the course that is taught.
    pause : days from step to step; where some pass, a practice is judged by mastery days after the next step.

    Raises `InputError` where the model is of another course.
    """
    Matched(course, model.course)
    ahead = AHEAD if pause > 0.0 else 0.0
    memory = memory_of(model)
    if isinstance(model, Bkt) and skills_apart(model):
        return BktBelief(course, model)
    if isinstance(model, OneIntercept) and model.form is not None:
        return InterceptBelief(course, model, pause + ahead)
    if isinstance(model, Kes) and model.feedback == "sampled":
        return NeuralBelief(course, replace(model, mastery_of="all"))
    if memory is not None and memory.exact:
        return Remembered(course, memory, pause, ahead)
    return Particles(course, model, pause=pause, ahead=ahead)
