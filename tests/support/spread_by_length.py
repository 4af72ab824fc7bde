"""The share right of learners by the length of their record, and its spread: the log's and simulated ones'.

    export PYTHONPATH=.:tests/support
    python tests/support/spread_by_length.py practice log=ednet log.path=FOLDER min_group=1

It shows where simulated learners differ more, or less, than the log's: a spread that is right on the whole
may be too small among those who leave soon and too large among those who stay.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.evaluation.numbers import brief, number
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import grouped
from coursewright.fitting.judging.replay import replay

LENGTHS = (20, 35, 60, 100, 300)  # rows; shorter records are mostly luck


def by_length(log: Coded, correct: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of learners' shares right, by length and for all, `[lengths + 1, 2]`."""
    given = correct >= 0
    answers = np.bincount(log.learner[given], minlength=len(log.learners))
    right = np.bincount(log.learner[given], correct[given], minlength=len(log.learners))
    share = right / np.maximum(answers, 1)
    at = np.searchsorted(LENGTHS, answers, side="right")
    parts = [share[at == k] for k in range(1, len(LENGTHS) + 1)] + [share[at > 0]]
    return np.array([(part.mean(), part.std()) for part in parts])


def main(name: str, options: Sequence[str]) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("validate", [*options, f"+model={name}"])
        log = grouped(Coded.of(instantiate(config.log)()), config.min_group).log
        model = instantiate(config.model)
    answers = replay([model.fit(log).simulator()], log)
    real, simulated = by_length(log, log.correct), np.array([by_length(log, one) for one in answers])
    low, high = np.quantile(simulated, [0.025, 0.975], axis=0, method="weibull")
    names = [f"{n} to {m - 1} answers" for n, m in pairwise(LENGTHS)]
    print("| learners | mean, log | simulated | standard deviation, log | simulated |\n|---|---|---|---|---|")
    for k, said in enumerate([*names, f"{LENGTHS[-1]} and more", "all of these"]):
        cells = [
            f"{number(real[k, f])} | {number(simulated[:, k, f].mean())} {brief(low[k, f], high[k, f])}"
            for f in range(2)
        ]
        print(f"| {said} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
