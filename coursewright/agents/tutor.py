"""What the tutor of a task believes: BKT parameters fitted on training learners' logs.

A tutor never sees the simulator's own parameters.  The shipped tasks have their tutors committed;
any other task has one fitted when it is first needed.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from coursewright.agents.logs import simulated_log
from coursewright.envs.shipped import TUTORS
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.files import write_atomically
from coursewright.fitting.bkt.em import EmSettings, fit
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded
from coursewright.simulators.arrays import Floats
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.protocol import Simulator

LEARNERS = 2000
CERTAIN = 1e-3  # how near to 0 and 1 a tutor's parameters may come


def fit_tutor(task: Task, learners: int = LEARNERS) -> BktParameters:
    """Fit plain BKT (no forgetting, no prerequisites) to the logs of `learners` training learners.

    Each is taught one episode by the random-legal policy; a warm-up that tutors see is part of the log,
    as it is part of what beliefs are replayed from.  Guess and slip are held below one half, so
    that a right answer always speaks for mastery, and nothing is taken for certain: every parameter
    stays .001 away from 0 and 1.  A skill that was never practised gets the medians of the others.

    `coursewright train simulator=... task=... agent=random tutor=fitted` leaves the table in its
    folder as `tutor.csv`; that is how the shipped ones were made.
    """
    blind = replace(task, tutor=None, features=[name for name in task.features if name != "belief"])
    log = unaided(Coded.of(simulated_log(blind, learners)))
    fitted = fit(Sequences.of(log), EmSettings(most_guess=0.5, most_slip=0.49)).parameters
    return _in_order_of(fitted, task.course.skills)


def unaided(log: Coded) -> Coded:
    """The log with every helped answer taken for none, as the history of a task takes it."""
    return replace(log, correct=np.where(log.assisted, np.int8(-1), log.correct))


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


def with_tutor(
    task: Callable[..., Task], simulator: Simulator[object], tutor: str, keep: Path | None = None
) -> Task:
    """Complete a task with its simulator and its tutor.

    Parameters
    ----------
    task : a `Task` that lacks both, as Hydra's `_partial_` makes it.
    tutor : a shipped tutor's name, a path to a table, or "fitted".  A shipped name that does not know
        the course's skills is fitted as well: that happens where a simulator was changed.
    keep : where to write the table, so that a run can be repeated from its own files.

    Raises `InputError` where a table that was named by path does not fit the course.
    """
    own, shipped = Path(tutor), TUTORS / f"{tutor}.csv"
    table = None
    if own.is_file():
        table = BktParameters.read(own)
        if table.skills != simulator.course.skills:
            raise reject("tutor", tutor, f"a table of the skills {', '.join(simulator.course.skills)}")
    elif shipped.is_file() and BktParameters.read(shipped).skills == simulator.course.skills:
        table = BktParameters.read(shipped)
    if table is None:
        table = fit_tutor(task(simulator=simulator, tutor=_uninformed(simulator.course.n_skills)))
    if keep is not None:
        write_atomically(keep, table.write)
    return task(simulator=simulator, tutor=table)


def _uninformed(skills: int) -> BktParameters:
    """A stand-in, so that a task with the feature `belief` can exist before its tutor does."""
    half, fifth = np.full(skills, 0.5), np.full(skills, 0.2)
    return BktParameters(prior=half, learn=half, guess=fifth, slip=fifth)
