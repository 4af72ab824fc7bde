"""The kind of a file by its first bytes, where its name promises another."""

from pathlib import Path

from coursewright.errors import InputError

CSV = "save the table in it as CSV"
KINDS = (
    (b"\x1f\x8b", "a gzip file", "give it a name that ends in .gz"),
    (b"PK\x03\x04", "a zip archive (as Excel's .xlsx and Anki's .apkg are)", CSV),
    (b"SQLite format 3\0", "an SQLite database (as Anki's collection is)", CSV),
    (b"PAR1", "a Parquet file", "give it a name that ends in .parquet"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive (as Anki's .anki21b is)", CSV),
    (b"\xd0\xcf\x11\xe0", "an old Excel file", CSV),
    (b"%PDF", "a PDF", CSV),
    (b"\x89HDF", "an HDF5 file", CSV),
)
UTF16 = (b"\xff\xfe", b"\xfe\xff")
HEAD = 4096  # bytes that are looked at
PLAIN = {9, 10, 12, 13, 27}  # the control characters that text may have


def refuse_binary(path: Path, head: bytes, encoding: str) -> None:
    """Refuse the file at `path` where its first bytes `head` are not those of text in `encoding`.

    Raises `InputError`: one line with the kind that the file seems to have, and the remedy.
    """
    for magic, kind, remedy in KINDS:
        if head.startswith(magic):
            raise InputError(f"log.path = {path}: is {kind} and no text; {remedy}")
    if encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "utf8sig", "cp1252", "latin1"):
        return  # the bytes of other encodings may look like anything
    if head.startswith(UTF16):
        remedy = "save it as UTF-8, or read it by log=mapped log.encoding=utf-16"
        raise InputError(f"log.path = {path}: is text in UTF-16; {remedy}")
    if any(byte < 32 and byte not in PLAIN for byte in head):
        raise InputError(f"log.path = {path}: is no text but binary data; {CSV}")


def no_parquet(path: Path) -> InputError | None:
    """The error for a file at `path` that is no Parquet file; None where it begins like one."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        return None
    for magic, kind, _ in KINDS:
        if head.startswith(magic):
            return InputError(f"log.path = {path}: is {kind} and no Parquet file")
    return InputError(f"log.path = {path}: is no Parquet file; text wants a name that ends in .csv or .tsv")
