"""Other people's exports as text: comma- or tab-separated, a header, plain or gzipped, whole or in batches.

Every column comes as text, so that "007" stays "007", and empty fields come as nulls.  The text's meaning is
the reader's business (`columns.py` has the usual steps).
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from coursewright.errors import InputError, reject, unknown

MISSING = ["", "NA", "NaN", "nan", "NULL", "null"]
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
            raise reject(f"columns of {self.path}", f"{doubled[0]} twice", "distinct")
        missing = [name for name in names if name not in self.header]
        if missing:
            raise unknown(f"columns of {self.path}", missing[0], self.header)

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


def open_delimited(path: str | Path, encoding: str = "utf8") -> Delimited:
    """Read the header of `path`.  A tab in it means that tabs separate, else commas do.

    Comma-separated text may quote its fields; tab-separated text may do so only where its header does, since
    the exports that use tabs write quotation marks as plain characters.  Raises `InputError` where the file
    is missing, empty or cannot be read.
    """
    path = Path(path)
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            line = file.readline().decode("utf-8-sig", "replace").rstrip("\r\n")
    except FileNotFoundError as error:
        raise InputError(f"log.path = {path}: no such file") from error
    except BROKEN as error:
        raise cannot_be_read(path, error) from error
    if not line.strip():
        raise InputError(f"log.path = {path}: cannot be read as text (its first line names no columns)")
    separator = "\t" if "\t" in line else ","
    quoted = separator == "," or '"' in line
    cells = pa.csv.read_csv(
        pa.BufferReader(f"{line}\n{line}\n".encode()),
        pa.csv.ReadOptions(autogenerate_column_names=True),
        pa.csv.ParseOptions(delimiter=separator, quote_char='"' if quoted else False),
        pa.csv.ConvertOptions(null_values=[]),
    )
    header = tuple(str(column[0].as_py()) for column in cells.columns)
    return Delimited(path, header, separator, quoted, encoding)


def cannot_be_read(path: Path, error: Exception) -> InputError:
    """The one line about a broken file; it quotes no row, which would be a learner's."""
    why = ROW.sub(r"\1", " ".join(str(error).split()))
    return InputError(f"log.path = {path}: cannot be read ({why[:200]})")
