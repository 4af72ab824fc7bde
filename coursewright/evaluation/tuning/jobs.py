"""Trainings that are scored: one agent, one seed and one group of learners each, in worker processes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool

from coursewright.agents.rule import RulePolicy
from coursewright.agents.tracker import Tracker
from coursewright.envs.policy import Oracle, Policy
from coursewright.envs.rollout import Group, rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.simulators.arrays import Floats
from coursewright.workers import obey_parent

Agent = Callable[[Task, int, Tracker], Policy]


class Job(NamedTuple):
    """A training of an agent on a task with a seed, and the learners whom its policy then teaches."""

    task: Task
    agent: Agent
    seed: int
    group: Group


class Trained(NamedTuple):
    """The end of a job.

    Attributes
    ----------
    returned : the return of each learner, `[learners]`.
    training_steps : environment steps of the training, as the agent tells its tracker.
    scoring_steps : environment steps of the learners who were then taught.
    seconds : of processor, both together; compiling included.
    tried : settings that a rule tried to tune itself.
    tried_steps, tried_seconds : environment steps and processor seconds of that, which are no training.  By
        scores from an earlier command (see `kept`) they are those that it took then.
    """

    returned: Floats
    training_steps: int
    scoring_steps: int
    seconds: float
    tried: int = 0
    tried_steps: int = 0
    tried_seconds: float = 0.0


class Counter:
    """A tracker that keeps the number of steps, and nothing else."""

    directory = None

    def __init__(self) -> None:
        self.steps = 0

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Note the step."""
        self.steps = max(self.steps, step)


def run(job: Job) -> Trained | InputError:
    """Train and score; an agent that refuses its settings or the task gives its reason."""
    obey_parent()
    begun, counter = time.process_time(), Counter()
    try:
        policy = job.agent(job.task, job.seed, counter)
        if isinstance(policy, Oracle):
            return reject(
                "agent", type(policy).__name__, "one that reads no latent state: an oracle is not tuned"
            )
        made, group = time.process_time() - begun, job.group
        taught = rollout(job.task, policy, group.learners, group.split, group.first)
    except InputError as error:
        return error
    whole = time.process_time() - begun
    tuned = policy.tuned.trials if isinstance(policy, RulePolicy) and policy.tuned is not None else ()
    tried = len({trial.setting for trial in tuned})
    steps, spent = sum(trial.steps for trial in tuned), sum(trial.seconds for trial in tuned)
    search = max(made, spent) if tried else 0.0
    seconds = whole - made if tried else whole
    training = max(counter.steps - steps, 0)
    return Trained(taught.returned, training, int(taught.steps.sum()), seconds, tried, steps, search)


def run_all(jobs: Sequence[Job], workers: int) -> Iterator[Trained | InputError]:
    """The end of each job, in order, by so many processes; the ends do not depend on their number.

    Raises `InputError` where a worker was killed.
    """
    if effective_n_jobs(workers) == 1 or len(jobs) < 2:
        yield from map(run, jobs)
        return
    with parallel_config(backend="loky", inner_max_num_threads=1):
        running: Any = Parallel(
            n_jobs=workers, return_as="generator", max_nbytes=None, initializer=obey_parent
        )(delayed(run)(job) for job in jobs)
        try:
            yield from running
        except BrokenProcessPool as error:
            reason = "fewer: a worker was killed, as happens where memory runs out"
            raise reject("workers", workers, reason) from error
