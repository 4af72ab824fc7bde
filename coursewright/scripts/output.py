"""The terminal, a file or a pipe that our words go to, which may take no more of them.

A training does not end because `head` has read enough, and no line is worth a traceback.  The words that
cannot be written are lost, and the exit code tells of it.
"""

import io
import logging
import os
import sys
from typing import TextIO

PLAIN = str.maketrans({"−": "-", "–": "-", "—": "-", "±": "+-", "×": "x", "…": "...", "·": "."})
CLOSED = 141  # as shells have it for a program that SIGPIPE ended


class Visible(logging.Formatter):
    """Lines that move no cursor and colour nothing, whatever letters a folder's name or a file has."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a control character is spelt out."""
        text = super().format(record)
        return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


class Output(io.TextIOWrapper):
    """Text that is written as far as it can be; `refused` is the system's reason from then on."""

    refused: OSError | None = None

    def write(self, text: str) -> int:
        """Write the text, or lose it."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            text = text.translate(PLAIN)
        try:
            return super().write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        """Write all that waits, or lose it."""
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if self.refused is None:
            self.refused = error
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def forgiving(stream: TextIO) -> TextIO:
    """The same stream for the length of a command.  A terminal without some letter shows another."""
    if type(stream) is not io.TextIOWrapper:  # a test's, or none at all
        return stream
    return Output(
        stream.buffer, stream.encoding, "replace", line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )  # fmt: skip


def ended(code: int) -> int:
    """The exit code of a command whose own is `code`, once all is written; a full disk is told in a line."""
    if sys.stdout is not None:
        sys.stdout.flush()
    refused = sys.stdout.refused if isinstance(sys.stdout, Output) else None
    if refused is None or code:
        return code
    if isinstance(refused, BrokenPipeError):
        return CLOSED
    print(f"error: standard output: cannot be written ({refused.strerror})", file=sys.stderr)
    return 1
