"""Learner logs for tests of the fitting room."""

import numpy as np
import pyarrow as pa

from coursewright.data.log import LearnerLog, learner_log
from coursewright.data.synthetic import GUESS, LEARN, PRIOR, SKILLS, SLIP
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters

TRUTH = BktParameters(PRIOR, LEARN, GUESS, SLIP, skills=SKILLS)
GAPS = np.array([10.0 / 86_400, 0.02, 1.2, 14.0])  # days


def uneven_log(learners: int = 250, seed: int = 3) -> pa.Table:
    """Learners with 3 to 60 rows over five skills, at gaps from seconds to weeks; answers are coins."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(learners):
        n = int(rng.integers(3, 61))
        time = np.cumsum(rng.choice(GAPS, n, p=[0.6, 0.2, 0.15, 0.05]))
        for t in time:
            skill = SKILLS[rng.integers(len(SKILLS))]
            rows.append((str(learner), f"{skill}-{rng.integers(4)}", [skill], t, int(rng.integers(2))))
    columns = zip(("learner", "item", "skills", "time", "correct"), zip(*rows, strict=True), strict=True)
    return learner_log(pa.table(dict(columns)), "made up").table


def coded(table: pa.Table) -> Coded:
    """The rows of a log table, which are in order, as numbers."""
    return Coded.of(LearnerLog(table, "made up", "none"))


def learners(table: pa.Table, forgetting: str = "opportunity", forget: float = 0.0) -> Bkt:
    """The learners of `synthetic` on the items of a log."""
    course = course_of(coded(table))
    order = [SKILLS.index(skill) for skill in course.skills]
    mine = {name: getattr(TRUTH, name)[:, order] for name in ("prior", "learn", "guess", "slip")}
    return Bkt(course, BktParameters(**mine, forget=forget, skills=course.skills), forgetting=forgetting)


def with_answers(table: pa.Table, answers: np.ndarray) -> pa.Table:
    """The same rows with other answers."""
    at = table.column_names.index("correct")
    return table.set_column(at, "correct", pa.array(answers.astype(np.int8)))
