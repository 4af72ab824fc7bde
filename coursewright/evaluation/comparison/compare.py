"""The comparison: every policy teaches the same held-out learners with the same luck.

Where a simulator was fitted to logs, everything is done twice: with the point estimates ("point"), and
with a bootstrap draw of the parameters per learner ("bootstrap"), the policies unchanged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from joblib import Parallel, delayed, parallel_config

from coursewright.envs.policy import Oracle, Policy
from coursewright.envs.rollout import CHUNK, Rollout, rollout
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown
from coursewright.evaluation.comparison.curves import StepMeans, gather, step_means
from coursewright.evaluation.comparison.summary import ORACLE, RULE, TRAINED, summarise
from coursewright.files import write_atomically
from coursewright.simulators.capabilities import Resampled, Stratified
from coursewright.simulators.luck import Split

POINT, BOOTSTRAP = "point", "bootstrap"
NO_STRATUM = ""  # of the learners of a population without strata
Seeded = Policy | Sequence[Policy] | Mapping[int, Policy]


class Entry(NamedTuple):
    """One policy of a comparison; `seed` is the agent's, 0 where there is none."""

    name: str
    seed: int
    policy: Policy


class Job(NamedTuple):
    """One policy teaching all learners under one condition."""

    condition: str
    task: Task
    entry: Entry


class Result(NamedTuple):
    """What a job leaves behind: the columns of the learner table, and its mean curve."""

    columns: dict[str, Any]
    curve: StepMeans


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    name, simulator : what the task and its learners are called in tables and figures.
    task : the task, with the simulator's own parameters.
    learners : one row per condition, policy, agent seed, simulator, learner and stratum (its name, or
        nothing where the population has none), with start,
        end and gain (mean latent mastery over the goal), return, steps, minutes, over_practice (steps)
        and refused (steps).
    summary : one row per condition and policy; see `summary.summarise`.
    curves : condition, policy, step, mean, low, high: mean cumulative return with pointwise intervals.
    reference, baseline : what differences and headroom are measured from.
    """

    name: str
    simulator: str
    task: Task
    learners: pd.DataFrame
    summary: pd.DataFrame
    curves: pd.DataFrame
    reference: str
    baseline: str

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that were run, "point" first."""
        return tuple(self.summary["condition"].unique())

    @property
    def strata(self) -> pd.DataFrame:
        """Means by condition, policy and stratum, beside how many rows they are of; empty without strata."""
        kept = self.learners[self.learners["stratum"] != NO_STRATUM]
        groups = kept.groupby(["condition", "policy", "stratum"], observed=True)
        means = groups[["start", "end", "gain", "return", "steps", "minutes"]].mean()
        return means.assign(rows=groups.size()).reset_index()

    def at(self, condition: str = POINT) -> pd.DataFrame:
        """The summary under one condition, indexed by policy."""
        return self.summary[self.summary["condition"] == condition].set_index("policy")

    def write(self, directory: str | Path) -> dict[str, Path]:
        """Write `learners.parquet`, `summary.csv` and `curves.csv`, each whole or not at all.

        A population with strata gets `strata.csv` as well.
        """
        folder = Path(directory)
        tables = {"summary.csv": self.summary, "curves.csv": self.curves}
        if len(self.strata):
            tables["strata.csv"] = self.strata
        files = {name: folder / name for name in ("learners.parquet", *tables)}
        write_atomically(files["learners.parquet"], partial(self.learners.to_parquet, index=False))
        for name, table in tables.items():
            write_atomically(files[name], partial(table.to_csv, index=False, lineterminator="\n"))
        return files


def compare(
    task: Task,
    policies: Mapping[str, Seeded],
    learners: int = 2000,
    reference: str = "tuned_mastery",
    baseline: str = "random",
    trained: Sequence[str] = (),
    name: str = "task",
    simulator: str | None = None,
    seed: int = 0,
    workers: int = 1,
    chunk: int = CHUNK,
    progress: Callable[[int, int], object] | None = None,
) -> Comparison:
    """Let every policy teach the evaluation learners 0, ..., `learners` - 1.

    Parameters
    ----------
    policies : name -> a policy, or the policies of one agent under several seeds (a list, or a mapping
        from agent seed): five or more of them are summarised as "this training recipe".
    reference, baseline : names of policies; differences are to the first, headroom starts at the second.
    trained : names of the policies that were trained; the verdict of the report is about these.
    name, simulator : what to call them; the simulator is by default called after its class.
    seed : of the bootstrap over learners.
    workers, chunk : how the work is divided; the result does not depend on them.
    progress : called with the learners taught so far and their total, over all policies.

    Raises
    ------
    InputError : an unknown name, too few learners, or a policy that reads latent state without the
        word oracle in its name.
    """
    if learners < 2:
        raise reject("learners", learners, "a whole number >= 2")
    if workers < 1:
        raise reject("workers", workers, "a whole number >= 1")
    entries = [entry for label, given in policies.items() for entry in _entries(label, given)]
    for field, label in (
        ("reference", reference),
        ("baseline", baseline),
        *(("trained", t) for t in trained),
    ):
        if label not in policies:
            raise unknown(field, label, tuple(policies))
    jobs = [Job(*c, entry) for c in conditions(task).items() for entry in entries]
    results = list(_run_all(jobs, learners, workers, chunk, progress))
    named = simulator or type(task.simulator).__name__.lower()
    table = _table(jobs, results, named, tuple(policies))
    kinds = {entry.name: _kind(entry, trained) for entry in entries}
    return Comparison(
        name=name,
        simulator=named,
        task=task,
        learners=table,
        summary=summarise(table, kinds, reference, baseline, seed),
        curves=gather([(job.condition, job.entry.name) for job in jobs], [r.curve for r in results]),
        reference=reference,
        baseline=baseline,
    )


def conditions(task: Task) -> dict[str, Task]:
    """The task under each condition: as it is, and, for a fitted simulator, with bootstrap draws."""
    given = {POINT: task}
    drawn = task.simulator.resampled() if isinstance(task.simulator, Resampled) else None
    return given if drawn is None else given | {BOOTSTRAP: replace(task, simulator=drawn)}


def _entries(name: str, given: Seeded) -> list[Entry]:
    if isinstance(given, Mapping):
        entries = [Entry(name, int(seed), policy) for seed, policy in given.items()]
    elif isinstance(given, Sequence):
        entries = [Entry(name, seed, policy) for seed, policy in enumerate(given)]
    else:
        entries = [Entry(name, 0, given)]
    if not entries:
        raise reject(f"policies[{name}]", given, "at least one policy")
    if ORACLE not in name and any(isinstance(entry.policy, Oracle) for entry in entries):
        raise reject(f"policies[{name}]", "reads latent state", "named with the word oracle")
    return entries


def _kind(entry: Entry, trained: Sequence[str]) -> str:
    if isinstance(entry.policy, Oracle):
        return ORACLE
    return TRAINED if entry.name in trained else RULE


def _run(job: Job, learners: int, chunk: int, progress: Callable[[int], object] | None = None) -> Result:
    run = rollout(job.task, job.entry.policy, learners, Split.EVALUATE, chunk=chunk, progress=progress)
    return Result(_columns(run, _strata(job.task)), step_means(run.curve))


def _run_all(
    jobs: Sequence[Job],
    learners: int,
    workers: int,
    chunk: int,
    progress: Callable[[int, int], object] | None,
) -> Iterator[Result]:
    report = progress or (lambda done, total: None)
    total = learners * len(jobs)
    if workers == 1:
        for place, job in enumerate(jobs):
            done = place * learners
            yield _run(job, learners, chunk, lambda mine, done=done: report(done + mine, total))  # type: ignore[misc]
        return
    # One thread each: processes that all want every core slow each other down several times.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        running = Parallel(n_jobs=workers, return_as="generator", max_nbytes=None)(
            delayed(_run)(job, learners, chunk) for job in jobs
        )
        for place, result in enumerate(running):
            report((place + 1) * learners, total)
            yield result


def _strata(task: Task) -> tuple[str, ...]:
    """The names of the strata; the last one, at place -1, is that of learners who have none."""
    names = task.simulator.strata if isinstance(task.simulator, Stratified) else ()
    return (*names, NO_STRATUM)


def _columns(run: Rollout, strata: tuple[str, ...]) -> dict[str, Any]:
    return {
        "learner": run.number,
        "stratum": [strata[place] for place in run.stratum],
        "start": run.start,
        "end": run.end,
        "gain": run.end - run.start,
        "return": run.returned,
        "steps": run.steps,
        "minutes": run.minutes,
        "over_practice": run.over_practice,
        "refused": run.refused,
    }


def _table(
    jobs: Sequence[Job], results: Sequence[Result], simulator: str, policies: tuple[str, ...]
) -> pd.DataFrame:
    parts = []
    for job, result in zip(jobs, results, strict=True):
        key = {"condition": job.condition, "policy": job.entry.name, "agent_seed": job.entry.seed}
        parts.append(pd.DataFrame(key | {"simulator": simulator} | result.columns))
    table = pd.concat(parts, ignore_index=True)
    names = {
        "condition": (POINT, BOOTSTRAP),
        "policy": policies,
        "simulator": (simulator,),
        "stratum": _strata(jobs[0].task),
    }
    for column, known in names.items():
        table[column] = pd.Categorical(table[column], categories=list(known))
    return table
