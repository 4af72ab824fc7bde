"""From columns of text, as other people's exports have them, to the types of the schema."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time as now

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.errors import InputError, reject

UNITS = {"days": 1.0, "minutes": 1_440.0, "s": 86_400.0, "ms": 86_400e3, "us": 86_400e6}  # in a day
SINCE_1970 = ("s", "ms", "us")  # units in which moments are counted
ISO = "iso"
ORDER = "order"  # numbers that tell which response came first, and no more
LAST = 1e5  # days; the schema's
FIRST_LOG = 7_305.0  # 1990-01-01 in days: no log of a computer's is older
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
PLAIN_LABEL = re.compile(r"\w[\w .+-]*", re.ASCII)  # as the command line takes it in a mapping
SHOWN = 60  # characters of a wrong cell
OTHER_FORM = "(another form: log.time_format='%d.%m.%Y %H:%M')"


def keep(rows: pa.Table, wanted: pa.ChunkedArray, dropped: Counter[str], why: str) -> pa.Table:
    """The rows [rows] where `wanted` [rows] is true; the others (false or null) are counted under `why`."""
    kept = rows.filter(wanted)
    if kept.num_rows < rows.num_rows:
        dropped[why] += rows.num_rows - kept.num_rows
    return kept


def keep_given(rows: pa.Table, dropped: Counter[str], reasons: Mapping[str, str]) -> pa.Table:
    """The rows that hold something in each column that `reasons` names; the others are counted."""
    for name, why in reasons.items():
        rows = keep(rows, pc.is_valid(rows[name]), dropped, why)
    return rows


def odd_cell(field: str, text: pa.ChunkedArray, row: int, first: int | None, allowed: str) -> InputError:
    """The error for the cell `row` of `text`; `first` is the number of the first row, None if unknown."""
    place = f"log.{field}" if first is None else f"log.{field}[row {first + row}]"
    return reject(place, repr(str(text[row].as_py())[:SHOWN]), allowed)


def numbers(
    text: pa.ChunkedArray, field: str, first: int | None = None, decimal: str = "."
) -> pa.ChunkedArray:
    """Text [rows] -> float64 [rows], nulls kept; `decimal` is the point in a number.

    Raises `InputError` for text that is no number; the number of the first row, `first`, tells where it is.
    """
    point = text if decimal == "." else pc.replace_substring(text, decimal, ".")
    try:
        return pc.utf8_trim_whitespace(point).cast(pa.float64())
    except pa.ArrowInvalid as error:
        column = point.to_pandas()
        strange = (pd.to_numeric(column, errors="coerce").isna() & column.notna()).to_numpy()
        row = int(np.argmax(strange))
        raise odd_cell(field, text, row, first, "a number" + _comma(text[row].as_py())) from error


def _comma(cell: str) -> str:
    """The remedy for a number with a decimal comma; nothing for other text."""
    return " (with a comma: log.decimal=',')" if DECIMAL_COMMA.fullmatch(cell.strip()) else ""


def labels(
    text: pa.ChunkedArray,
    meaning: Mapping[str, object],
    field: str,
    first: int | None = None,
    settable: bool = False,
) -> pa.Array:
    """Labels [rows], in any case, -> their meaning [rows], nulls kept.

    Raises `InputError` for a label that `meaning` (keys in upper case) does not know; it says how to set the
    meaning where that is `settable`.
    """
    upper = pc.utf8_upper(pc.utf8_trim_whitespace(text))
    place = pc.index_in(upper, pa.array(list(meaning)))
    strange = pc.and_(pc.is_valid(text), pc.is_null(place))
    if pc.any(strange).as_py():
        row = int(np.argmax(np.asarray(strange)))
        if field == "learner":
            raise reject("log.learner", "a name", "one of those that log.values.learner knows")
        allowed = "one of " + ", ".join(meaning)
        if settable:
            allowed += f" ({_setting(field, str(text[row].as_py()).strip())} gives its meaning)"
        raise odd_cell(field, text, row, first, allowed)
    return pa.array(list(meaning.values())).take(place)


def _setting(field: str, label: str) -> str:
    """The setting that gives a label a meaning, as it is typed."""
    if label.isascii() and label.replace("_", "").isalnum():
        return f"log.values.{field}.{label}=1"
    if PLAIN_LABEL.fullmatch(label):
        return f"'log.values.{field}={{{label[:SHOWN]}: 1}}'"
    return f"values: {{{field}: {{...: 1}}}} in a YAML file for log=mapped"


def refuse_unit(unit: str | None) -> None:
    """Raise `InputError` for what is no unit of times; None is that of days, or of ISO 8601."""
    if unit not in (None, ISO, ORDER, *UNITS):
        raise reject("log.unit", unit, "one of " + ", ".join((*UNITS, ISO, ORDER)))


def days(
    text: pa.ChunkedArray,
    unit: str | None = None,
    field: str = "time",
    first: int | None = None,
    form: str | None = None,
) -> pa.Array:
    """Times as text [rows] -> days since 1970-01-01 UTC [rows] (float64), nulls kept.

    `unit` is one of `UNITS`, or iso; without one, numbers are days and all else is ISO 8601, or of the `form`
    that `strptime` has.  A timestamp that names no zone is read as UTC.  Raises `InputError` for an unknown
    unit, for text that is no time, and for times that no log has, such as seconds taken for days.
    """
    refuse_unit(unit)
    if unit == ORDER:
        return counted(numbers(text, field, first), text, field, first)
    if unit in UNITS:
        return in_days(numbers(text, field, first), unit, text, field, first)
    column = text.to_pandas()
    given = column.notna().to_numpy()
    plain = np.full(len(column), np.nan)
    if unit is None and form is None:
        plain = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
        if np.isfinite(plain[given]).all():
            return in_days(pa.array(plain, from_pandas=True), "days", text, field, first)
    moments = _moments(column, form)
    strange = given & np.isnan(moments) & np.isnan(plain)
    allowed = f"an ISO 8601 timestamp {OTHER_FORM}"
    if form is not None:
        allowed = f"a time of the form {form}, from 1970 to 2243 (log.time_format)"
    elif unit is None:  # the kind that most rows have is the one that was meant
        numeric = given & np.isfinite(plain)
        few = numeric if 2 * numeric.sum() < given.sum() else given & ~numeric
        strange = strange if strange.any() else few
        allowed = f"days as a number, or an ISO 8601 timestamp {OTHER_FORM}"
    if strange.any():
        row = int(np.argmax(strange))
        raise odd_cell(field, text, row, first, allowed + _comma(column.iloc[row]))
    outside = given & ~((moments >= 0.0) & (moments <= LAST))
    if outside.any():
        raise odd_cell(field, text, int(np.argmax(outside)), first, "a time from 1970-01-01 to 2243-10-16")
    return pa.array(moments, from_pandas=True)


def _moments(column: "pd.Series[str]", form: str | None) -> npt.NDArray[np.float64]:
    """Timestamps [rows] -> days since 1970-01-01 UTC [rows]; nan where one cannot be read."""
    try:
        times = pd.to_datetime(column, utc=True, format=form or "ISO8601", errors="coerce")
    except ValueError as error:
        raise reject("log.time_format", repr(form), f"a form that strptime knows ({error})") from error
    since = times.dt.tz_localize(None).to_numpy("datetime64[us]")
    known = since.astype(np.int64) / UNITS["us"]
    return np.where(np.isnat(since), np.nan, known)


def in_days(
    count: pa.ChunkedArray, unit: str, text: pa.ChunkedArray, field: str, first: int | None = None
) -> pa.Array:
    """Times in `unit` [rows] -> days [rows], nulls kept; `text` [rows] holds them as they were written.

    Raises `InputError` where a time lies beyond the schema's range, or where moments are plainly in another
    unit: those of a batch lie before 1990 (or after tomorrow), and in another unit they do not.
    """
    day = pc.divide(count, UNITS[unit]) if unit != "days" else count
    value = np.asarray(day, np.float64)
    known = value[~np.isnan(value)]
    if not len(known):
        return day
    likely = _likely(known.min() * UNITS[unit], known.max() * UNITS[unit])
    hint = f" (log.unit={likely} reads it as a moment since 1970)" if likely else ""
    wrong = ~np.isnan(value) & ~((value >= 0.0) & (value <= LAST))
    if wrong.any():
        allowed = f"from 0 to 100,000 (days, not seconds){hint}"
        raise odd_cell(field, text, int(np.argmax(wrong)), first, allowed)
    if unit in SINCE_1970 and first in (None, 1):  # later batches of a relative time may look like moments
        tomorrow = now() / UNITS["s"] + 1.0
        if likely not in (None, unit):
            raise reject("log.unit", unit, f"{likely}: in {unit}, the log begins on {_date(known.min())}")
        if known.max() > tomorrow:
            allowed = f"another, or the times must be: the log ends on {_date(known.max())}, which is to come"
            raise reject("log.unit", unit, allowed)
    return day


def counted(count: pa.ChunkedArray, text: pa.ChunkedArray, field: str, first: int | None = None) -> pa.Array:
    """Numbers that count responses [rows] -> days that keep their order and tell no more, nulls kept.

    `text` [rows] holds them as they were written.  Raises `InputError` for a negative or endless one.
    """
    day = pc.divide(count.cast(pa.float64()), UNITS["us"])
    value = np.asarray(day, np.float64)
    wrong = ~np.isnan(value) & ~((value >= 0.0) & (value <= LAST))
    if wrong.any():
        raise odd_cell(field, text, int(np.argmax(wrong)), first, "a number from 0 on that counts responses")
    return day


def _likely(least: float, most: float) -> str | None:
    """The unit in which moments since 1970 lie between 1990 and tomorrow, if there is one."""
    tomorrow = now() / UNITS["s"] + 1.0
    for unit in SINCE_1970:
        if least / UNITS[unit] >= FIRST_LOG and most / UNITS[unit] <= tomorrow:
            return unit
    return None


def _date(day: float) -> str:
    return datetime.fromtimestamp(day * UNITS["s"], UTC).date().isoformat()


def names_in(text: pa.ChunkedArray, between: str) -> pa.Array:
    """Names joined by `between` [rows] -> lists of them [rows], each name once, in order of appearance."""
    encoded = text.combine_chunks().dictionary_encode()
    parts = [[part.strip() for part in joined.split(between)] for joined in encoded.dictionary.to_pylist()]
    distinct = [list(dict.fromkeys(part for part in row if part)) for row in parts]
    return pa.array(distinct, pa.list_(pa.string())).take(encoded.indices)


def one_each(text: pa.ChunkedArray) -> pa.Array:
    """Names [rows] -> lists of one name [rows]."""
    whole = text.combine_chunks()
    return pa.ListArray.from_arrays(pa.array(np.arange(len(whole) + 1), pa.int32()), whole)


def in_turn(learner: pa.ChunkedArray) -> pa.Array:
    """A counter in place of a time: each learner's rows [rows] a second apart, in the order given (days)."""
    place = learner.to_pandas().groupby(learner.to_pandas(), sort=False).cumcount()
    return pa.array(place.to_numpy(np.float64) / UNITS["s"])


def spent(text: pa.ChunkedArray, unit: str, field: str, first: int | None = None) -> pa.Array:
    """Durations as text [rows] -> minutes [rows]; negative ones, which no clock can mean, become null."""
    minutes = pc.divide(numbers(text, field, first), UNITS[unit] / UNITS["minutes"])
    return pc.if_else(pc.less(minutes, 0.0), pa.scalar(None, pa.float64()), minutes)
