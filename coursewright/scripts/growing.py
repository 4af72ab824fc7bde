"""A CSV file that grows by a row at a time, and equals that of an uninterrupted run."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf

from coursewright.errors import InputError
from coursewright.files import write_text
from coursewright.scripts.recorded import WRONG


class GrowingTable:
    """Rows of numbers by step, for any tool to read.

    A metric that appears later gets a column of its own at the right, and every row is on disk when `add`
    returns.  Where a killed run left the file longer than its checkpoint, the first row of the resumed run
    says where it goes on: rows of that step and later make room, and so does half a row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] | None = None  # not known before the first row

    @property
    def last(self) -> int | None:
        """The last step that is in the file whole."""
        steps = [int(row[0]) for row in self._read()[1:] if row and row[0].isdigit()]
        return steps[-1] if steps else None

    def add(self, step: int, data: Mapping[str, float]) -> None:
        """Append one row."""
        row = {"step": step} | {name: float(value) for name, value in data.items()}
        if self.columns is None:
            self.columns = self._resumed(step)
        new = [name for name in row if name not in self.columns]
        if new or not self.path.exists():
            self._write([*self.columns, *new], self._read()[1:])
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)

    def _resumed(self, step: int) -> list[str]:
        """The columns of the file that is there, which is cut where a run goes on at `step`."""
        header, *rows = self._read() or [["step"]]
        if header[:1] != ["step"]:
            raise InputError(
                f"metrics = {self.path}: must be a table whose first column is step (remove it to go on)"
            )
        kept = [row for row in rows if row and row[0].isdigit() and int(row[0]) < step]
        # A column of later rows only comes back with them, in its turn.
        used = [
            place for place, _ in enumerate(header) if any("".join(row[place : place + 1]) for row in kept)
        ]
        self.columns = [header[place] for place in used] or ["step"]
        if self.path.exists():
            self._write(self.columns, [[row[place] for place in used if place < len(row)] for row in kept])
        return self.columns

    def _read(self) -> list[list[str]]:
        """The header and the rows; a row that was cut off is left out."""
        if not self.path.exists():
            return []
        try:
            text = self.path.read_text(encoding="utf-8")
        except ValueError as error:
            raise InputError(f"metrics = {self.path}: must be UTF-8 text (remove it to go on)") from error
        return list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))

    def _write(self, columns: list[str], rows: list[list[str]]) -> None:
        self.columns = columns
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([*row, *[""] * (len(columns) - len(row))] for row in rows)
        write_text(self.path, text.getvalue())


def steps(folder: Path) -> str:
    """The progress of a training, by the numbers that it has logged; it ends with a whole rollout."""
    try:
        done = GrowingTable(folder / "metrics.csv").last
        aim = OmegaConf.select(OmegaConf.load(folder / "config.yaml"), "agent.steps")
    except (InputError, *WRONG):  # the folder may hold anything
        return ""
    if done is None:
        return ""
    return f"{done:,} of {aim:,}" if type(aim) is int and done < aim else f"{done:,}"
