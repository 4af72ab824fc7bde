"""BKT parameters per skill, as numbers in a table that people can open."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from coursewright.errors import InputError, reject
from coursewright.simulators.arrays import Floats
from coursewright.simulators.folders import rounded

FIELDS = ("prior", "learn", "forget", "guess", "slip")
DIGITS = 6  # of a number in the table


@dataclass(frozen=True, eq=False)
class BktParameters:
    """P(L0), P(T), P(F), P(G), P(S) of each skill (Corbett & Anderson 1994).

    Every array is `[draws, skills]`: one row for a point estimate, several for bootstrap draws.
    A flat `[skills]` sequence is taken as one row.

    Raises `InputError` where a probability leaves [0, 1], or where guess + slip >= 1: there the
    "known" state answers worse than the unknown one (label switching).
    """

    prior: Floats
    learn: Floats
    guess: Floats
    slip: Floats
    forget: Floats | float = 0.0
    skills: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = np.atleast_2d(np.asarray(self.prior, np.float64)).shape
        if len(shape) != 2 or not all(shape):
            raise reject("bkt.prior", f"array of shape {shape}", "[skills] or [draws, skills], not empty")
        for field in FIELDS:
            values = np.atleast_2d(np.asarray(getattr(self, field), np.float64))
            if values.shape not in (shape, (1, 1)):
                raise reject(
                    f"bkt.{field}", f"array of shape {values.shape}", f"of shape {shape}, as bkt.prior"
                )
            values = np.array(np.broadcast_to(values, shape))
            wrong = ~((values >= 0.0) & (values <= 1.0))
            if wrong.any():
                raise reject(
                    f"bkt.{field}[{self._where(wrong)}]", values[wrong][0], "a probability in [0, 1]"
                )
            values.setflags(write=False)
            object.__setattr__(self, field, values)
        switched = self.guess + self.slip >= 1.0
        if switched.any():
            total = (self.guess + self.slip)[switched][0]
            raise reject(f"bkt.guess + bkt.slip [{self._where(switched)}]", total, "below 1")
        names = tuple(self.skills) or tuple(str(k) for k in range(shape[1]))
        if len(names) != shape[1]:
            raise reject("bkt.skills", f"{len(names)} names", f"{shape[1]} names, one a skill")
        object.__setattr__(self, "skills", names)

    def _where(self, wrong: npt.NDArray[np.bool_]) -> str:
        skill = int(np.argwhere(wrong)[0][1])
        return self.skills[skill] if skill < len(self.skills) else str(skill)

    @property
    def n_draws(self) -> int:
        """The number of parameter rows (1 for a point estimate)."""
        return int(self.prior.shape[0])

    @property
    def n_skills(self) -> int:
        """The number of skills."""
        return int(self.prior.shape[1])

    def rounded(self) -> Self:
        """The same parameters with the digits that `write` gives them."""
        prior, learn, forget, guess, slip = (
            rounded(np.asarray(getattr(self, field)), DIGITS) for field in FIELDS
        )
        return replace(self, prior=prior, learn=learn, forget=forget, guess=guess, slip=slip)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a table with the columns skill, prior, learn, guess, slip and, if any, forget.

        Several draws follow one another, each with the same skills in the same order; a column `draw`
        is for people.  Raises `InputError` where the table cannot be read as that.
        """
        path = Path(path)
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"parameters = {path}: cannot be read ({reason})") from error
        missing = [
            name for name in ("skill", "prior", "learn", "guess", "slip") if not rows or name not in rows[0]
        ]
        if missing:
            raise reject(
                f"columns of {path}", "without " + ", ".join(missing), "skill, prior, learn, guess, slip"
            )
        skills = tuple(dict.fromkeys(row["skill"] for row in rows))
        if [row["skill"] for row in rows] != list(skills) * (len(rows) // len(skills)):
            raise reject(
                f"skills of {path}", f"{len(rows)} rows", "the same, in the same order, in each draw"
            )

        def table(field: str) -> Floats:
            try:
                values = [float(row.get(field, "0") or "nan") for row in rows]
            except (TypeError, ValueError) as error:
                raise reject(f"{field} in {path}", str(error), "numbers") from error
            return np.array(values).reshape(-1, len(skills))

        return cls(**{field: table(field) for field in FIELDS}, skills=skills)

    def write(self, path: str | Path, extra: dict[str, Sequence[float]] | None = None) -> None:
        """Write the table to `path`; `extra` adds columns `[skills]` (standard errors, counts)."""
        extra = extra or {}
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["draw", "skill", *FIELDS, *extra])
            for draw in range(self.n_draws):
                for k, skill in enumerate(self.skills):
                    values = [f"{np.asarray(getattr(self, field))[draw, k]:.{DIGITS}g}" for field in FIELDS]
                    writer.writerow(
                        [draw, skill, *values, *(f"{extra[name][k]:.{DIGITS}g}" for name in extra)]
                    )
