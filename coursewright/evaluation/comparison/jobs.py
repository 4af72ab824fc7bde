"""The work of a comparison, cut into jobs: one policy teaching all learners under one condition."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool

from coursewright.envs.policy import Oracle, Policy
from coursewright.envs.rollout import Group, Trace, traces
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.evaluation.comparison.curves import StepMeans, step_means
from coursewright.evaluation.comparison.found import Walk
from coursewright.evaluation.comparison.scores import ORACLE
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.outcomes import Figures, any_watches, measured
from coursewright.simulators.arrays import Ints
from coursewright.workers import obey_parent

Seeded = Policy | Sequence[Policy] | Mapping[int, Policy]
Progress = Callable[[int, int], object]


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
    """The result of a job.

    `number`, `stratum` and each of `outcomes` are `[learners]`; `choices` is the same for two policies that
    chose the same items at the same times for everybody.  All that took `seconds` of processor time, and
    `decisions` of the policy.
    """

    number: Ints
    stratum: Ints
    outcomes: dict[str, Figures]
    curve: StepMeans
    choices: str
    decisions: int
    seconds: float


def entries(name: str, given: Seeded) -> list[Entry]:
    """The policies behind one name, by agent seed.

    Raises `InputError` where there is none, or where one reads latent state and its name does not say so.
    """
    if isinstance(given, Mapping):
        found = [Entry(name, int(seed), policy) for seed, policy in sorted(given.items())]
    elif isinstance(given, Sequence):
        found = [Entry(name, seed, policy) for seed, policy in enumerate(given)]
    else:
        found = [Entry(name, 0, given)]
    if not found:
        raise reject(f"policies[{name}]", given, "at least one policy")
    if ORACLE not in name and any(isinstance(entry.policy, Oracle) for entry in found):
        raise reject(f"policies[{name}]", "reads latent state", "named with the word oracle")
    return found


def run_all(jobs: Sequence[Job], settings: Comparing, progress: Progress | None) -> Iterator[Result]:
    """The result of each job, in order; `progress` is called with the learners taught and their total.

    Where a machine cannot have workers (joblib says so and why: no semaphores, for lack of /dev/shm), the
    jobs run here.  Raises `InputError` where a worker was killed.
    """
    report = progress or (lambda done, total: None)
    total = settings.learners * len(jobs)
    if effective_n_jobs(settings.workers) == 1:
        for place, job in enumerate(jobs):
            done = place * settings.learners
            yield run(job, settings, lambda more, done=done: report(done + more, total))  # type: ignore[misc]
        return
    # One thread each: processes that all want every core slow each other down several times.  Arrays
    # travel as copies: a policy may write into its own, and shared ones would be read-only.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        running = Parallel(
            n_jobs=settings.workers, return_as="generator", max_nbytes=None, initializer=obey_parent
        )(delayed(run)(job, settings) for job in jobs)
        try:
            for place, result in enumerate(running):
                report((place + 1) * settings.learners, total)
                yield result
        except BrokenProcessPool as error:
            reason = "fewer: a worker was killed, as happens where memory runs out"
            raise reject("workers", settings.workers, reason) from error


def run(job: Job, settings: Comparing, progress: Callable[[int], object] | None = None) -> Result:
    """Teach all learners of a job; `progress` is called with the learners taught so far."""
    obey_parent()
    number, stratum, curve = [], [], []
    outcomes: dict[str, list[Figures]] = {name: [] for name in settings.outcomes}
    items, days = sha256(), sha256()
    decisions, begun = 0, time.process_time()
    for trace in _taught(job, settings):
        decisions += int(trace.run.steps.sum())
        number.append(trace.run.number)
        stratum.append(trace.run.stratum)
        curve.append(trace.run.curve)
        for name, figures in measured(trace, settings.outcomes).items():
            outcomes[name].append(figures)
        items.update(trace.run.item.tobytes())
        days.update(trace.run.days.tobytes())
        if progress is not None:
            progress(sum(map(len, number)))
    return Result(
        number=np.concatenate(number),
        stratum=np.concatenate(stratum),
        outcomes={name: np.concatenate(parts) for name, parts in outcomes.items()},
        curve=step_means(np.concatenate(curve)),
        choices=items.hexdigest() + days.hexdigest(),
        decisions=decisions,
        seconds=time.process_time() - begun,
    )


def _taught(job: Job, settings: Comparing) -> Iterator[Trace]:
    watched = any_watches(settings.outcomes.values())
    group = Group(settings.learners, chunk=settings.chunk)
    return traces(job.task, job.entry.policy, group, with_mastery=watched)


def walk(job: Job, learner: int) -> Walk:
    """The way of one learner, by number, under the policy of a job."""
    (trace,) = traces(job.task, job.entry.policy, Group(1, first=learner), with_mastery=True)
    return Walk(trace.episodes.goal[0].copy(), learner, trace.run)
