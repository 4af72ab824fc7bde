"""Small groups stay unseen: too few learners met an item or a skill for it to be named, so others join it.

Whatever is fitted to, predicted from or drawn of a log goes through `grouped` first.  Rare skills become one
skill, "others (n)"; the rare items of a skill become one item, "others of SKILL (n)", n of them.  A pool that
still has too few learners is left out with its rows, and counted.  A model may tell the items of a pool apart
(`Coded.exact`), by numbers: their names are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from coursewright.errors import InputError, reject
from coursewright.fitting.coded import Coded
from coursewright.simulators.arrays import Bools, Ints
from coursewright.simulators.lists import Lists, pack, unpack

OTHERS = "others"


@dataclass(frozen=True, eq=False)
class Grouped:
    """A log in which everything that has a name was met by `min_group` learners, and what became of the rest.

    skills, items : how many are pooled.
    lost, rows : how many skills and rows are left out, since even their pool would be too small.
    """

    log: Coded
    min_group: int
    skills: int = 0
    items: int = 0
    lost: int = 0
    rows: int = 0

    @property
    def words(self) -> str:
        """A sentence for people, without a name in it."""
        if self.min_group == 1:
            return (
                "min_group=1: everything is named, whoever met it; keep what is made of this log to yourself"
            )
        few = f"fewer than {self.min_group} learners"
        parts = []
        if self.skills:
            parts.append(f"{_of(self.skills, 'skill')} met by {few} each became one")
        if self.items:
            parts.append(f"{_of(self.items, 'item')} met by {few} each became {len(self.log.pooled):,}")
        if self.lost:
            parts.append(f"{_of(self.lost, 'skill')} left out, which {few} met even together")
        if self.rows:
            parts.append(f"{_of(self.rows, 'row')} left out, of what {few} met even together")
        return "; ".join(parts) or f"no item and no skill was met by {few}"


def grouped(log: Coded, min_group: int) -> Grouped:
    """Pool the items and skills of `log` that fewer than `min_group` learners met; 1 names everything.

    Raises `InputError` for `min_group` < 1, and where no `min_group` learners are left of the log.
    """
    if min_group < 1:
        raise reject("min_group", min_group, "a whole number >= 1")
    if min_group == 1:
        return Grouped(replace(log, min_group=1), 1)
    all_rows, all_skills = log.rows, len(log.skills)
    while True:
        if len(log.learners) < min_group:
            raise _too_few(len(log.learners), min_group)
        pooled, skills, lost = _pooled_skills(log, min_group)
        if not lost.any():
            pooled, items, lost = _pooled_items(pooled, min_group)
        if not lost.any():
            gone = all_skills - len(pooled.skills) - skills + (skills > 0)
            done = replace(pooled, min_group=min_group)
            return Grouped(done, min_group, skills, items, gone, all_rows - log.rows)
        log = _without(log, lost, min_group)


def _too_few(learners: int, min_group: int) -> InputError:
    whose = "if these are your own answers, or of people who agreed, say min_group=1"
    return reject("min_group", min_group, f"at most {learners}, the learners of the log; {whose}")


def _of(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _without(log: Coded, lost: Bools, min_group: int) -> Coded:
    if lost.all():
        raise _too_few(0, min_group)
    return log.take(np.flatnonzero(~lost))


def distinct(learner: Ints, code: Ints, n: int) -> Ints:
    """The number of distinct learners with each of the `n` codes."""
    pairs = np.unique(learner.astype(np.int64) * n + code)
    return np.bincount(pairs % n, minlength=n)


def _pooled_skills(log: Coded, min_group: int) -> tuple[Coded, int, Bools]:
    """One skill in the place of the rare ones; how many, and the rows that would be left without a skill."""
    learner, n = log.learner[log.row_of_need], len(log.skills)
    rare = distinct(learner, log.needs.values, n) < min_group
    none = np.zeros(log.rows, bool)
    if not rare.any():
        return log, 0, none
    inside = rare[log.needs.values]
    enough = len(np.unique(learner[inside])) >= min_group
    kept = np.flatnonzero(~rare)
    place = np.full(n, len(kept) if enough else -1)
    place[kept] = np.arange(len(kept))
    needs = [
        list(dict.fromkeys(k for k in row if k >= 0))
        for row in unpack(Lists(log.needs.start, place[log.needs.values]))
    ]
    lost = np.array([not row for row in needs])
    if lost.any():
        return log, 0, lost
    names = [log.skills[k] for k in kept]
    pool = [_free(f"{OTHERS} ({rare.sum()})", names)] if enough else []
    whole = replace(log, skills=(*names, *pool), needs=pack(needs))
    return whole, int(rare.sum()) if enough else 0, none


def _pooled_items(log: Coded, min_group: int) -> tuple[Coded, int, Bools]:
    """Pools in the place of the rare items; how many, and the rows of those that found no pool."""
    n = len(log.items)
    rare = np.flatnonzero(distinct(log.learner, log.item, n) < min_group)
    if not len(rare):
        return log, 0, np.zeros(log.rows, bool)
    pool_of, keys = _pools(log, rare, min_group)
    mine = pool_of[log.item]
    lost = np.isin(log.item, rare) & (mine < 0)
    if lost.any():
        return log, 0, lost
    kept = np.flatnonzero(pool_of < 0)
    code = pool_of + len(kept)
    code[kept] = np.arange(len(kept))
    names = [log.items[k] for k in kept]
    pooled: dict[str, tuple[str, ...]] = {}
    for key, members in zip(keys, np.bincount(pool_of[rare]).tolist(), strict=True):
        skills = tuple(log.skills[k] for k in key)
        name = _free(_called(skills, members), [*names, *pooled])
        pooled[name] = skills
    whole = replace(log, items=(*names, *pooled), item=code[log.item], pooled=pooled)
    return whole, len(rare), np.zeros(log.rows, bool)


def _pools(log: Coded, rare: Ints, min_group: int) -> tuple[Ints, list[tuple[int, ...]]]:
    """The pool of each item `[items]` (-1: none), and the skills that each pool is called by.

    Rare items with the same skills make a pool; where these are too few, an item joins those of whichever of
    its skills most learners met.
    """
    met = distinct(log.learner[log.row_of_need], log.needs.values, len(log.skills))
    found: dict[int, set[int]] = {item: set() for item in rare.tolist()}
    inside = np.isin(log.item[log.row_of_need], rare)
    pairs = np.unique(log.item[log.row_of_need][inside] * len(met) + log.needs.values[inside])
    for item, skill in zip(*(part.tolist() for part in np.divmod(pairs, len(met))), strict=True):
        found[item].add(skill)
    sets = {item: tuple(sorted(skills)) for item, skills in found.items()}
    small = _small(log, sets, min_group)
    most = {skills: (max(skills, key=lambda k: (met[k], -k)),) for skills in small}
    sets = {item: most.get(skills, skills) for item, skills in sets.items()}
    small = _small(log, sets, min_group)
    keys = sorted({skills for skills in sets.values() if skills not in small})
    place = {skills: at for at, skills in enumerate(keys)}
    pool = np.full(len(log.items), -1)
    for item, skills in sets.items():
        pool[item] = place.get(skills, -1)
    return pool, keys


def _small(log: Coded, sets: dict[int, tuple[int, ...]], min_group: int) -> set[tuple[int, ...]]:
    """The sets of skills whose items were met by fewer than `min_group` learners in all."""
    keys = sorted(set(sets.values()))
    place = {skills: at for at, skills in enumerate(keys)}
    code = np.full(len(log.items), len(keys))
    for item, skills in sets.items():
        code[item] = place[skills]
    met = distinct(log.learner, code[log.item], len(keys) + 1)
    return {skills for skills, at in place.items() if met[at] < min_group}


def _called(skills: Sequence[str], members: int) -> str:
    """A pool's name; that of a pooled skill is not said twice."""
    if len(skills) == 1 and skills[0].startswith(f"{OTHERS} ("):
        return f"{OTHERS} ({members})"
    return f"{OTHERS} of {' + '.join(skills)} ({members})"


def _free(name: str, taken: Sequence[str]) -> str:
    """A name that nobody has, also where the log itself holds pooled ones."""
    while name in taken:
        name += "*"
    return name
