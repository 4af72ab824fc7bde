"""Sweeps under any launcher of Hydra: every job runs, and the jobs that failed are named.

Hydra by itself raises the first failure that it meets, and a job that was killed on a cluster takes the
driver with it while the others run on.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from hydra.plugins.launcher import Launcher
from joblib.externals.loky.process_executor import BrokenProcessPool

from coursewright.errors import InputError, reject

SLURM = ("sbatch", "srun")  # the programs that submitit calls
PATIENCE_S = 60.0  # for a controller to answer


def refuse_absent_cluster(launcher: str) -> None:
    """Refuse a sweep by SLURM (`launcher` is the address of its class) where there is none that answers."""
    if not launcher.endswith(".SlurmLauncher"):
        return
    lacking = [name for name in SLURM if shutil.which(name) is None]
    reason = f"no {' and no '.join(lacking)} here" if lacking else _unanswered()
    if reason:
        raise reject(
            "hydra/launcher",
            "submitit_slurm",
            f"used where SLURM is ({reason}); hydra/launcher=joblib runs here",
        )


def _unanswered() -> str:
    """The reason why SLURM's controller says nothing of its nodes; empty where it does."""
    if shutil.which("sinfo") is None:  # then `sbatch` will have to tell
        return ""
    try:
        asked = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"its controller did not answer for {PATIENCE_S:.0f} s"
    return "" if asked.returncode == 0 else "its controller does not answer; sinfo says more"


class SweepError(Exception):
    """A line for each job that failed, and one with the remedy; `code` is the exit code."""

    def __init__(self, lines: Sequence[str], code: int) -> None:
        super().__init__("; ".join(lines))
        self.lines, self.code = lines, code


class EveryJob(Launcher):
    """Hands a batch to another launcher, and keeps the failures of its jobs instead of raising one."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher
        self.jobs = 0
        self.failures: list[tuple[str, Exception]] = []

    def setup(self, **parts: Any) -> None:
        """Hydra has set up the other launcher."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Launch the jobs and return each one's value; a failed job returns None."""
        self.jobs += len(job_overrides)
        with _outlived(self.launcher):
            returns = self.launcher.launch(job_overrides, initial_job_idx)
        for name, returned in zip(_names(job_overrides), returns, strict=True):
            if returned.status == JobStatus.FAILED:
                self.failures.append((name, returned._return_value))
                returned.status, returned.return_value = JobStatus.COMPLETED, None
        return returns

    def report(self) -> None:
        """Raise `SweepError` where a job failed; the code is 2 if every failure is wrong input."""
        if not self.failures:
            return
        last = (
            f"{len(self.failures)} of {self.jobs} jobs failed; the others are finished.  The same command "
            "goes on with those that failed, and leaves finished ones alone"
        )
        code = 2 if all(isinstance(error, InputError) for _, error in self.failures) else 1
        raise SweepError([*(f"{name}: {error}" for name, error in self.failures), last], code)


@contextmanager
def every_job() -> Iterator[None]:
    """Have Hydra's launchers run every job of a sweep; at the end `SweepError` names those that failed."""
    plugins = Plugins.instance()
    launchers: list[EveryJob] = []

    def instantiate_launcher(**parts: Any) -> Launcher:
        launchers.append(EveryJob(Plugins.instantiate_launcher(plugins, **parts)))
        return launchers[-1]

    vars(plugins)["instantiate_launcher"] = instantiate_launcher  # Hydra has no other door for a wrapper
    try:
        yield
    except BrokenProcessPool as error:
        line = "a job was killed (was there enough memory?), and joblib stops the others with it"
        raise SweepError([line + ".  The same command goes on where they were"], 1) from error
    finally:
        del vars(plugins)["instantiate_launcher"]
    for launcher in launchers:
        launcher.report()


@contextmanager
def _outlived(launcher: Launcher) -> Iterator[None]:
    """Let a launcher by submitit wait for all its jobs where some are killed."""
    if not type(launcher).__module__.startswith("hydra_plugins.hydra_submitit_launcher"):
        yield
        return
    import submitit

    from coursewright.scripts.submission import Executor

    given = submitit.AutoExecutor
    vars(submitit)["AutoExecutor"] = Executor
    try:
        yield
    except submitit.core.utils.FailedJobError as error:  # of the submission: `Told` tells of the jobs
        raise SweepError([f"hydra/launcher: nothing was submitted ({_last_line(error)})"], 1) from error
    finally:
        vars(submitit)["AutoExecutor"] = given


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def _names(job_overrides: Sequence[Sequence[str]]) -> list[str]:
    """Each job by those of its overrides that not every job has."""
    jobs = [list(filter_overrides(overrides)) for overrides in job_overrides]
    everyones = set.intersection(*map(set, jobs)) if len(jobs) > 1 else set()
    return [" ".join(o for o in job if o not in everyones) or " ".join(job) for job in jobs]
