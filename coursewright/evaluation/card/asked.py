"""The words of the card's command."""

import argparse
from typing import NoReturn

from coursewright.errors import InputError


class Parser(argparse.ArgumentParser):
    """A parser whose refusals are a line like all others, without a block of usage."""

    def error(self, message: str) -> NoReturn:
        """Refuse a word.  Raises `InputError`."""
        raise InputError(f"{message.removeprefix('argument ')} (--help lists the options)")


def whole_number(text: str) -> int:
    """The number that a word is; argparse names this function where it is none."""
    return int(text)
