"""Jobs that submitit sends elsewhere: one that was killed or cancelled is a failure like any other.

Only a launcher by submitit imports this module (`pip install 'coursewright[cluster]'`).
"""

from collections.abc import Iterable
from typing import Any

import submitit
from hydra.core.utils import JobReturn, JobStatus
from submitit.core.utils import FailedJobError, UncompletedJobError


class Executor(submitit.AutoExecutor):
    """Submits as submitit does; its jobs report their end instead of raising an error."""

    def map_array(self, fn: Any, *iterables: Iterable[Any]) -> list[Any]:
        """One job for each of `iterables`, of which the first holds its overrides."""
        overrides, *others = map(list, iterables)
        jobs = super().map_array(fn, overrides, *others)
        return [Told(job, given) for job, given in zip(jobs, overrides, strict=True)]


class Told:
    """A submitted job that was started with `overrides`."""

    def __init__(self, job: submitit.Job[JobReturn], overrides: list[str]) -> None:
        self.job, self.overrides = job, overrides

    def results(self) -> list[JobReturn]:
        """Wait for the job, and return its value, or the way it ended."""
        try:
            return self.job.results()
        except (UncompletedJobError, FailedJobError) as error:
            reason = RuntimeError(f"{self._end(error)}; its log is {self.job.paths.stderr}")
            return [JobReturn(self.overrides, status=JobStatus.FAILED, _return_value=reason)]

    def _end(self, error: Exception) -> str:
        if isinstance(error, FailedJobError):  # it could not even start: the last line of the traceback
            return str(error).split("-" * 22)[1].strip().splitlines()[-1]
        return f"job {self.job.job_id} ended without a result ({self.job.state})"
