"""Simulators whose parameters are committed as tables, or were written by a fit.

A folder holds `parameters.csv`, and, where they apply, `draws.csv` (bootstrap draws of the same
table), `prerequisites.csv` (two columns: before, after) and `card.md` (how it came about).
"""

from pathlib import Path

from coursewright.errors import unknown
from coursewright.simulators.course import Course, read_edges
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters

SHIPPED = Path(__file__).parents[1] / "populations"


def read_bkt(folder: str | Path, rho: float = 0.1) -> Bkt:
    """The BKT population in a shipped folder (by name) or in a folder of your own (by path).

    One item a skill.  Raises `InputError` where there is no such folder or a table is broken.
    """
    path = Path(folder)
    if not (path / "parameters.csv").is_file():
        path = SHIPPED / str(folder)
    if not (path / "parameters.csv").is_file():
        shipped = sorted(table.parent.name for table in SHIPPED.glob("*/parameters.csv"))
        raise unknown("simulator.folder", str(folder), shipped)
    table = BktParameters.read(path / "parameters.csv")
    edges = path / "prerequisites.csv"
    draws = path / "draws.csv"
    return Bkt(
        course=Course.of(table.skills, prerequisites=read_edges(edges) if edges.is_file() else ()),
        parameters=table,
        rho=rho,
        draws=BktParameters.read(draws) if draws.is_file() else None,
    )
