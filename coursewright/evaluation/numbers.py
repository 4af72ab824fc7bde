"""Numbers as people read them, in tables, reports, pictures and sentences: one style everywhere.

Three decimals, no zero before the point, and a true minus sign; `shown` turns it into ASCII where the place
that is written to cannot show it.
"""

import re

import numpy as np

LEADING_ZERO = re.compile(r"(?<!\d)0\.(?=\d)")
ROUNDING = 1e-9  # of sums: a share is never below 0
NEGATIVE = re.compile(r"(?<![\w.])-(?=\.?\d)")
MINUS = "\N{MINUS SIGN}"
ASCII = str.maketrans({MINUS: "-", "–": "-", "×": "x", "★": "*", "±": "+-", "…": "~"})


def number(value: float, signed: bool = False, digits: int = 3) -> str:
    """So many decimals; a dash where there is no number."""
    if not np.isfinite(value):
        return "–"
    value = round(float(value), digits) + 0.0  # no "-.000"
    return LEADING_ZERO.sub(".", f"{value:{'+' if signed else ''}.{digits}f}").replace("-", MINUS)


def hundredths(value: float) -> str:
    """Two decimals; a dash where there is no number."""
    return number(value, digits=2)


def _end(value: float, signed: bool) -> str:
    """The end of an interval: here "-.000" tells on which side of 0 it lies."""
    shown = number(value, signed)
    return MINUS + shown.lstrip("+") if value < -ROUNDING and not shown.startswith(MINUS) else shown


def span(low: float, high: float, signed: bool = False) -> str:
    """An interval in a sentence, or nothing."""
    return f"{_end(low, signed)} to {_end(high, signed)}" if np.isfinite(low) else ""


def brief(low: float, high: float, signed: bool = False) -> str:
    """An interval in a table; empty where there is none."""
    return f"[{_end(low, signed)}, {_end(high, signed)}]" if np.isfinite(low) else ""


def percent(value: float) -> str:
    """A share as a whole percentage; a dash where there is no number."""
    return f"{round(100 * float(value)):d} %".replace("-", MINUS) if np.isfinite(value) else "–"


def plain(value: float) -> str:
    """As many decimals as the number has."""
    return LEADING_ZERO.sub(".", f"{value:g}").replace("-", MINUS)


def styled(text: str) -> str:
    """A text from elsewhere with its numbers in this style."""
    return NEGATIVE.sub(MINUS, LEADING_ZERO.sub(".", text))


def thousands(value: float, place: float = 0) -> str:
    """A tick of an axis of counts: 500, 1.5 k, 20 k, 2 M."""
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def shown(text: str, encoding: str | None) -> str:
    """The text as a place of this encoding can show it."""
    try:
        text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return text.translate(ASCII)
    return text
