"""A tuned agent beside others on the same unseen learners, with everybody's trials, steps and seconds."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.table import Table

from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.statistics import FEWEST_SEEDS, over_learners, over_seeds
from coursewright.evaluation.tables import plain_table
from coursewright.evaluation.tuning.jobs import Trained
from coursewright.evaluation.tuning.search import Trial
from coursewright.simulators.arrays import Floats


class Effort(NamedTuple):
    """The trials of an agent's settings (none where there is nothing to tune), and its trainings by seed."""

    trials: Sequence[Trial]
    again: Mapping[int, Trained]

    @property
    def returned(self) -> Floats:
        """The return of each unseen learner under each training, `[seeds, learners]`."""
        return np.array([end.returned for end in self.again.values()])

    @property
    def tried(self) -> int:
        """Settings that were tried: by the search, or by a rule that tunes itself."""
        return len(self.trials) or max(end.tried for end in self.again.values())

    @property
    def stages(self) -> dict[str, Sequence[Trial | Trained]]:
        """The parts of the work."""
        return {"trials": self.trials, "fresh seeds": list(self.again.values())}

    @property
    def own_search(self) -> dict[str, float]:
        """The trials of a rule that tunes itself; nothing of other agents.

        They are trials as the search's are: settings that are made and scored on tuning learners.
        """
        ends = [end for end in self.again.values() if end.tried]
        return {
            "trainings": sum(end.tried for end in ends),
            "training_steps": 0,
            "scoring_steps": sum(end.tried_steps for end in ends),
            "processor_seconds": sum(end.tried_seconds for end in ends),
        }


def costs(efforts: Mapping[str, Effort]) -> pd.DataFrame:
    """Trainings, environment steps and processor seconds of every agent's trials and fresh seeds.

    `trainings` are agents made with some settings and scored: trained ones, and rules, whose `training_steps`
    are 0.  `scoring_steps` are those of tuning learners (trials) and of unseen ones (fresh seeds).
    """
    rows: list[dict[str, Any]] = []
    for name, effort in efforts.items():
        if not effort.trials and effort.own_search["trainings"]:
            rows.append({"agent": name, "stage": "trials", **effort.own_search})
        rows += [
            {
                "agent": name,
                "stage": stage,
                "trainings": len(done),
                "training_steps": sum(one.training_steps for one in done),
                "scoring_steps": sum(one.scoring_steps for one in done),
                "processor_seconds": sum(one.seconds for one in done),
            }
            for stage, done in effort.stages.items()
            if done
        ]
    return pd.DataFrame(rows)


def standings(efforts: Mapping[str, Effort]) -> pd.DataFrame:
    """A row an agent: its mean return, and how far the first agent is ahead of it, paired.

    `low` and `high` are for these policies (over learners), `seeds_low` and `seeds_high` for the first
    agent's training recipe, where it was trained often enough for that.
    """
    first = next(iter(efforts.values())).returned
    rows: list[dict[str, Any]] = []
    for name, effort in efforts.items():
        theirs = effort.returned
        row: dict[str, Any] = {"agent": name, "seeds": len(theirs), "tried": effort.tried}
        row |= _figures("return", theirs)
        if rows:  # the first one has nobody to be ahead of
            row |= _figures("ahead", first - theirs.mean(axis=0))
        rows.append(row)
    return pd.DataFrame(rows)


def _figures(name: str, values: Floats) -> dict[str, float]:
    """The mean of `values [seeds, learners]` with both of its intervals."""
    policy, found = over_learners(values.mean(axis=0)), values.mean(axis=1)
    row = {name: policy.value, f"{name}_low": policy.low, f"{name}_high": policy.high}
    if len(found) >= FEWEST_SEEDS:
        recipe = over_seeds(found)
        row |= {f"{name}_seeds_low": recipe.low, f"{name}_seeds_high": recipe.high}
    return row


def tables(found: pd.DataFrame, spent: pd.DataFrame, title: str) -> list[Table]:
    """Standings and costs as a person reads them."""
    first = found["agent"].iloc[0]
    shown = plain_table(title, ["agent", "mean [95 %]", f"{first} − it", "over seeds"])
    for row in (dict(zip(found.columns, cells, strict=True)) for cells in found.itertuples(index=False)):
        mean = f"{number(row['return'])} {brief(*_ends(row, 'return'))}"
        ahead = f"{number(row.get('ahead', np.nan), signed=True)} {brief(*_ends(row, 'ahead'), signed=True)}"
        over_seeds_ = brief(*_ends(row, "ahead_seeds"), signed=True)
        shown.add_row(row["agent"], mean, "" if row["agent"] == first else ahead, over_seeds_)
    headings = ["settings tried", "trainings", "training steps", "scoring steps", "seconds"]
    cost = plain_table("", ["agent", *headings])
    whole = spent.groupby("agent", sort=False).sum(numeric_only=True)
    for name, tried in zip(found["agent"], found["tried"], strict=True):
        done = whole.loc[name]
        counts = [tried, done["trainings"], done["training_steps"], done["scoring_steps"]]
        cost.add_row(name, *(f"{count:,.0f}" for count in counts), f"{done['processor_seconds']:.0f}")
    return [shown, cost]


def _ends(row: Mapping[str, Any], name: str) -> tuple[float, float]:
    return row.get(f"{name}_low", np.nan), row.get(f"{name}_high", np.nan)
