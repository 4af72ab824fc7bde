"""Lists of whole numbers in two flat arrays: the sparse parts of a course, as kernels read them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Ints


class Lists(NamedTuple):
    """Lists of whole numbers, packed: list i is `values[start[i]:start[i + 1]]`."""

    start: Ints
    values: Ints

    def row(self, i: int) -> list[int]:
        """List i as it was before packing."""
        values: list[int] = self.values[self.start[i] : self.start[i + 1]].tolist()
        return values


def pack(lists: Sequence[Sequence[int]]) -> Lists:
    """Pack one list of whole numbers a row into two flat arrays."""
    start = np.zeros(len(lists) + 1, np.int64)
    start[1:] = np.cumsum([len(row) for row in lists])
    return Lists(start, np.array([value for row in lists for value in row], np.int64))


def unpack(lists: Lists) -> list[list[int]]:
    """The lists that were packed."""
    values, start = lists.values.tolist(), lists.start.tolist()
    return [values[begin:end] for begin, end in pairwise(start)]


def of_pairs(row: Ints, value: Ints, rows: int) -> Lists:
    """One list a row: the distinct values that are paired with it, in order.

    `row` and `value` are `[pairs]`.
    """
    order = np.lexsort((value, row))
    row, value = row[order], value[order]
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (value[1:] != value[:-1])
    start = np.zeros(rows + 1, np.int64)
    start[1:] = np.cumsum(np.bincount(row[first], minlength=rows))
    return Lists(start, np.ascontiguousarray(value[first], np.int64))


def pairs(lists: Lists) -> tuple[Ints, Ints]:
    """Row and value of every entry, `[entries]` each."""
    return np.repeat(np.arange(len(lists.start) - 1), np.diff(lists.start)), lists.values


def turned(lists: Lists, values: int) -> Lists:
    """For each of so many values, the rows whose list holds it."""
    row, value = pairs(lists)
    return of_pairs(value, row, values)


def table(lists: Lists, columns: int) -> Bools:
    """True where a row's list holds the column, `[rows, columns]`: for few rows and columns only."""
    cells = np.zeros((len(lists.start) - 1, columns), bool)
    cells[pairs(lists)] = True
    cells.setflags(write=False)
    return cells


def cells_of(lists: Lists, row: Ints, columns: int) -> Bools:
    """True where the list of `row [rows]` holds the column, `[rows, columns]`; nothing of a row of -1."""
    begin = lists.start[row]
    length = np.where(row >= 0, lists.start[row + 1] - begin, 0)
    at = np.repeat(np.arange(len(row)), length)
    step = np.arange(len(at)) - np.repeat(np.cumsum(length) - length, length)
    cells = np.zeros((len(row), columns), bool)
    cells[at, lists.values[begin[at] + step]] = True
    return cells


def any_of(cells: Bools, lists: Lists) -> Bools:
    """True where `cells [batch, columns]` are True in some column of a list, `[batch, lists]`."""
    padded = np.zeros((len(cells), len(lists.values) + 1), bool)  # a last, empty list begins at the end
    padded[:, :-1] = cells[:, lists.values]
    found = np.logical_or.reduceat(padded, lists.start[:-1], axis=1)
    found[:, np.diff(lists.start) == 0] = False  # which `reduceat` gives the cell where they begin
    return np.asarray(found)


def listed(cells: Bools) -> Lists:
    """The columns `[rows, columns]` that are True in each row."""
    row, column = np.nonzero(cells)
    return of_pairs(row, column, len(cells))
