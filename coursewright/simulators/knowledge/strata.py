"""BKT learners in strata: one population several times, each time with one mechanism stronger or weaker."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.strata import Strata


class Mechanism(NamedTuple):
    """The differences of a stratum's learners from those of a table of BKT parameters.

    `share` of the learners; `prior` and `learn` shift P(L0) and P(T) on the logit scale; `forget` is a
    chance, in [0, 1], to lose a known skill in a day that comes on top of the table's own.
    """

    share: float = 1.0
    prior: float = 0.0
    learn: float = 0.0
    forget: float = 0.0


def differing(table: BktParameters, by: Mechanism) -> BktParameters:
    """The parameters of learners who differ by this mechanism."""
    if not 0.0 <= by.forget <= 1.0:
        raise reject("strata.forget", by.forget, "a probability in [0, 1]")
    return replace(
        table,
        prior=_shifted("prior", table.prior, by.prior),
        learn=_shifted("learn", table.learn, by.learn),
        forget=1.0 - (1.0 - np.asarray(table.forget)) * (1.0 - by.forget),
    )


def _shifted(field: str, p: Floats, by: float) -> Floats:
    """Probabilities moved by `by` on the logit scale; 0 and 1 stay."""
    if not np.isfinite(by):
        raise reject(f"strata.{field}", by, "a finite shift of the logit")
    odds = np.exp(by)
    return np.asarray(p * odds / (1.0 - p + p * odds))


def bkt_strata(folder: str | Path, mechanisms: Mapping[str, Mechanism], rho: float = 0.1) -> Strata:
    """Strata of the BKT population in a folder (see `tables.read_bkt`), one per mechanism, by name."""
    whole = read_bkt(folder, rho)

    def members() -> Iterator[tuple[str, Bkt]]:
        for name, by in mechanisms.items():
            draws = None if whole.draws is None else differing(whole.draws, by)
            yield name, replace(whole, parameters=differing(whole.parameters, by), draws=draws)

    return Strata(dict(members()), {name: by.share for name, by in mechanisms.items()})
