"""Numbers as people read them, in tables, reports and sentences."""

import re

import numpy as np

LEADING_ZERO = re.compile(r"(?<!\d)0\.")


def number(value: float, signed: bool = False) -> str:
    """Three decimals; a dash where there is no number."""
    if not np.isfinite(value):
        return "–"
    value = round(float(value), 3) + 0.0  # no "-0.000"
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def hundredths(value: float) -> str:
    """Two decimals; a dash where there is no number."""
    return f"{value:.2f}" if np.isfinite(value) else "–"


def span(low: float, high: float, signed: bool = False) -> str:
    """An interval, or nothing."""
    return f"{number(low, signed)} to {number(high, signed)}" if np.isfinite(low) else ""


def brief(low: float, high: float, signed: bool = False) -> str:
    """An interval for narrow columns, without the zeros before the points; empty where there is none."""
    if not np.isfinite(low):
        return ""
    ends = (LEADING_ZERO.sub(".", number(end, signed)) for end in (low, high))
    return f"[{', '.join(ends)}]"


def percent(value: float) -> str:
    """A share as a whole percentage; a dash where there is no number."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else "–"
