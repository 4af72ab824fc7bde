"""The share right of learners by the length of their record, and its spread: the log's and simulated ones'.

    export PYTHONPATH=.:tests/support
    python tests/support/spread_by_length.py practice log=ednet log.path=FOLDER min_group=1

The last columns are the correlation of a learner's ability with the ease of the items that they met, both by
the fit (a logistic one): in the log, and in one simulated log that is fitted anew, where it is chance and the
error of the fit.  A replay draws ability anew for the same items, and so without any correlation.  Where the
log's is negative, because the able met harder items, simulated learners come out too far apart.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from scipy.special import log_expit, logit

from coursewright.evaluation.numbers import brief, number
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import grouped
from coursewright.fitting.judging.replay import replay
from coursewright.fitting.logistic.linear import Linear

LENGTHS = (20, 35, 60, 100, 300)  # rows; shorter records are mostly luck


def groups(log: Coded) -> np.ndarray:
    """The group of each learner by the number of their answers, 0: too few, `[learners]`."""
    answers = np.bincount(log.learner[log.correct >= 0], minlength=len(log.learners))
    return np.searchsorted(LENGTHS, answers, side="right")


def ability_and_ease(log: Coded, linear: Linear) -> np.ndarray:
    """The ability of learners, beyond the length of their records, and their items' ease `[2, learners]`.

    Ability is the mean of its posterior given all answers, ease the mean log odds of a learner of ability 0.
    Ease holds what practice and the last answer to an item add: the simulated log shows what that makes.
    """
    eta = logit(replace(linear, spread=0.0).predict(log))
    rows, rest = np.diff(log.start), linear.selection.rest(linear.spread)
    score = np.linspace(-5.0, 5.0, 161) * rest
    out = np.empty((2, len(rows)))
    for j, expected in enumerate(linear.selection.expected(rows)):
        mine = slice(log.start[j], log.start[j + 1])
        asked = log.correct[mine] >= 0
        side = np.where(log.correct[mine] == 1, 1.0, -1.0)[asked, None]
        odds = eta[mine][asked, None] + expected + score
        weight = log_expit(side * odds).sum(axis=0) - 0.5 * (score / rest) ** 2
        weight = np.exp(weight - weight.max())
        out[:, j] = (weight @ score) / weight.sum(), eta[mine].mean()
    return out


def by_length(log: Coded, correct: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of learners' shares right, by length and for all, `[lengths + 1, 2]`."""
    given = correct >= 0
    answers = np.bincount(log.learner[given], minlength=len(log.learners))
    right = np.bincount(log.learner[given], correct[given], minlength=len(log.learners))
    share = right / np.maximum(answers, 1)
    at = groups(log)
    parts = [share[at == k] for k in range(1, len(LENGTHS) + 1)] + [share[at > 0]]
    return np.array([(part.mean(), part.std()) if len(part) else (np.nan, np.nan) for part in parts])


def main(name: str, options: Sequence[str]) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("validate", [*options, f"+model={name}"])
        log = grouped(Coded.of(instantiate(config.log)()), config.min_group).log
        model = instantiate(config.model)
    fitted = model.fit(log)
    answers, at = replay([fitted.simulator()], log), groups(log)
    again = replace(log, correct=np.where(log.correct >= 0, answers[0], log.correct))
    own = ability_and_ease(log, fitted.linear), ability_and_ease(again, model.fit(again).linear)
    real, simulated = by_length(log, log.correct), np.array([by_length(log, one) for one in answers])
    low, high = np.quantile(simulated, [0.025, 0.975], axis=0, method="weibull")
    names = [f"{n} to {m - 1} answers" for n, m in pairwise(LENGTHS)]
    print("| learners | mean, log | simulated | sd, log | simulated | correlation, log | simulated |")
    print("|---|---|---|---|---|---|---|")
    for k, said in enumerate([*names, f"{LENGTHS[-1]} and more", "all of these"]):
        who = at == k + 1 if k < len(LENGTHS) else at > 0
        if not who.any():
            continue
        cells = [
            f"{number(real[k, f])} | {number(simulated[:, k, f].mean())} {brief(low[k, f], high[k, f])}"
            for f in range(2)
        ]
        cells += [number(np.corrcoef(each[:, who])[0, 1], signed=True) for each in own]
        print(f"| {said} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
