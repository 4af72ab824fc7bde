"""Simulated learners go through a log's own sequence of items and times.

A population drawn from a fit meets what the log's learners met, in the same order and at the same
moments, and gives its own answers.  What the answers then look like, beside the real ones, is a
posterior-predictive check (Gelman, Meng & Stern 1996, Statistica Sinica 6: 733-807).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from coursewright.data.log import codes
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import Simulator, empty_response, take

REPLICATES = 39  # the fewest whose smallest and largest value bound one more with probability 95 %
CELLS = 1 << 24  # entries of a state's array held at a time
MOST_ROWS = 8192  # learners simulated side by side

Answers = npt.NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Script:
    """What the learners of a log met: rows in order, learner s owning rows start[s] to start[s + 1].

    `item` names each row's item by its place in `items`, `gap` the days since the learner's row before.
    """

    items: tuple[str, ...]
    item: Ints
    gap: Floats
    start: Ints

    @classmethod
    def of(cls, table: pa.Table) -> "Script":
        """Read the script from the rows of a `LearnerLog.table`."""
        learner, _ = codes(table["learner"])
        item, items = codes(table["item"])
        first = np.flatnonzero(np.diff(learner, prepend=-1))
        gap = np.diff(table["time"].to_numpy(), prepend=0.0)
        gap[first] = 0.0
        return cls(items, item, np.maximum(gap, 0.0), np.append(first, len(learner)).astype(np.int64))

    def items_in(self, course: Course) -> Ints:
        """The rows' items by their place in `course` `[rows]`; -1 where it lacks them."""
        place = {name: i for i, name in enumerate(course.items)}
        return np.array([place.get(name, -1) for name in self.items], np.int64)[self.item]


def replay(
    simulators: Sequence[Simulator[Any]], table: pa.Table, replicates: int = REPLICATES, seed: int = 0
) -> Answers:
    """Answers of simulated learners to the rows of `table`: `[replicates, rows]`, 1, 0 or -1 (none).

    Replicate r is a fresh population of `simulators[r mod how many]`: pass one for a point estimate, several
    for bootstrap draws.  Everybody is taught whatever the log shows.  A row whose item the simulator does
    not know is skipped, and so is its answer.  Raises `InputError` where no item is known.
    """
    if replicates < 2:
        raise reject("replicates", replicates, "at least 2")
    script = Script.of(table)
    answers = np.full((replicates, len(script.item)), -1, np.int8)
    with tqdm(
        total=replicates * len(script.item), desc="replaying the log", unit=" rows", delay=2.0,
        leave=False, disable=None,
    ) as bar:  # fmt: skip
        for k, simulator in enumerate(simulators[:replicates]):
            mine = np.arange(k, replicates, len(simulators))
            _play(simulator, script, mine, Seeds(seed, seed), answers, bar.update)
    return answers


def _play(
    simulator: Simulator[Any],
    script: Script,
    replicates: Ints,
    seeds: Seeds,
    answers: Answers,
    told: Callable[[int], object],
) -> None:
    """Let one simulator's replicates answer.

    A fixed number of places is simulated side by side; a place whose learner is through takes the next
    one, the longest first, so that nearly every place works until the end.  `told` hears of rows done.
    """
    item = script.items_in(simulator.course)
    if (item < 0).all():
        raise reject("simulator.course.items", simulator.course.items[:3], "the items of the log")
    length = np.diff(script.start)
    queue = np.argsort(-np.repeat(length, len(replicates)), kind="stable")
    learner, replicate = queue // len(replicates), replicates[queue % len(replicates)]
    width = simulator.course.n_items + simulator.course.n_skills
    size = int(min(len(queue), MOST_ROWS, max(64, CELLS // width)))
    number = replicate * len(length) + learner
    everyone = identify(seeds, number, Split.FIT, np.zeros(len(queue), np.int64))
    state, luck = simulator.empty(size), take(everyone, np.arange(size))
    row, end = script.start[learner[:size]].copy(), script.start[learner[:size] + 1].copy()
    playing = np.arange(size)  # who of the queue is in which place
    taught, out, waiting = np.ones(size, bool), empty_response(size), size
    simulator.enrol(state, np.arange(size), luck)
    while True:
        active = row < end
        if not active.any():
            return
        at = np.where(active, row, 0)
        asked = np.where(active, item[at], -1)
        simulator.elapse(state, np.where(active, script.gap[at], 0.0), luck)
        simulator.practise(state, asked, taught, luck, out)
        heard = asked >= 0
        answers[replicate[playing[heard]], at[heard]] = out.correct[heard]
        luck.step[active] += 1
        row[active] += 1
        told(int(active.sum()))
        free = np.flatnonzero(active & (row == end))[: len(queue) - waiting]
        if len(free):
            new = np.arange(waiting, waiting + len(free))
            waiting += len(free)
            playing[free] = new
            row[free], end[free] = script.start[learner[new]], script.start[learner[new] + 1]
            for mine, theirs in zip(luck, everyone, strict=True):
                mine[free] = theirs[new]
            simulator.enrol(state, free, luck)
