"""From columns of text, as other people's exports have them, to the types of the schema."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from coursewright.errors import reject

UNITS = {"days": 1.0, "minutes": 1_440.0, "s": 86_400.0, "ms": 86_400e3, "us": 86_400e6}  # in a day
ISO = "iso"


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


def numbers(text: pa.ChunkedArray, field: str) -> pa.ChunkedArray:
    """Text [rows] -> float64 [rows], nulls kept.  Raises `InputError` for text that is no number."""
    try:
        return pc.utf8_trim_whitespace(text).cast(pa.float64())
    except pa.ArrowInvalid as error:
        column = text.to_pandas()
        strange = column[pd.to_numeric(column, errors="coerce").isna() & column.notna()]
        raise reject(f"log.{field}", repr(strange.iloc[0]), "a number") from error


def labels(text: pa.ChunkedArray, meaning: Mapping[str, object], field: str) -> pa.Array:
    """Labels [rows], in any case, -> their meaning [rows], nulls kept.

    Raises `InputError` for a label that `meaning` (keys in upper case) does not know.
    """
    upper = pc.utf8_upper(pc.utf8_trim_whitespace(text))
    place = pc.index_in(upper, pa.array(list(meaning)))
    strange = pc.and_(pc.is_valid(text), pc.is_null(place))
    if pc.any(strange).as_py():
        raise reject(f"log.{field}", repr(text.filter(strange)[0].as_py()), "one of " + ", ".join(meaning))
    return pa.array(list(meaning.values())).take(place)


def days(text: pa.ChunkedArray, unit: str | None = None, field: str = "time") -> pa.Array:
    """Times as text [rows] -> days since 1970-01-01 UTC [rows] (float64), nulls kept.

    `unit` is one of `UNITS`, or iso; without one, numbers are days and all else is ISO 8601.  A timestamp
    that names no zone is read as UTC.  Raises `InputError` for an unknown unit and for text that is no time.
    """
    if unit not in (None, ISO, *UNITS):
        raise reject("log.unit", unit, "one of " + ", ".join((*UNITS, ISO)))
    if unit in UNITS:
        return pc.divide(numbers(text, field), UNITS[unit])
    column = text.to_pandas()
    if unit is None:
        plain = pd.to_numeric(column, errors="coerce")
        if plain[column.notna()].notna().all():
            return pa.array(plain.to_numpy(np.float64), from_pandas=True)
    times = pd.to_datetime(column, utc=True, format="ISO8601", errors="coerce")
    strange = column[times.isna() & column.notna()]
    if len(strange):
        allowed = "an ISO 8601 timestamp" if unit else "days as a number, or an ISO 8601 timestamp"
        raise reject(f"log.{field}", repr(strange.iloc[0]), allowed)
    since = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    return pa.array(since.to_numpy(np.float64), from_pandas=True)


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


def spent(text: pa.ChunkedArray, unit: str, field: str) -> pa.Array:
    """Durations as text [rows] -> minutes [rows]; negative ones, which no clock can mean, become null."""
    minutes = pc.divide(numbers(text, field), UNITS[unit] / UNITS["minutes"])
    return pc.if_else(pc.less(minutes, 0.0), pa.scalar(None, pa.float64()), minutes)
