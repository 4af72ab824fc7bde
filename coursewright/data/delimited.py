"""Other people's exports as text: a header, columns separated by one character, plain or gzipped, in batches.

Every column comes as text, so that "007" stays "007", and empty fields come as nulls.  The text's meaning is
the reader's business (`columns.py` has the usual steps).
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from coursewright.data.kinds import HEAD, refuse_binary
from coursewright.errors import InputError, nearest, reject

# Empty, R's, pandas', SQL's, Excel's, and that of a dump of MySQL's
MISSING = ["", "NA", "NaN", "nan", "NULL", "null", "#N/A", "N/A", "<NA>", r"\N"]
SEPARATORS = (",", ";", "|")  # besides tabs
LONGEST = 1 << 20  # characters of a header
BLOCK = 16 << 20  # bytes of text a batch
ROW = re.compile(r"(Expected \d+ columns, got \d+):.*")  # and then pyarrow quotes it
# The errors of a broken file: cut gzip, wrong encoding, rows of another length, no permission.
BROKEN = (OSError, EOFError, zlib.error, UnicodeError, pa.ArrowException)


@dataclass(frozen=True)
class Delimited:
    """A file whose header has been read; `header` keeps repeated names as they are."""

    path: Path
    header: tuple[str, ...]
    separator: str
    quoted: bool
    encoding: str

    def need(self, names: Sequence[str]) -> None:
        """Raise `InputError` where the file lacks one of the columns `names`, or has one twice."""
        doubled = [name for name in names if self.header.count(name) > 1]
        if doubled:
            raise InputError(f"log.path = {self.path}: has the column {doubled[0]!r} twice; rename one")
        missing = [name for name in names if name not in self.header]
        if missing:
            raise lacks(self.path, missing[0], self.header)

    def tables(self, places: Sequence[int]) -> Iterator[pa.Table]:
        """The columns numbered `places` in batches of rows [batch], named after their numbers: "0", "3".

        Raises `InputError` where the rest of the file cannot be read.
        """
        wanted = [str(place) for place in places]
        # The header itself is skipped: pyarrow tells columns apart by name, and exports repeat names.
        read = pa.csv.ReadOptions(
            column_names=[str(place) for place in range(len(self.header))],
            skip_rows=1,
            encoding=self.encoding,
            block_size=BLOCK,
        )
        quote = '"' if self.quoted else False
        parse = pa.csv.ParseOptions(
            delimiter=self.separator,
            quote_char=quote,
            double_quote=self.quoted,
            newlines_in_values=self.quoted,
            invalid_row_handler=_if_blank,
        )
        convert = pa.csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.string()),
            include_columns=wanted,
            null_values=MISSING,
            strings_can_be_null=True,
        )
        try:
            with pa.csv.open_csv(self.path, read, parse, convert) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])
        except BROKEN as error:
            if "Empty CSV file" not in str(error):  # a header and nothing else: an empty log, said elsewhere
                raise cannot_be_read(self.path, error) from error

    def named(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Batches of the columns `names`, under those names.  Raises `InputError` as `need` and `tables`."""
        self.need(names)
        for table in self.tables([self.header.index(name) for name in names]):
            yield table.rename_columns(list(names))


def open_delimited(path: str | Path, encoding: str = "utf8", separator: str | None = None) -> Delimited:
    """Read the header of `path`.

    Without a `separator`, a tab in the header separates columns, else the commonest of `, ; |`.  Text may
    quote its fields; tab-separated text may do so only where its header does, since the exports that use tabs
    write quotation marks as plain characters.  Raises `InputError` where the file is missing, empty, no text
    in this encoding, or cannot be read.
    """
    path = Path(path)
    try:
        codec = codecs.lookup(encoding).name.replace("utf-8", "utf-8-sig")
    except LookupError as error:
        raise reject("log.encoding", repr(encoding), "utf8, cp1252, utf-16, or another codec") from error
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise reject("log.separator", repr(separator), "one character, such as ';'")
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            head = file.read(HEAD)
            refuse_binary(path, head, encoding)
            whole = io.BytesIO(head + file.read(LONGEST))
        line = io.TextIOWrapper(whole, codec, "replace").readline().rstrip("\r\n")
    except FileNotFoundError as error:
        raise InputError(f"log.path = {path}: no such file") from error
    except gzip.BadGzipFile as error:
        raise InputError(
            f"log.path = {path}: is no gzip file; give it a name that does not end in .gz"
        ) from error
    except BROKEN as error:
        raise cannot_be_read(path, error) from error
    if "\N{REPLACEMENT CHARACTER}" in line:
        raise cannot_be_read(path, UnicodeError())
    if not line.strip():
        raise InputError(f"log.path = {path}: cannot be read as text (its first line names no columns)")
    if separator is None:
        separator = "\t" if "\t" in line else max(SEPARATORS, key=line.count)
    quoted = separator != "\t" or '"' in line
    cells = pa.csv.read_csv(
        pa.BufferReader(f"{line}\n{line}\n".encode()),
        pa.csv.ReadOptions(autogenerate_column_names=True),
        pa.csv.ParseOptions(delimiter=separator, quote_char='"' if quoted else False),
        pa.csv.ConvertOptions(null_values=[]),
    )
    header = tuple(str(column[0].as_py()) for column in cells.columns)
    return Delimited(path, header, separator, quoted, encoding)


def lacks(path: Path, name: str, header: Sequence[str]) -> InputError:
    """The error for a file whose `header` lacks a column that its reader needs."""
    line = f"log.path = {path}: lacks the column {name!r}{nearest(name, header, 'the file has')}"
    return InputError(f"{line} (any table at all: log=mapped log.columns.learner=NAME ...)")


def cannot_be_read(path: Path, error: Exception) -> InputError:
    """The one line about a broken file; it quotes no row, which would be a learner's."""
    why = ROW.sub(r"\1", " ".join(str(error).split()))
    if isinstance(error, UnicodeError) or "invalid UTF8" in why:
        return InputError(
            f"log.path = {path}: cannot be read in this encoding; save it as UTF-8, or read it by "
            "log=mapped log.encoding=cp1252 (Windows), utf-16, ..."
        )
    plain = "".join(letter if letter.isprintable() else "?" for letter in why[:200])
    return InputError(f"log.path = {path}: cannot be read ({plain})")


def _if_blank(row: pyarrow.csv.InvalidRow) -> str:
    """Pass over a line of nothing but spaces; any other of a wrong length is an error."""
    return "error" if row.text and row.text.strip() else "skip"
