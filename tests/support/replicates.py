"""The checks of one model on a log, five times over: with fresh learners, and with those of left-out folds.

    export PYTHONPATH=.:tests/support
    python tests/support/replicates.py practice log=ednet log.path=FOLDER min_group=1

Fresh learners are drawn from the fit to the whole log.  For the others, each fold's learners are replaced by
learners of the fit to the other folds, so that nobody's answers had a part in their own replicates.
"""

import sys
from collections.abc import Sequence

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.evaluation.numbers import number
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import grouped
from coursewright.fitting.judging.checks import checks
from coursewright.fitting.judging.replay import REPLICATES, Answers, replay
from coursewright.fitting.model import LearnerModel

SEEDS = range(5)
FOLDS = 5


def held_out_answers(log: Coded, model: LearnerModel, seeds: Sequence[int] = SEEDS) -> list[Answers]:
    """For each seed the answers `[replicates, rows]` of learners fitted to the folds that a row is not in."""
    answers = [np.full((REPLICATES, log.rows), -1, np.int8) for _ in seeds]
    fold = np.zeros(len(log.learners), np.int64)
    fold[np.random.default_rng(0).permutation(len(fold))] = np.arange(len(fold)) % FOLDS
    for k in range(FOLDS):
        held = fold[log.learner] == k
        learners = model.fit(log.take(np.flatnonzero(~held))).simulator()
        for into, seed in zip(answers, seeds, strict=True):
            into[:, held] = replay([learners], log.take(np.flatnonzero(held)), seed=seed)
    return answers


def main(name: str, options: Sequence[str]) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("validate", [*options, f"+model={name}"])
        log = grouped(Coded.of(instantiate(config.log)()), config.min_group).log
        model = instantiate(config.model)
    fresh = [replay([model.fit(log).simulator()], log, seed=seed) for seed in SEEDS]
    print("| learners | check | inside, p: seeds 0 to 4 |\n|---|---|---|")
    for kind, answers in (("fresh", fresh), ("of left-out folds", held_out_answers(log, model))):
        found = [checks(log, each, seed) for seed, each in zip(SEEDS, answers, strict=True)]
        for same in zip(*found, strict=True):
            cells = [
                f"{int(check.inside.sum())} of {len(check.data)}, {number(check.p_value)}" for check in same
            ]
            print(f"| {kind} | {same[0].name} | {'; '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
