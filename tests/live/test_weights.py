"""A live log tells what other first choices would have brought: its propensities undo those of the tutor."""

import random

import numpy as np
import pytest

from coursewright.data.read import read_log
from coursewright.live.recommender import Recommender
from coursewright.live.words import Response
from live_tutor import TUTOR

LEARNERS = 2_000
CHANCE = {str(item): 0.1 + 0.08 * item for item in range(10)}  # of a right answer, whatever came before


def test_weighted_answers_are_those_of_another_choice(tmp_path):
    tutor, rng = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "key", explore=0.6), random.Random(0)
    names = [f"l{n}" for n in range(LEARNERS)]
    chosen = tutor.observe_many([Response(name, "0", 1) for name in names])
    answers = [int(rng.random() < CHANCE[choice.item]) for choice in chosen]
    told = zip(names, chosen, answers, strict=True)
    tutor.observe_many([Response(name, choice.item, answer) for name, choice, answer in told])
    assert tutor.log(tmp_path / "log.parquet") == 2 * LEARNERS
    tutor.close()
    rows = read_log(tmp_path / "log.parquet").table.to_pandas().dropna(subset="propensity")
    assert len(rows) == LEARNERS  # the first item was the host's
    assert set(rows["propensity"].round(9)) == {0.06, 0.46}
    assert all(len(allowed) == 10 for allowed in rows["allowed"])
    plain = rows["correct"].mean()
    for item, chance in CHANCE.items():
        weight = (rows["item"] == item) / rows["propensity"]
        assert weight.mean() == pytest.approx(1.0, abs=4 * weight.std() / np.sqrt(LEARNERS))
        part = weight * (rows["correct"] - chance)
        assert part.mean() == pytest.approx(0.0, abs=4 * part.std() / np.sqrt(LEARNERS))
    assert abs(plain - CHANCE["9"]) > 0.2  # which unweighted answers do not tell
