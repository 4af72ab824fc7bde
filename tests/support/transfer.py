"""Policies trained on the learners of one model and tested on those of others, all fitted to one log.

    export PYTHONPATH=.:tests/support
    python tests/support/transfer.py log=ednet log.path=FOLDER

The course has the twenty skills that most learners met, each as one item, so that every population has the
same items; a row of several skills counts for the first of them.  All tasks have the tutor that BKT finds in
the log.  A cell holds the mean return of three default trainings on 2,000 unseen learners, and the paired
difference to the tuned rule of the learners who are taught (95 % interval over learners).
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SILENT
from coursewright.agents.tutor import TaskRecipe
from coursewright.data.log import LearnerLog, learner_log
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.statistics import over_learners
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.coded import Coded
from coursewright.fitting.logistic.models import BestLrModel
from coursewright.fitting.logistic.practice import PracticeModel
from coursewright.fitting.model import LearnerModel

SKILLS = 20
SEEDS = (0, 1, 2)
LEARNERS = 2000
MODELS: Mapping[str, LearnerModel] = {
    "practice": PracticeModel(),
    "Best-LR, learners alike": BestLrModel(individual=False),
    "BKT": BktModel(),
}


def one_item_a_skill(log: LearnerLog, n_skills: int = SKILLS) -> LearnerLog:
    """The rows on the `n_skills` skills that most learners met, with the skill as the item."""
    rows = log.table.select(["learner", "skills", "time", "correct"]).to_pandas()
    met = rows.explode("skills").groupby("skills")["learner"].nunique()
    kept = set(met.sort_values(ascending=False, kind="stable").index[:n_skills])
    rows["item"] = [next((name for name in names if name in kept), None) for names in rows["skills"]]
    rows = rows[rows["item"].notna()]
    rows["skills"] = [[name] for name in rows["item"]]
    return learner_log(pa.Table.from_pandas(rows, preserve_index=False), log.source)


def tasks(log: LearnerLog, models: Mapping[str, LearnerModel] = MODELS) -> dict[str, Task]:
    """The same task with the learners of each model."""
    coded = Coded.of(log)
    tutor = BktModel().fit(coded).simulator().parameters
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        make = instantiate(compose("train", ["task=mastery"]).task)
    return {
        name: TaskRecipe(model.fit(coded).simulator(), make).with_tutor(tutor)
        for name, model in models.items()
    }


def returns(task: Task, policies: Sequence[Policy]) -> np.ndarray:
    """The mean return over policies of each unseen learner, `[learners]`."""
    return np.mean([rollout(task, policy, LEARNERS).returned for policy in policies], axis=0)


def table(taught: Mapping[str, Task], seeds: Sequence[int] = SEEDS) -> list[str]:
    """A line for each kind of policy, with a column for each kind of learners who are taught."""
    lines = [
        f"| trained on | {' | '.join(f'taught: {name}' for name in taught)} |",
        "|---" * (len(taught) + 1) + "|",
    ]
    random = [number(returns(task, [UniformRandom()(task)]).mean()) for task in taught.values()]
    rules = {name: returns(task, [TunedMastery()(task)]) for name, task in taught.items()}
    lines.append(f"| random choice | {' | '.join(random)} |")
    lines.append(f"| the tuned rule of the taught | {' | '.join(number(r.mean()) for r in rules.values())} |")
    for name, task in taught.items():
        policies = [Ppo(masked=True)(task, seed, SILENT) for seed in seeds]
        cells = []
        for other, theirs in taught.items():
            got = returns(theirs, policies)
            ahead = over_learners(got - rules[other])
            cells.append(
                f"{number(got.mean())}, {number(ahead.value, True)} {brief(ahead.low, ahead.high, True)}"
            )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main(options: Sequence[str]) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        log = instantiate(compose("fit", list(options)).log)()
    print("\n".join(table(tasks(one_item_a_skill(log)))))


if __name__ == "__main__":
    main(sys.argv[1:])
