"""Learner models whose log odds are a weighted sum of counts: one fit for all of them.

A model names its parts: the owners of a history (skills, items, everything), and which features of it
(`features.py`) enter the sum.  A feature may have a weight that all names share, and each name's own
deviation from it; deviations are drawn to 0 by an L2 penalty (partial pooling), shared weights are free.  A
name that training never met gets the shared weight.

Where an item stands for several that too few learners met, each of these deviates once more, from it, and is
drawn to it.  Such deviations serve to predict and have no names; the pooled item's own weight is their mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from coursewright.fitting.coded import Coded, places, require_both
from coursewright.fitting.histories import Histories, Kind
from coursewright.fitting.logistic.features import values
from coursewright.fitting.logistic.random_intercept import Solution, forecast, solve
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.logistic.selection import NONE, Selection


class Part(NamedTuple):
    """Features of one kind of history: with a `shared` weight, and with each name's `own` deviation.

    The shared weights of those that are `held` are drawn to 0 as deviations are.
    """

    kind: Kind
    shared: tuple[str, ...]
    own: tuple[str, ...] = ()
    held: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All features, each once."""
        return tuple(dict.fromkeys(self.shared + self.own))


@dataclass(frozen=True, eq=False)
class Weights:
    """One part's weights: `shared [columns]`, and `own [names, columns]`, 0 where there is none."""

    part: Part
    names: tuple[str, ...]
    shared: Floats
    own: Floats

    def of(self, column: str) -> Floats:
        """The weight of a feature for each name, `[names]`."""
        at = self.part.columns.index(column)
        return np.asarray(self.shared[at] + self.own[:, at])

    def table(self, columns: Sequence[str]) -> Floats:
        """Weights `[names, columns]` in this order; features that the part lacks have weight 0."""
        none = np.zeros(len(self.names))
        return np.stack([self.of(name) if name in self.part.columns else none for name in columns], axis=1)


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted sum: the weights of each part, the spread of learners' own intercepts, and its troubles.

    `selection` tells how intercepts go with the length of records, where that was asked for; `spread` is that
    of all learners, long records and short ones.  A prediction knows no length, and takes the whole spread.
    `pooled` are the items that stand for several.
    """

    parts: tuple[Weights, ...]
    raw: bool
    spread: float
    troubles: tuple[str, ...]
    selection: Selection = NONE
    pooled: tuple[str, ...] = ()

    def predict(self, log: Coded) -> Floats:
        """P(correct) of each row `[rows]` from earlier rows of the same learner; learners may be new."""
        eta = np.zeros(log.rows)
        for weights in self.parts:
            of = Histories.of(log, weights.part.kind)
            place = places(of.names, weights.names)[of.code]
            each = np.vstack([weights.own, np.zeros(len(weights.shared))]) + weights.shared
            touched = np.sum(each[place] * values(of, weights.part.columns, self.raw), axis=1)
            eta += np.bincount(of.row, touched, minlength=len(eta))
        return forecast(eta, log.correct.astype(np.float64), log.start, self.spread)


def fit_linear(
    log: Coded,
    parts: Sequence[Part],
    penalty: float,
    individual: bool = False,
    raw: bool = False,
    staying: bool = False,
) -> Linear:
    """Fit the sum of `parts` to the rows of a log.

    `individual` gives learners an intercept each, and `staying` lets its mean rise with ln rows of the
    learner; `raw` enters counts as they are, else ln(1 + count).  Deterministic.  Raises `InputError` where
    the answers are all right or all wrong.
    """
    asked = np.flatnonzero(log.correct >= 0)
    require_both(log.correct)
    parts = [*parts, *(Part("hidden", (), p.own) for p in parts if p.kind == "item" and log.hidden.any())]
    of = [Histories.of(log, part.kind) for part in parts]
    blocks = [_block(e, part, log.rows, raw) for e, part in zip(of, parts, strict=True)]
    x = sparse.hstack(blocks, format="csr")[asked]
    penalties = [_penalties(e, part, penalty) for e, part in zip(of, parts, strict=True)]
    y = log.correct[asked].astype(np.float64)
    length = np.log(np.diff(log.start))
    differ = staying and length.std() > 0.0
    if differ:
        long = (length - length.mean())[log.learner[asked], None]
        x, penalties = sparse.hstack([x, long], format="csr"), [*penalties, np.zeros(1)]
    found = solve(x, y, _starts(log.learner[asked]), np.concatenate(penalties), individual)
    troubles = _troubles(x, of, parts, found, individual)
    if staying and not differ:
        troubles.append("staying: all learners have as many rows, which tells nothing of who stays")
    stays = Selection(float(found.weights[-1]), float(length.mean()), float(length.std()))
    return Linear(
        parts=tuple(_centred(_split(found.weights, of, parts), log, asked)),
        raw=raw,
        spread=float(np.hypot(found.spread, stays.slope * stays.sd)) if differ else found.spread,
        troubles=tuple(troubles),
        selection=stays if differ else NONE,
        pooled=tuple(name for name in log.items if name in log.pooled),
    )


def _widths(of: Histories, part: Part) -> tuple[int, int]:
    """The numbers of shared and of own weights of a part."""
    return len(part.shared), len(part.own) * len(of.names)


def _penalties(of: Histories, part: Part, penalty: float) -> Floats:
    """The penalty of each of a part's weights."""
    shared = [penalty * (name in part.held) for name in part.shared]
    return np.append(shared, np.full(_widths(of, part)[1], penalty))


def _block(of: Histories, part: Part, rows: int, raw: bool) -> sparse.csr_matrix:
    """The features of one part `[rows, weights]`: the shared ones, then name by name its own."""
    each = values(of, part.columns, raw)
    place = {name: at for at, name in enumerate(part.columns)}
    shared = [np.bincount(of.row, each[:, place[name]], minlength=rows) for name in part.shared]
    own = each[:, [place[name] for name in part.own]]
    column = of.code[:, None] * len(part.own) + np.arange(len(part.own))
    row = np.broadcast_to(of.row[:, None], own.shape)
    used = own != 0.0
    shape = (rows, len(part.own) * len(of.names))
    deviations = sparse.csr_matrix((own[used], (row[used], column[used])), shape=shape)
    together = np.stack(shared, axis=1) if shared else np.zeros((rows, 0))
    return sparse.csr_matrix(sparse.hstack([sparse.csr_matrix(together), deviations]))


def _split(found: Floats, of: Sequence[Histories], parts: Sequence[Part]) -> list[Weights]:
    """The flat weights, part by part."""
    out, at = [], 0
    for e, part in zip(of, parts, strict=True):
        n_shared, n_own = _widths(e, part)
        shared, own = np.zeros(len(part.columns)), np.zeros((len(e.names), len(part.columns)))
        shared[[part.columns.index(name) for name in part.shared]] = found[at : at + n_shared]
        deviation = found[at + n_shared : at + n_shared + n_own].reshape(len(e.names), len(part.own))
        own[:, [part.columns.index(name) for name in part.own]] = deviation
        out.append(Weights(part, e.names, shared, own))
        at += n_shared + n_own
    return out


def _centred(parts: list[Weights], log: Coded, asked: Ints) -> list[Weights]:
    """The same sums, with each pooled item's weights at the mean of what it hides, over its answers."""
    if parts[-1].part.kind != "hidden":
        return parts
    (at,) = [k for k, weights in enumerate(parts) if weights.part.kind == "item"]
    item, hidden = parts[at], parts[-1]
    code = log.finest[0]
    pool = np.zeros(len(hidden.names), np.int64)
    pool[code[log.hidden] - len(log.items)] = log.item[log.hidden]
    answers = np.bincount(code[asked], minlength=len(log.items) + len(pool))[len(log.items) :]
    total = np.bincount(pool, answers, minlength=len(log.items))
    shift = np.zeros(item.own.shape)
    for column in item.part.own:
        mine, theirs = (weights.part.columns.index(column) for weights in (item, hidden))
        summed = np.bincount(pool, answers * hidden.own[:, theirs], minlength=len(log.items))
        shift[:, mine] = np.divide(summed, total, out=np.zeros(len(total)), where=total > 0)
        hidden.own[:, theirs] -= shift[pool, mine]
    item.own[:] += shift
    return parts


def _starts(learner: Ints) -> Ints:
    """The place where each learner's rows begin, and where the last one's end, `[learners + 1]`."""
    return np.append(np.flatnonzero(np.diff(learner, prepend=-1)), len(learner)).astype(np.int64)


def _troubles(
    x: sparse.csr_matrix, of: Sequence[Histories], parts: Sequence[Part], found: Solution, individual: bool
) -> list[str]:
    """One line for each thing that the log did not tell."""
    lines = [] if found.converged else ["the climb did not converge"]
    if individual and found.spread == 0.0:
        lines.append("spread: at its bound 0, learners cannot be told apart")
    of, parts = zip(
        *((e, part) for e, part in zip(of, parts, strict=True) if part.kind != "hidden"), strict=True
    )
    with_level = [part.kind for part in parts if "easiness" in part.own]
    if len(with_level) > 1:
        kinds = " and ".join(with_level)
        lines.append(f"easiness of {kinds}: only the sum is identified, the penalty divides it")
    for e, part in zip(of, parts, strict=True):
        if part.own:
            lines += _one_sided(e, part) + _never_again(e, part)
    return lines + _repeated(x, of, parts)


def _one_sided(of: Histories, part: Part) -> list[str]:
    right = np.bincount(of.code, of.correct == 1, minlength=len(of.names))
    wrong = np.bincount(of.code, of.correct == 0, minlength=len(of.names))
    why = "answers all right or all wrong (separated: the penalty alone holds the estimate)"
    return _listed(part.kind, of.names, (right == 0) | (wrong == 0), why)


def _never_again(of: Histories, part: Part) -> list[str]:
    """Names that no learner met twice: their own slopes are not identified."""
    if part.own == ("easiness",):
        return []
    again = np.bincount(of.code, (of.place > 0) & (of.correct >= 0), minlength=len(of.names))
    return _listed(
        part.kind, of.names, again == 0, "never asked twice of a learner: slopes are the shared ones"
    )


def _repeated(x: sparse.csr_matrix, of: Sequence[Histories], parts: Sequence[Part]) -> list[str]:
    """Features that are 0 throughout or copies of another, where only the sum is identified."""
    columns, lines, at = x.tocsc(), [], 0
    for e, part in zip(of, parts, strict=True):
        n_shared, n_own = _widths(e, part)
        lines += _features_alike(columns, at, part) + _names_alike(columns, at + n_shared, e, part)
        at += n_shared + n_own
    return lines


def _features_alike(columns: sparse.csc_matrix, at: int, part: Part) -> list[str]:
    lines: list[str] = []
    first: dict[bytes, str] = {}
    for c, name in enumerate(part.shared):
        content = _content(columns, at + c, 1)
        twin = first.setdefault(content, name)
        if not content:
            lines.append(f"{name} of {part.kind}: 0 in every row, so its weight is 0")
        elif twin != name:
            lines.append(f"{twin} and {name} of {part.kind}: the same in every row (only the sum)")
    return lines


def _names_alike(columns: sparse.csc_matrix, at: int, of: Histories, part: Part) -> list[str]:
    first: dict[bytes, int] = {}
    copies = np.zeros(len(of.names), bool)
    for k in range(len(of.names) if part.own else 0):
        content = _content(columns, at + k * len(part.own), len(part.own))
        copies[k] = content != b"" and first.setdefault(content, k) != k
    return _listed(part.kind, of.names, copies, "always together with another (collinear: only the sum)")


def _content(columns: sparse.csc_matrix, at: int, n: int) -> bytes:
    """The content of `n` columns from `at` on; empty where they hold nothing."""
    low, high = columns.indptr[at], columns.indptr[at + n]
    return bytes(columns.indices[low:high].tobytes() + columns.data[low:high].tobytes())


def _listed(kind: Kind, names: Sequence[str], flags: np.ndarray, why: str) -> list[str]:
    hit = [name for name, flag in zip(names, flags, strict=True) if flag]
    shown = ", ".join(hit[:12]) + (", ..." if len(hit) > 12 else "")
    return [f"{why}: {len(hit)} of {len(names)} {kind}s ({shown})"] if hit else []
