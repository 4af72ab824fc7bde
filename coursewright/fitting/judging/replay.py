"""Simulated learners go through a log's own sequence of items and times.

A population drawn from a fit meets the items of the log's learners, in the same order and at the same
moments, and gives its own answers.  A comparison of these answers with the real ones is a
posterior-predictive check (Gelman, Meng & Stern 1996, Statistica Sinica 6: 733-807).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.fitting.coded import Coded, places
from coursewright.progress import Progress
from coursewright.simulators.arrays import Ints
from coursewright.simulators.capabilities import enrol_staying, study
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import Simulator, empty_response, take

REPLICATES = 39  # the fewest whose smallest and largest value bound one more with probability 95 %
CELLS = 1 << 24  # entries of a state's array held at a time
MOST_ROWS = 8192  # learners simulated side by side

Answers = npt.NDArray[np.int8]


def replay(
    simulators: Sequence[Simulator[Any]], log: Coded, replicates: int = REPLICATES, seed: int = 0
) -> Answers:
    """Answers of simulated learners to the rows of `log`: `[replicates, rows]`, 1, 0 or -1 (none).

    Replicate r is a fresh population of `simulators[r mod n]`: pass one for a point estimate, several
    for bootstrap draws.  Everybody is taught all items of the log; learners stay as long as the log's did.
    A row whose item the simulator does not know is skipped, and so is its answer.  A row in which the log
    asked nothing shows its item, and has no answer.  Raises `InputError` where
    no item is known.
    """
    if replicates < 2:
        raise reject("replicates", replicates, "at least 2")
    answers = np.full((replicates, log.rows), -1, np.int8)
    with Progress("replaying the log", replicates * log.rows, "rows") as progress:
        for k, simulator in enumerate(simulators[:replicates]):
            mine = np.arange(k, replicates, len(simulators))
            _play(simulator, log, mine, Seeds(seed, seed), answers, progress.more)
    return answers


def _play(
    simulator: Simulator[Any],
    log: Coded,
    replicates: Ints,
    seeds: Seeds,
    answers: Answers,
    told: Callable[[int], object],
) -> None:
    """Let one simulator's replicates answer.

    A fixed number of places is simulated side by side; a place whose learner is through takes the next
    one, the longest first, so that nearly every place works until the end.  `told` hears of rows done.
    """
    at = places(log.items, simulator.course.items)
    item = np.where(at < simulator.course.n_items, at, -1)[log.item]
    if (item < 0).all():
        raise reject("simulator.course.items", simulator.course.items[:3], "the items of the log")
    studied = log.correct < 0
    length = np.diff(log.start)
    queue = np.argsort(-np.repeat(length, len(replicates)), kind="stable")
    learner, replicate = queue // len(replicates), replicates[queue % len(replicates)]
    width = simulator.course.n_items + simulator.course.n_skills
    size = int(min(len(queue), MOST_ROWS, max(64, CELLS // width)))
    number = replicate * len(length) + learner
    everyone = identify(seeds, number, Split.FIT, np.zeros(len(queue), np.int64))
    state, luck = simulator.empty(size), take(everyone, np.arange(size))
    row, end = log.start[learner[:size]].copy(), log.start[learner[:size] + 1].copy()
    playing = np.arange(size)  # who of the queue is in which place
    taught, out, waiting = np.ones(size, bool), empty_response(size), size
    enrol_staying(simulator, state, np.arange(size), luck, length[learner[:size]])
    while True:
        active = row < end
        if not active.any():
            return
        at = np.where(active, row, 0)
        shown = active & studied[at]
        asked = np.where(active & ~shown, item[at], -1)
        simulator.elapse(state, np.where(active, log.gap[at], 0.0), luck)
        if shown.any():
            study(simulator, state, np.where(shown, item[at], -1), luck)
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
            row[free], end[free] = log.start[learner[new]], log.start[learner[new] + 1]
            for mine, theirs in zip(luck, everyone, strict=True):
                mine[free] = theirs[new]
            enrol_staying(simulator, state, free, luck, length[learner[new]])
