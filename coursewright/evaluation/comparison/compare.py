"""The comparison: every policy teaches the same held-out learners with the same luck.

Where a simulator was fitted to logs, everything is done twice: with the point estimates ("point"), and
with a bootstrap draw of the parameters per learner ("bootstrap"), the policies unchanged.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from coursewright.agents.planning import cost_of
from coursewright.agents.rule import RulePolicy, caveat_of
from coursewright.envs.policy import Oracle, Policy
from coursewright.envs.task import Task
from coursewright.errors import unknown
from coursewright.evaluation.bounds import bound
from coursewright.evaluation.comparison.curves import gather
from coursewright.evaluation.comparison.found import BOOTSTRAP, POINT, Comparison
from coursewright.evaluation.comparison.gathered import Gathered
from coursewright.evaluation.comparison.jobs import (
    Entry,
    Job,
    Progress,
    Result,
    Seeded,
    entries,
    run_all,
    walk,
)
from coursewright.evaluation.comparison.scores import ORACLE, RULE, TRAINED
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.comparison.words import contender
from coursewright.simulators.capabilities import Resampled

log = logging.getLogger(__name__)


def compare(
    task: Task,
    policies: Mapping[str, Seeded],
    settings: Comparing | None = None,
    name: str = "task",
    simulator: str | None = None,
    trained: Sequence[str] = (),
    progress: Progress | None = None,
) -> Comparison:
    """Let every policy teach the same learners of the evaluation split.

    Parameters
    ----------
    policies : name -> one policy, or several of one agent: a list, or a mapping from agent seed.
    name, simulator : names in tables and figures; the simulator's is by default that of its class.
    trained : names of trained policies; the verdict of the report is about these.
    progress : called with the learners taught so far and their total, over all policies.

    Raises
    ------
    InputError : an unknown name, or a policy that reads latent state without the word oracle in its name.
    """
    settings = settings or Comparing()
    given = [entry for label, seeded in policies.items() for entry in entries(label, seeded)]
    named = {"reference": [settings.reference], "baseline": [settings.baseline], "trained": trained}
    for field, labels in named.items():
        for label in labels:
            if label not in policies:
                raise unknown(field, label, tuple(policies))
    taught = conditions(task)
    bounds = {condition: bound(variant) for condition, variant in taught.items()}
    jobs = [Job(*condition, entry) for condition in taught.items() for entry in given]
    results = list(run_all(jobs, settings, progress))
    _tell_costs(jobs, results)
    gathered = Gathered(
        settings=settings,
        jobs=jobs,
        results=results,
        kinds={entry.name: _kind(entry, trained) for entry in given},
        tuned={entry.name: _setting(entry.policy) for entry in given},
        caveats={entry.name: caveat_of(entry.policy) for entry in given},
        bounds=bounds,
    )
    simulator = simulator or type(task.simulator).__name__.lower()
    keys = [(job.condition, job.entry.name) for job in jobs]
    found = Comparison(
        name=name,
        simulator=simulator,
        task=task,
        settings=settings,
        learners=gathered.learners(simulator),
        policies=gathered.policies(),
        rows=gathered.rows(),
        curves=gather(keys, [result.curve for result in gathered.results]),
        walks={},
        bounds=bounds,
    )
    pair = (contender(found), found.reference)
    learner = gathered.typical(*pair) if settings.example is None else settings.example
    return replace(found, walks={policy: walk(gathered.first(policy), learner) for policy in pair})


def _tell_costs(jobs: Sequence[Job], results: Sequence[Result]) -> None:
    """Print the cost of the policies that plan."""
    for job, result in zip(jobs, results, strict=True):
        line = cost_of(job.entry.name, job.entry.policy, result.decisions, result.seconds)
        if line:
            log.info("%s", line)


def conditions(task: Task) -> dict[str, Task]:
    """The task under each condition: as it is, and, for a fitted simulator, with bootstrap draws."""
    given = {POINT: task}
    drawn = task.simulator.resampled() if isinstance(task.simulator, Resampled) else None
    return given if drawn is None else given | {BOOTSTRAP: replace(task, simulator=drawn)}


def _setting(policy: Policy) -> str:
    """The setting that a rule was tuned to; "" for a policy that was not tuned."""
    tuned = policy.tuned if isinstance(policy, RulePolicy) else None
    return "" if tuned is None else tuned.setting


def _kind(entry: Entry, trained: Sequence[str]) -> str:
    if isinstance(entry.policy, Oracle):
        return ORACLE
    return TRAINED if entry.name in trained else RULE
