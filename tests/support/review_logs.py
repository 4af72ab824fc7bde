"""Logs of simulated learners who review items as days pass, for tests of fits."""

import numpy as np
import pyarrow as pa

from coursewright.data.log import in_order
from coursewright.data.schema import as_schema
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import empty_response

GAPS = np.array([0.01, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0])  # days


def reviewed(simulator, learners, turns, seed=0, gaps=GAPS, chances=None):
    """The log of `learners`, each asked `turns` random items with random gaps between.

    `chances`, a list, receives the simulator's P(correct) of each row.
    """
    rng = np.random.default_rng(seed)
    luck = identify(Seeds(seed), np.arange(learners), Split.FIT, np.zeros(learners, np.int64))
    state = simulator.empty(learners)
    simulator.enrol(state, np.arange(learners), luck)
    now, out, p = np.zeros(learners), empty_response(learners), np.empty(learners)
    columns: dict[str, list] = {name: [] for name in ("learner", "item", "time", "correct", "grade", "p")}
    for _ in range(turns):
        items = rng.integers(0, simulator.course.n_items, learners)
        simulator.p_correct(state, items, p)
        simulator.practise(state, items, np.ones(learners, bool), luck, out)
        steps = (np.arange(learners), items, now, out.correct, out.grade, p)
        for name, values in zip(columns, steps, strict=True):
            columns[name].append(values.copy())
        luck.step[:] += 1
        days = rng.choice(gaps, learners)
        simulator.elapse(state, days, luck)
        now += days
    table = {name: np.concatenate(values) for name, values in columns.items()}
    items = np.array(simulator.course.items)[table["item"]]
    needed = [np.array(simulator.course.skills)[row].tolist() for row in simulator.course.q_matrix]
    log = pa.table(
        {
            "learner": table["learner"].astype(str),
            "item": items,
            "skills": [needed[i] for i in table["item"]],
            "time": table["time"],
            "correct": table["correct"].astype(np.int8),
            "grade": (table["grade"] - 1) / 3 if table["grade"].max() > 1 else table["grade"] * 1.0,
        }
    )
    if chances is not None:
        order = np.lexsort((table["time"], table["learner"]))
        chances.append(table["p"][order])
    return in_order(as_schema(log))[0]
