"""A finished comparison becomes files: tables, figures, and its section of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursewright.evaluation.comparison.curve_figures import teaching_figure, training_figure
from coursewright.evaluation.comparison.figure import comparison_figure
from coursewright.evaluation.comparison.found import Comparison
from coursewright.evaluation.comparison.path_figure import path_figure
from coursewright.evaluation.comparison.report import Section
from coursewright.evaluation.figures import Picture, keep

Drawing = Callable[[Comparison], Picture | None]
"""A picture of a comparison; None where there is nothing to draw."""

FIGURES: Mapping[str, Drawing] = {
    "comparison": comparison_figure,
    "teaching": teaching_figure,
    "path": path_figure,
    "training": training_figure,
}


@dataclass(frozen=True)
class Published:
    """A comparison's section of the report, and its files by name."""

    section: Section
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]

    @property
    def scores(self) -> dict[str, float]:
        """Flat figures, such as `kss-t30/point/maskable_ppo/return/mean`, with `/low` and `/high`."""
        comparison = self.section.comparison
        scores = {}
        for row in comparison.rows:
            name = "/".join((comparison.name, *row.key))
            scores[name] = float(row.value)
            if np.isfinite(row.low):
                scores |= {f"{name}/low": row.low, f"{name}/high": row.high}
        return scores


def publish(
    comparison: Comparison,
    folder: Path,
    figures: Mapping[str, Drawing] = FIGURES,
    notes: Sequence[str] = (),
    card: str = "",
) -> Published:
    """Write tables and figures into `folder`.

    `figures` are drawn as `<name>.png`; `notes` are further sentences for the section's caveats, and `card`
    describes the fit of the learners.
    """
    drawn = {name: draw(comparison) for name, draw in figures.items()}
    kept = keep({name: picture for name, picture in drawn.items() if picture is not None}, folder)
    section = Section(comparison, tuple(kept.values()), notes, card)
    return Published(section, comparison.write(folder), {name: place.path for name, place in kept.items()})
