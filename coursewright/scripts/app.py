"""The one way of every verb: read the line, compose all jobs, check them, then hand over to Hydra."""

import functools
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from coursewright.errors import InputError, legible, reject
from coursewright.scripts.check import Checker
from coursewright.scripts.claims import go_on, occupied, refuse_busy
from coursewright.scripts.compose import Composed, compose, loader_of
from coursewright.scripts.explain import explanation
from coursewright.scripts.launching import SweepError, every_job
from coursewright.scripts.line import read_line
from coursewright.scripts.own_yaml import readable
from coursewright.scripts.resume import resume, wish
from coursewright.scripts.settings import SETTINGS
from coursewright.scripts.signals import Interrupted, heeded
from coursewright.scripts.trust import find_own
from coursewright.workers import obey_parent

log = logging.getLogger(__name__)


def run(verb: str, arguments: list[str], last: bool = False) -> int:
    """Run a verb on command-line arguments and return the exit code; `last`: see `signals.heeded`."""
    _let_help_be_late()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us whole; `explanation` shortens them
    logging.getLogger("hydra.utils").setLevel(logging.CRITICAL + 1)  # which says some of them itself
    sys.argv = [f"coursewright {verb}", *arguments]
    try:
        with heeded(last):
            if (wanted := wish(verb, arguments)) is not None:
                resume(wanted, import_module("coursewright.scripts.train").train)
            else:
                _run(verb, arguments)
    except KeyboardInterrupt as error:
        print(f"\ninterrupted; go on with: {go_on()}", file=sys.stderr)
        return error.code if isinstance(error, Interrupted) else 130
    except SweepError as failed:
        for told in failed.lines:
            print(f"error: {legible(told)}", file=sys.stderr)
        return failed.code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        line = explanation(error)
        if line is None:
            raise
        print(f"error: {legible(line)}", file=sys.stderr)
        return 2
    return 0


def _run(verb: str, arguments: list[str]) -> None:
    """Compose and check every job, claim their folders, then let Hydra run them."""
    if verb not in SETTINGS:  # `demo` and `status`, which Hydra knows nothing of
        import_module(f"coursewright.scripts.{verb}").main()
        return
    if "${" in (here := os.getcwd()):  # Hydra would take it for a reference to a setting
        raise reject("the working folder", here, "one without '${' in its name")
    line = read_line(verb, arguments)
    composed = Composed(line.words, [], several=False)
    jobs: Iterable[DictConfig] = ()
    if not (line.flags.hydra_help or line.flags.shell_completion):
        loader = loader_of(line)
        with readable(line.flags.config_dir):
            composed = compose(line, loader)
        if line.runs:
            jobs = _checked(composed, Checker(verb, loader), line.flags.config_dir)
    sys.argv = [f"coursewright {verb}", *line.arguments, *composed.words]
    with occupied(jobs, composed.several) as more:
        sys.argv += more
        with every_job():
            import_module(f"coursewright.scripts.{verb}").main()


def _checked(composed: Composed, checker: Checker, own: str | None) -> Iterator[DictConfig]:
    with readable(own):
        for number, job in enumerate(composed.jobs):
            if number == 0:  # the folder of a sweep is that of all its jobs
                refuse_busy(job, composed.several)
            checker.check(job)
            yield job


def _let_help_be_late() -> None:
    """Keep Python 3.14 from looking into a help text that Hydra 1.3 makes only when it is printed.

    argparse checks help texts when an option is added since that version, and Hydra's is no string yet.
    """
    if hasattr(ArgumentParser, "_check_help"):
        ArgumentParser._check_help = lambda self, action: None


def explained(app: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """Let an app end on wrong input with one line and exit code 2.

    In a sweep the line travels back as an error instead, which survives the way from a worker and lets the
    other jobs go on.  The traceback of a fault of ours stays in the job's log.
    """

    @functools.wraps(app)
    def wrapped(config: DictConfig) -> Any:
        obey_parent()
        try:
            find_own(config)
            return app(config)
        except Exception as error:
            line = explanation(error)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                if line is not None:
                    raise InputError(line) from error
                log.exception("this job failed")
                raise RuntimeError(f"{type(error).__name__}: {error}".splitlines()[0]) from error
            if line is None:
                raise
            print(f"error: {legible(line)}", file=sys.stderr)
            sys.exit(2)

    return wrapped
