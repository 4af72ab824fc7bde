"""The n best of many without sorting, inside a kernel."""

from coursewright.simulators.arrays import Bools, Floats
from coursewright.simulators.kernel import inlined


@inlined
def nth_highest(values: Floats, size: int, n: int) -> float:
    """The n-th highest (from 1) of the first `size` values, which are reordered (Hoare's quickselect)."""
    low, high, place = 0, size - 1, n - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] > pivot:
                i += 1
            while values[j] < pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])


@inlined
def keep_best(keys: Floats, which: int, size: int, n: int, sorting: Floats, keep: Bools) -> None:
    """Mark the n candidates with the highest key; of equals at the border, the first ones."""
    if size <= n:
        for c in range(size):
            keep[c] = True
        return
    for c in range(size):
        sorting[c] = keys[which, c]
    border = nth_highest(sorting, size, n)
    room = n
    for c in range(size):
        if keys[which, c] > border:
            keep[c] = True
            room -= 1
    for c in range(size):
        if room > 0 and keys[which, c] == border:
            keep[c] = True
            room -= 1
