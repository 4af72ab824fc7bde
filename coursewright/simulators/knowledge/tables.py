"""BKT populations as folders of tables, written by a fit or committed here.

| file | one row per | columns |
|---|---|---|
| `parameters.csv` | skill | skill, prior, learn, forget, guess, slip, and a fit's counts and errors |
| `draws.csv` | bootstrap draw and skill | the same parameters; absent where there are no draws |
| `items.csv`, `prerequisites.csv` | item, edge | see `simulators/folders.py`; absent: one item per skill |

`population.json` holds the form of forgetting and the spreads between learners.
"""

from collections.abc import Sequence
from pathlib import Path

from coursewright.simulators.course import Course, read_edges
from coursewright.simulators.folders import (
    EDGES,
    ITEMS,
    course_files,
    licensed,
    open_folder,
    read_course,
    write_facts,
    write_texts,
)
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters

PARAMETERS, DRAWS = "parameters.csv", "draws.csv"


def read_bkt(folder: str | Path, rho: float = 0.1) -> Bkt:
    """The BKT population in a shipped folder (by name) or in a folder of your own (by path).

    Raises `InputError` where there is no such folder or a table is broken.
    """
    path, facts = open_folder(folder, "bkt", PARAMETERS)
    parameters = BktParameters.read(path / PARAMETERS)
    return Bkt(
        course=_course(path, parameters.skills),
        parameters=parameters,
        rho=rho,
        forgetting=facts.get("forgetting", "time"),
        prior_sd=facts.get("prior_sd", 0.0),
        learn_sd=facts.get("learn_sd", 0.0),
        draws=BktParameters.read(path / DRAWS) if (path / DRAWS).is_file() else None,
    )


def _course(path: Path, skills: tuple[str, ...]) -> Course:
    if (path / ITEMS).is_file():
        return read_course(path, skills)
    edges = read_edges(path / EDGES) if (path / EDGES).is_file() else ()
    return licensed(Course.of(skills, prerequisites=edges), path)


def write_bkt(folder: Path, learners: Bkt, columns: dict[str, Sequence[float]] | None = None) -> None:
    """Write the tables that `read_bkt` reads, without `rho`; `columns [skills]` join the parameters."""
    learners.parameters.write(folder / PARAMETERS, columns)
    if learners.draws is not None:
        learners.draws.write(folder / DRAWS)
    write_texts(folder, course_files(learners.course))
    spreads = {"prior_sd": learners.prior_sd, "learn_sd": learners.learn_sd}
    write_facts(folder, "bkt", learners.course, {"forgetting": learners.forgetting, **spreads})
