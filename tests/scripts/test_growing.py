"""metrics.csv of a resumed run is that of an uninterrupted one, byte for byte."""

import itertools

import pytest

from coursewright.errors import InputError
from coursewright.scripts.growing import GrowingTable

ROWS = [
    (100, {"train/return": 0.1}),
    (200, {"train/return": float("nan"), "train/loss": 1e-9}),
    (300, {"train/loss": 0.25}),
    (400, {"train/return": 1 / 3, "eval/gain": -0.0}),
    (500, {"train/return": 1.0, "train/loss": 2.0, "eval/gain": 3.0}),
]


def written(path, rows):
    table = GrowingTable(path)
    for step, data in rows:
        table.add(step, data)
    return path.read_bytes()


def test_killed_anywhere_and_resumed_from_anywhere_before(tmp_path):
    """Killed after any byte of the file, resumed from any checkpoint up to there."""
    whole = written(tmp_path / "whole.csv", ROWS)
    for done, back in itertools.product(range(len(ROWS) + 1), repeat=2):
        if back > done:
            continue
        path = tmp_path / "cut.csv"
        path.unlink(missing_ok=True)
        full = written(path, ROWS[:done]) if done else b""
        # A wider header comes in one step, and then the row; a checkpoint is written after its row.
        shortest = full[:-1].rfind(b"\n") + 1 if back < done else len(full)
        for end in range(shortest, len(full) + 1):
            path.write_bytes(full[:end])
            assert written(path, ROWS[back:]) == whole, (done, back, end)


def test_the_last_step_is_that_of_a_whole_row(tmp_path):
    path = tmp_path / "metrics.csv"
    assert GrowingTable(path).last is None
    written(path, ROWS[:2])
    with path.open("a") as file:
        file.write("300,0.")
    assert GrowingTable(path).last == 200


@pytest.mark.parametrize("content", [b"other,columns\n1,2\n", b"\xff\xfe\n"])
def test_another_file_is_one_line(tmp_path, content):
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"^metrics = [^\n]*metrics.csv: must be [^\n]*$"):
        GrowingTable(tmp_path / "metrics.csv").add(1, {"a": 1.0})
