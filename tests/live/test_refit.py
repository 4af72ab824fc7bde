"""A fit reads the store itself, so that whoever was forgotten is not in the next one."""

import random

import pytest

from coursewright.live.recommender import Recommender
from coursewright.live.words import Response
from coursewright.scripts.app import run
from live_tutor import TUTOR

LEARNERS = 100


def fill(tutor: Recommender) -> None:
    """Answers of learners who learn three skills, twelve items of each."""
    rng = random.Random(0)
    for number in range(LEARNERS):
        answers, known = [], False
        for turn in range(36):
            known = rng.random() < 0.3 if turn % 12 == 0 else known or rng.random() < 0.2
            right = rng.random() < (0.9 if known else 0.2)
            moment = 20_000.0 + turn / 100
            answers.append(Response(f"p{number}", str(turn // 12), int(right), moment, id=f"{number} {turn}"))
        tutor.observe_many(answers)


@pytest.mark.slow
def test_a_refit_without_a_learner_is_one_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tutor = Recommender(TUTOR, "live.sqlite")
    fill(tutor)
    tutor.forget("p3")
    tutor.close()
    assert run("fit", ["log=live", "log.path=live.sqlite", "draws=2", "out=my learners"]) == 0
    assert f"{(LEARNERS - 1) * 36:,} rows of {LEARNERS - 1} learners" in capsys.readouterr().out
    assert list((tmp_path / "my learners").iterdir())
