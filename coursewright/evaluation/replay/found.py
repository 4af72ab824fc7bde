"""The findings of a replay: agreement beside that of random choice, beliefs over time, and their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from coursewright.data.log import LearnerLog
from coursewright.errors import unknown, whole
from coursewright.evaluation.replay.responses import Responses, rare_items, responses_of
from coursewright.evaluation.replay.walk import Changes, Tutor, Walk, kinds_of, walk
from coursewright.evaluation.statistics import Estimate, Resamples, from_draws, unknown_because
from coursewright.files import write_atomically
from coursewright.simulators.arrays import Bools, Floats, Ints

MOST_SHOWN = 60  # learners on a page
OTHERS = "others"
FEW = "fewer than two learners: there is nothing to resample"


@dataclass(frozen=True)
class Settings:
    """The settings of a replay.

    Attributes
    ----------
    goal : the skills that the learners are to know; None: all of the course.
    shown : the number of learners that are drawn.
    ids : True where tables and page show the learners' own ids.
    seed : of the bootstrap, and of the learners' numbers.
    """

    goal: Sequence[str] | None = None
    shown: int = 12
    ids: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        whole("shown", self.shown, 0, MOST_SHOWN)


@dataclass(frozen=True, eq=False)
class Replay:
    """A log's learners, and what a tutor made of them.

    Attributes
    ----------
    names : `[learners]`, numbers in place of ids unless these were asked for.
    hidden : True for items `[items]` that too few learners met to be named.
    """

    tutor: Tutor
    given: Responses
    walk: Walk
    settings: Settings
    min_group: int
    names: tuple[str, ...]
    hidden: Bools

    @property
    def skills(self) -> Sequence[str]:
        """The skills of the course."""
        return self.tutor.skills

    @cached_property
    def needs(self) -> Bools:
        """True where an item `[items, skills]` needs a skill."""
        place = {name: k for k, name in enumerate(self.skills)}
        needs = np.zeros((len(self.tutor.items), len(self.skills)), bool)
        for at, item in enumerate(self.tutor.words["items"]):
            needs[at, [place[name] for name in item["skills"]]] = True
        return needs

    @cached_property
    def choices(self) -> pd.DataFrame:
        """The figures of each response at which the tutor had something to choose, one row each."""
        walk, kind = self.walk, kinds_of(self.tutor.words)
        chose = walk.chosen >= 0
        same = walk.chosen == self.given.item
        return pd.DataFrame(
            {
                "learner": self.given.learner,
                "item": self.given.item,
                "same_item": same.astype(float),
                "random_item": walk.open / np.maximum(walk.among, 1),
                "same_skills": (kind[walk.chosen] == kind[self.given.item]).astype(float),
                "random_skills": walk.alike / np.maximum(walk.among, 1),
            }
        )[chose]

    def agreement(self, name: str, less: str = "") -> Estimate:
        """The mean of a column of `choices` (minus another), its interval by resampled learners."""
        rows = self.choices
        values = rows[name] - rows[less] if less else rows[name]
        n = self.given.n_learners
        if not len(rows):
            return unknown_because("the tutor had nothing to choose", n)
        if n < 2:
            return Estimate(float(values.mean()), np.nan, np.nan, "this policy", n, FEW)
        sums = np.bincount(rows["learner"], values, minlength=n)
        sizes = np.bincount(rows["learner"], minlength=n).astype(float)
        drawn = Resamples(n, self.settings.seed).means(np.stack([sums, sizes], axis=1))
        drawn = drawn[drawn[:, 1] > 0]
        return from_draws(float(values.mean()), drawn[:, 0] / drawn[:, 1], n)

    @cached_property
    def by_skill(self) -> pd.DataFrame:
        """One row a skill that enough learners met: who, how much, agreement, and belief at first and last.

        Rarer skills are pooled as `others`; where these are still too few, the next rarest joins them, so
        that no small group comes out by subtraction.
        """
        met = self.met
        some = np.flatnonzero(met.any(axis=0))
        order = some[np.argsort(met[:, some].sum(axis=0), kind="stable")].tolist()
        pool = [k for k in order if met[:, k].sum() < self.min_group]
        rest = [k for k in order if met[:, k].sum() >= self.min_group]
        while pool and rest and met[:, pool].any(axis=1).sum() < self.min_group:
            pool.append(rest.pop(0))
        groups: dict[str, list[int]] = {self.skills[k]: [k] for k in sorted(rest)}
        if pool and met[:, pool].any(axis=1).sum() >= self.min_group:
            groups[f"{OTHERS} ({len(pool)})"] = pool
        return pd.DataFrame([self._of(name, skills) for name, skills in groups.items()])

    @cached_property
    def met(self) -> Bools:
        """True where a learner `[learners, skills]` met a skill."""
        met = np.zeros((self.given.n_learners, len(self.skills)), bool)
        np.logical_or.at(met, self.given.learner, self.needs[self.given.item])
        return met

    def _of(self, name: str, skills: list[int]) -> dict[str, Any]:
        mine = np.any(self.needs[self.given.item][:, skills], axis=1)
        rows = self.choices[mine[self.choices.index]]
        asked = mine & (self.given.correct >= 0)
        told = {
            "skill": name,
            "learners": int(self.met[:, skills].any(axis=1).sum()),
            "responses": int(mine.sum()),
            "right": float(self.given.correct[asked].mean()) if asked.any() else np.nan,
        }
        told |= {column: float(rows[column].mean()) for column in ("same_skills", "random_skills")}
        if self.walk.changes is not None:
            first, last = self.first_and_last
            for when, beliefs in (("first", first), ("last", last)):
                told[when] = float(beliefs[:, skills][self.met[:, skills]].mean())
        return told

    @cached_property
    def first_and_last(self) -> tuple[Floats, Floats]:
        """Beliefs `[learners, skills]` before the first response and after the last."""
        changes = self.walk.changes
        assert changes is not None
        first = np.zeros((self.given.n_learners, len(self.skills)))
        last = first.copy()
        last[changes.learner, changes.skill] = changes.belief  # in order: the latest stays
        begun = changes.after == 0
        first[changes.learner[begun], changes.skill[begun]] = changes.belief[begun]
        return first, last

    def path(self, learner: int) -> Floats:
        """Beliefs `[responses + 1, skills]` of a learner: before the first response, and after each."""
        changes = self.walk.changes
        assert changes is not None
        low, high = np.searchsorted(changes.learner, [learner, learner + 1])
        path = np.full((self.given.lengths[learner] + 1, len(self.skills)), np.nan)
        path[changes.after[low:high], changes.skill[low:high]] = changes.belief[low:high]
        return pd.DataFrame(path).ffill().to_numpy()

    def responses_table(self) -> pd.DataFrame:
        """One row a response: what was given and answered, what the tutor would have chosen, and its view."""
        given, walk = self.given, self.walk
        items = np.array([*self.tutor.items, ""], object)  # the last: none was chosen
        first = np.cumsum(given.lengths) - given.lengths
        kind = kinds_of(self.tutor.words)
        chose = walk.chosen >= 0
        return pd.DataFrame(
            {
                "learner": np.array(self.names, object)[given.learner],
                "response": np.arange(len(given.item)) - first[given.learner] + 1,
                "day": given.day,
                "item": np.where(self.hidden[given.item], OTHERS, items[given.item]),
                "correct": given.correct,
                "chosen": items[walk.chosen],
                "same_item": walk.chosen == given.item,
                "same_skills": chose & (kind[walk.chosen] == kind[given.item]),
                "allowed": walk.open,
                "among": walk.among,
                "alike": walk.alike,
                "chance": walk.chance,
            }
        )

    def mastery_table(self) -> pd.DataFrame | None:
        """One row for each change of a belief; None where the tutor has none.

        Skills that some learners met, but too few to be named, are left out.
        """
        changes = self.walk.changes
        if changes is None:
            return None
        met = self.met.sum(axis=0)
        named = ~((met > 0) & (met < self.min_group))[changes.skill]
        changes = Changes(*(part[named] for part in changes))
        lengths = self.given.lengths
        first = np.cumsum(lengths) - lengths
        row = first[changes.learner] + np.maximum(changes.after - 1, 0)
        return pd.DataFrame(
            {
                "learner": np.array(self.names, object)[changes.learner],
                "after": changes.after,
                "day": self.given.day[row],
                "skill": np.array(self.skills, object)[changes.skill],
                "belief": changes.belief,
            }
        )

    def write(self, folder: Path, kind: Literal["parquet", "csv"]) -> dict[str, Path]:
        """Write the tables into `folder`, for their owner's eyes alone, and say where each is."""
        places = {}
        tables: Mapping[str, pd.DataFrame | None] = {
            "responses": self.responses_table(),
            "mastery": self.mastery_table(),
            "skills": self.by_skill,
        }
        for name, table in tables.items():
            if table is not None:
                places[name] = folder / f"{name}.{kind}"
                write_atomically(places[name], partial(_write, table, kind))
        return places


def _write(table: pd.DataFrame, kind: str, part: Path) -> None:
    part.touch(mode=0o600)  # learners' rows
    if kind == "csv":
        table.to_csv(part, index=False, lineterminator="\n")
    else:
        table.to_parquet(part, index=False)


def replay(log: LearnerLog, tutor: Tutor, settings: Settings) -> Replay:
    """Lead the learners of `log` through the memory of `tutor`.

    Raises `InputError` where the log and the course share no item, where too few learners are left, for a
    goal that names no skill, and for a tutor that answers with another tutor's state.
    """
    skills = list(tutor.skills)
    for name in settings.goal or ():
        if name not in skills:
            raise unknown("settings.goal", name, skills)
    goal = np.array([settings.goal is None or name in settings.goal for name in skills])
    given = responses_of(log, tutor.items)
    hidden = rare_items(given, len(tutor.items), log.min_group)
    names = given.ids if settings.ids else numbers(given.n_learners, settings.seed)
    return Replay(tutor, given, walk(tutor, given, goal), settings, log.min_group, names, hidden)


def numbers(learners: int, seed: int) -> tuple[str, ...]:
    """Numbers in place of ids, in an order that does not follow theirs."""
    order: Ints = np.random.default_rng(seed).permutation(learners) + 1
    width = len(str(learners))
    return tuple(f"{number:0{width}d}" for number in order)
