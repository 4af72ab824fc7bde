"""Counts that no machine can hold are refused before anything is made."""

import pytest

import bad_lines
import forked
from coursewright.scripts import memory
from coursewright.scripts.app import run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["task.steps=99999999999"],
            "task.steps = 99,999,999,999: must be smaller: it would take 9,200,000 GB",
        ),
        (
            ["task.steps=1000000000", "agent=random", "learners=20"],
            "task.steps = 1,000,000,000: must be smaller",
        ),
        (["task.steps=null", "task.minutes=1e12"], "task.minutes = 1,000,000,000,000: must be smaller"),
        (["task.steps=100000", "learners=10000000"], "learners = 10,000,000: must be smaller"),
        (["agent=ppo", "agent.n_steps=1000000000"], "agent.n_steps = 1,000,000,000: must be smaller"),
        (["agent=ppo", "agent.learners=10000000000"], "agent.learners = 10,000,000,000: must be smaller"),
        (["agent=ppo", "agent.layers=[1000000,1000000]"], "agent.layers = 1,000,000: must be smaller"),
        (["agent=recurrent_ppo", "agent.units=1000000"], "agent.units = 1,000,000: must be smaller"),
        (["agent=qr_dqn", "agent.quantiles=1000000"], "agent.quantiles = 1,000,000: must be smaller"),
        (["agent=ars", "agent.directions=1000000000"], "agent.directions = 1,000,000,000: must be smaller"),
        (["agent=dqn", "agent.buffer_size=100000000000"], "agent.buffer_size = 100,000,000,000: must be"),
    ],
)
def test_a_count_beyond_the_memory_is_refused_in_a_line(words, said):
    forked.import_everything()
    told = bad_lines.told("train", [*words, "tracker=none"])
    assert not told.fault, told
    assert told.said.startswith(f"error: {said}")
    assert "and this machine has" in told.said


@pytest.mark.parametrize(
    ("verb", "words"), [("evaluate", ["tracker=none"]), ("simulate", ["policy=random", "to=log.parquet"])]
)
def test_other_verbs_refuse_it_too(verb, words):
    forked.import_everything()
    told = bad_lines.told(verb, [*words, "task.steps=99999999999"])
    assert not told.fault, told
    assert told.said.startswith("error: task.steps = 99,999,999,999: must be smaller")


def test_a_limit_of_a_container_counts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    monkeypatch.setattr(memory, "LIMITS", ("memory.max", "nowhere"))
    assert memory.machine() == 1e6
    assert run("train", ["agent=random", "tracker=none"]) == 2
    assert "and this machine has 0.001 GB" in capsys.readouterr().err
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.machine() > 1e8
