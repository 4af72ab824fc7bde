"""The one way of every verb: read the line, compose all jobs, check them, then hand over to Hydra."""

import functools
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from coursewright.errors import InputError
from coursewright.scripts.check import Checker
from coursewright.scripts.compose import compose, loader_of, read_line
from coursewright.scripts.explain import explanation, plain
from coursewright.scripts.run_directory import refuse_old
from coursewright.scripts.settings import SETTINGS


def run(verb: str, arguments: list[str]) -> int:
    """Run a verb on command-line arguments and return the exit code."""
    _let_help_be_late()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us whole; `explanation` shortens them
    logging.getLogger("hydra.utils").setLevel(logging.CRITICAL + 1)  # which says some of them itself
    try:
        _run(verb, arguments)
    except KeyboardInterrupt:
        print(
            "\ninterrupted; a training goes on with: coursewright train resume=<its folder>", file=sys.stderr
        )
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        line = explanation(error)
        if line is None:
            raise
        print(f"error: {plain(line)}", file=sys.stderr)
        return 2
    return 0


def _run(verb: str, arguments: list[str]) -> None:
    """Compose and check every job, then let Hydra run them: it makes the folders."""
    sys.argv = [f"coursewright {verb}", *arguments]
    if verb not in SETTINGS:  # `demo`, which runs the others
        import_module(f"coursewright.scripts.{verb}").main()
        return
    line = read_line(verb, resumed(arguments))
    words: Sequence[str] = line.words
    if not (line.flags.hydra_help or line.flags.shell_completion):
        loader = loader_of(line)
        composed = compose(line, loader)
        words = composed.words
        if line.runs:
            checker = Checker(verb, loader)
            for job in composed.jobs:
                checker.check(job)
    sys.argv = [f"coursewright {verb}", *line.arguments, *words]
    import_module(f"coursewright.scripts.{verb}").main()


def _let_help_be_late() -> None:
    """Keep Python 3.14 from looking into a help text that Hydra 1.3 makes only when it is printed.

    argparse checks help texts when an option is added since that version, and Hydra's is no string yet.
    """
    if hasattr(ArgumentParser, "_check_help"):
        ArgumentParser._check_help = lambda self, action: None


def resumed(arguments: list[str]) -> list[str]:
    """Replace `resume=FOLDER` by what that run was started with."""
    folders = [a.removeprefix("resume=") for a in arguments if a.startswith("resume=")]
    if not folders:
        return arguments
    others = " ".join(a for a in arguments if not a.startswith(("resume=", "--")) and "=" in a)
    if others:
        raise InputError(
            f"resume = {folders[0]}: goes alone; a resumed run keeps its settings (given: {others})"
        )
    saved = Path(folders[0]) / ".hydra" / "overrides.yaml"
    if not saved.is_file():
        raise InputError(
            f"resume = {folders[0]}: must be the folder of a run (it holds .hydra/overrides.yaml)"
        )
    refuse_old(Path(folders[0]))
    overrides = [str(o) for o in OmegaConf.to_object(OmegaConf.load(saved))]  # type: ignore[union-attr]
    kept = [o for o in overrides if not o.startswith(("hydra.run.dir=", "sweep="))]
    flags = [a for a in arguments if not a.startswith("resume=")]
    return [*flags, *kept, f"hydra.run.dir='{Path(folders[0]).as_posix()}'"]


def explained(app: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """Let an app end on wrong input with one line and exit code 2.

    In a sweep the line travels back as an `InputError` instead, which survives the way from a worker
    and lets the other jobs go on.
    """

    @functools.wraps(app)
    def wrapped(config: DictConfig) -> Any:
        try:
            return app(config)
        except Exception as error:
            line = explanation(error)
            if line is None:
                raise
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise InputError(line) from error
            print(f"error: {plain(line)}", file=sys.stderr)
            sys.exit(2)

    return wrapped
