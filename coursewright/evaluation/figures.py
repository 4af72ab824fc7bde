"""The parts that all figures share: colours, axes, labels that do not collide, and saving.

Figures are built on `matplotlib.figure.Figure` alone: no global state, no window, any thread.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from coursewright.errors import reject
from coursewright.evaluation.numbers import LEADING_ZERO
from coursewright.files import write_atomically

# Okabe & Ito (2008): distinct for every kind of colour vision, and in grey by lightness.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#00795A", "#5F5F5F"
INK, FAINT = "#222222", "#D9D9D9"
DOTS_PER_INCH = 160
NARROW = 4.6  # inches: eight points are ten pixels where such a figure is shown at 400
FORMATS = (".png", ".svg", ".pdf")


class Picture(NamedTuple):
    """A figure and its caption, a few words that stand above it in a report.

    A figure that is too wide for a telephone has a `narrow` layout beside it, of `NARROW` inches.
    """

    caption: str
    figure: Figure
    narrow: Figure | None = None


class Kept(NamedTuple):
    """A picture's caption and file, and that of its narrow layout, where it has one."""

    caption: str
    path: Path
    narrow: Path | None = None


class Ticks(ScalarFormatter):
    """Numbers of an axis in the style of all others: no zero before the point."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The tick at `x`."""
        return "0" if x == 0 else LEADING_ZERO.sub(".", super().__call__(x, pos))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Leave only the parts that carry meaning: two spines, a faint grid behind, readable labels."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=INK)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, pad=10)
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):  # no names or ticks of one's own
            axis.set_major_formatter(Ticks())
    axes.set_xlabel(x, fontsize=9.5)
    axes.set_ylabel(y, fontsize=9.5)


def save(figure: Figure, *paths: str | Path) -> None:
    """Save as PNG, SVG or PDF by suffix; each file is whole or absent, and nothing is cut off."""
    for path in map(Path, paths):
        if path.suffix not in FORMATS:
            raise reject("figure", path, f"a path that ends in one of {', '.join(FORMATS)}")
        # A date in the file would make every run's figures differ.
        metadata = (
            {} if path.suffix == ".png" else {"Date" if path.suffix == ".svg" else "CreationDate": None}
        )
        write = partial(
            figure.savefig,
            format=path.suffix[1:],
            bbox_inches="tight",
            pad_inches=0.12,
            facecolor="white",
            metadata=metadata,
        )
        with rc_context({"svg.hashsalt": "coursewright"}):  # the same file each time
            write_atomically(path, write)


def keep(pictures: Mapping[str, Picture], folder: Path) -> dict[str, Kept]:
    """Save each picture as `<folder>/<name>.png`, and as .svg for papers; say where each is.

    A narrow layout is saved beside it as `<name>-narrow.png`.
    """
    kept = {}
    for name, picture in pictures.items():
        path, narrow = folder / f"{name}.png", folder / f"{name}-narrow.png"
        save(picture.figure, path, path.with_suffix(".svg"))
        if picture.narrow is not None:
            save(picture.narrow, narrow)
        kept[name] = Kept(picture.caption, path, narrow if picture.narrow is not None else None)
    return kept


def spread(places: Sequence[float], gap: float) -> npt.NDArray[np.float64]:
    """Places at least `gap` apart, in the same order and as near the given ones as that allows.

    Groups that would collide are merged and centred on their mean, until none collide.
    """
    order = np.argsort(places, kind="stable")
    groups = [[float(places[i])] for i in order]
    merged = True
    while merged:
        merged = False
        for first, second in zip(range(len(groups) - 1), range(1, len(groups)), strict=True):
            a, b = groups[first], groups[second]
            if np.mean(b) - np.mean(a) < gap * (len(a) + len(b)) / 2 - 1e-12:
                groups[first : second + 1] = [a + b]
                merged = True
                break
    out = np.empty(len(order))
    moved = [np.mean(g) + gap * (j - (len(g) - 1) / 2) for g in groups for j in range(len(g))]
    out[order] = moved
    return out
