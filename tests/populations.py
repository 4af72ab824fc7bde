"""The table of docs/populations.md: random choice, round-robin, the tuned rule and the best oracle.

    python tests/populations.py --to outputs/populations     # every population, 500 learners
    python tests/populations.py --learners 100 irt tms       # two rows, of fewer learners

A row is a configured population with a task that suits it.  All four teach the same evaluation learners.
Differences are paired, with standard errors.  The order "holds" where no difference from random choice or
round-robin to the tuned rule, and from these three to the oracle, is more than three standard errors below 0.
With `--to` a finished row is kept as a file of that folder and not made again: so the table can be made in
parts, and be gone on with after it was stopped.  `--finished` prints the rows that are there.
"""

import argparse
import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import coursewright
from coursewright.agents.planners.oracle_best import OracleBest
from coursewright.agents.rules.baselines import RoundRobin, UniformRandom
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tuned_rule import TunedRule
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.evaluation.bounds import bound
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.statistics import over_learners
from coursewright.simulators.arrays import Floats
from recipes import task_of

LEARNERS = 500
TUNING = 50  # learners on whom the best oracle is found
CLEARLY = 3.0  # standard errors

RECALL = ("task=recall", "task.steps=100")
SUITS = {"memory": RECALL, "kss": ("task=kss",)}  # by the learners' module
MORE = {
    "das3h": ("task=recall", "task.steps=60", "task.days=1"),
    "dhp": (*RECALL, "task.days=0.1"),  # half-lives begin at one to five days
    "rich": ("experiment=rich",),
    "kss_v3": ("task=kss", "task.steps=15"),  # at 30 every rule comes to the end
    "strata": ("task=mastery", "+task.days=0.25"),  # some of them forget
    "tms": ("task=mastery", "task.steps=4"),  # two skills
}

POLICIES = ("random", "round-robin", "tuned rule", "oracle")
MASTERY = re.compile(rf"{TunedMastery.__name__}\(.*\)")
DEFAULT = re.compile(r", heads=\(\(.*?\)\)|, learners=\d+")  # long, and never set
Row = Mapping[str, Any]


def configured() -> dict[str, tuple[str, ...]]:
    """Every population that needs no folder of its user's, and the choices that make its task."""
    found = {}
    for file in sorted((Path(coursewright.__file__).parent / "configs" / "simulator").glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        if "???" in text:
            continue
        module = text.partition("coursewright.simulators.")[2].partition(".")[0]
        found[file.stem] = MORE.get(file.stem, SUITS.get(module, ("task=mastery",)))
    return found


def estimate(values: Floats) -> dict[str, float]:
    """Mean, its standard error, and the 95 % interval over learners."""
    told = over_learners(values)
    se = float(values.std(ddof=1) / np.sqrt(len(values)))
    return {"mean": told.value, "se": se, "low": told.low, "high": told.high}


def measured(population: str, choices: Sequence[str], learners: int, tuning: int) -> Row:
    """One row of the table, as numbers."""
    begun, task = time.process_time(), task_of([f"simulator={population}", *choices])
    rule, oracle = TunedRule()(task), OracleBest(tuning)(task)
    made = dict(zip(POLICIES, (UniformRandom()(task), RoundRobin()(task), rule, oracle), strict=True))
    returned = {name: rollout(task, policy, learners).returned for name, policy in made.items()}
    assert rule.tuned is not None
    assert oracle.policy.tuned is not None
    return {
        "population": population,
        "task": " ".join(word.removeprefix("task=") for word in choices),
        "learners": learners,
        "tuning": tuning,
        "rule": rule.tuned.setting,
        "chosen": oracle.policy.tuned.setting,
        "oracles": {trial.setting: trial.score for trial in oracle.policy.tuned.trials},
        "means": {name: estimate(values) for name, values in returned.items()},
        "ahead": {
            f"{better} - {worse}": estimate(returned[better] - returned[worse])
            for place, better in enumerate(POLICIES)
            for worse in POLICIES[:place]
        },
        "bound": bound_of(task),
        "seconds": time.process_time() - begun,
    }


def bound_of(task: Task) -> str:
    """The bound with its kind, or nothing."""
    told = bound(task)
    return f"{number(told.value)} ({told.kind})" if told.known else ""


def holds(row: Row) -> bool:
    """True where no policy is clearly above one that should be no worse."""
    better = [told for pair, told in row["ahead"].items() if not pair.startswith("round-robin")]
    return all(told["mean"] >= -CLEARLY * told["se"] for told in better)


def line(row: Row) -> str:
    """One line of the table."""

    def mean(name: str) -> str:
        told = row["means"][name]
        return f"{number(told['mean'])} {brief(told['low'], told['high'])}"

    def ahead(pair: str) -> str:
        told = row["ahead"][pair]
        return f"{number(told['mean'], signed=True)} ± {number(told['se'], digits=4)}"

    cells = [
        row["population"],
        row["task"],
        str(row["learners"]),
        *map(mean, POLICIES),
        *map(ahead, ("tuned rule - random", "tuned rule - round-robin", "oracle - tuned rule")),
        "yes" if holds(row) else "**no**",
        DEFAULT.sub("", MASTERY.sub("streak or threshold", row["rule"])),
        row["chosen"].removeprefix("oracle_"),
        row["bound"],
        f"{row['seconds']:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


COLUMNS = (
    "population",
    "task",
    "learners",
    *POLICIES,
    "tuned − random",
    "tuned − round-robin",
    "oracle − tuned",
    "holds",
    "the rule",
    "the oracle",
    "bound",
    "CPU s",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def kept(file: Path | None, learners: int | None) -> Row | None:
    """The row in a file, if it is of as many learners (None: of any number)."""
    if file is None or not file.is_file():
        return None
    row: Row = json.loads(file.read_text(encoding="utf-8"))
    return row if learners in (None, row["learners"]) else None


def main() -> None:
    """Print the rows as they come."""
    suited = configured()
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("populations", nargs="*", default=list(suited), help=", ".join(suited))
    asked.add_argument("--learners", type=int, default=LEARNERS, help="evaluation learners")
    asked.add_argument("--tuning", type=int, default=TUNING, help="tuning learners of the best oracle")
    asked.add_argument("--to", type=Path, help="the folder of finished rows")
    asked.add_argument("--finished", action="store_true", help="only the rows of the folder, of any learners")
    given = asked.parse_args()
    print(HEAD, flush=True)
    for population in given.populations:
        file = None if given.to is None else given.to / f"{population}.json"
        row = kept(file, None if given.finished else given.learners)
        if row is None and given.finished:
            continue
        if row is None:
            row = measured(population, suited[population], given.learners, given.tuning)
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
        print(line(row), flush=True)


if __name__ == "__main__":
    main()
