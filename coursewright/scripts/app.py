"""What every app shares: one clear line for wrong input, and going on where a run was interrupted."""

import functools
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException, MissingConfigException
from hydra.types import RunMode
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from coursewright.errors import InputError, reject, unknown
from coursewright.scripts.launching import SweepError, every_job
from coursewright.scripts.moved import new_address
from coursewright.scripts.run_directory import refuse_old

log = logging.getLogger(__name__)

NUMBERS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    int | None: "a whole number or null",
    float | None: "a number or null",
}
COUNTS = ("seed", "learners", "workers", "parts", "draws", "folds", "min_rows")  # at the top of an app
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def run(program: str, app: Callable[[], Any], arguments: list[str]) -> int:
    """Run a Hydra app on command-line arguments and return the exit code."""
    _let_help_be_late()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us whole; `explanation` shortens them
    logging.getLogger("hydra.utils").setLevel(logging.CRITICAL + 1)  # which says some of them itself
    try:
        sys.argv = [program, *resumed(arguments)]
        with every_job():
            app()
    except KeyboardInterrupt:
        print(
            "\ninterrupted; a training goes on with: coursewright train resume=<its folder>", file=sys.stderr
        )
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SweepError as failed:
        for told in failed.lines:
            print(f"error: {told}", file=sys.stderr)
        return failed.code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        line = explanation(error)
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        return 2
    return 0


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

    In a sweep the line travels back as an error instead, which survives the way from a worker and lets the
    other jobs go on.  The traceback of a fault of ours stays in the job's log.
    """

    @functools.wraps(app)
    def wrapped(config: DictConfig) -> Any:
        try:
            refuse_words(config)
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
            print(f"error: {line}", file=sys.stderr)
            sys.exit(2)

    return wrapped


def refuse_words(node: Any, at: str = "") -> None:
    """Refuse a word where a signature (or, at the top, an app) wants a number."""
    if isinstance(node, ListConfig):
        for place in range(len(node)):
            if not OmegaConf.is_interpolation(node, place):
                refuse_words(node[place], f"{at}[{place}]")
    if not isinstance(node, DictConfig) or OmegaConf.is_missing(node, "_target_"):
        return
    wanted: dict[str, Any] = {} if at else dict.fromkeys(COUNTS, int)
    if "_target_" in node:
        try:
            target = get_object(node["_target_"])
            wanted = {name: p.annotation for name, p in signature(target).parameters.items()}
        except Exception:  # it is explained where it is called
            return
    for key in map(str, node):
        if OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key):
            continue
        field, value = f"{at}.{key}".lstrip("."), node[key]
        kind = wanted.get(key)
        if isinstance(value, str) and kind in NUMBERS:
            raise reject(field, repr(value), NUMBERS[kind])
        refuse_words(value, field)


def explanation(error: BaseException) -> str | None:
    """One line for an error that the person can mend; None for one that we have to."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, InputError):
            return str(cause)
    for cause in chain:
        if isinstance(cause, MissingConfigException):
            wanted = str(cause.missing_cfg_file or "")
            group, _, name = wanted.rpartition("/")
            if group == "hydra/launcher" and name.startswith("submitit_"):
                return str(reject(group, name, "installed first (pip install 'coursewright[cluster]')"))
            return str(
                unknown(group or "config", name.removesuffix(".yaml"), list(cause.options or _groups()))
            )
        if (
            isinstance(cause, OmegaConfBaseException)
            and cause.key is not None
            and cause.parent_node is not None
        ):
            return _about_key(cause)
    if isinstance(error, InstantiationException):
        return _about_target(error, chain[1:])
    if isinstance(error, TypeError) and "unexpected keyword argument" in str(error):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        text = str(error).split("\nset env variable")[0]
        lines = [line.strip() for line in text.splitlines() if line.strip() and "full_key" not in line]
        return _nearest_group(" ".join(dict.fromkeys(lines)))
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _about_target(error: InstantiationException, causes: list[BaseException]) -> str | None:
    """A target that cannot be found, or that does not take what it was given; else it is a fault of ours."""
    text = " ".join(line for line in str(error).splitlines() if line.strip())
    named = text.split("'")[1] if text.count("'") >= 2 else text
    if "locating target" in text or "callable target" in text:  # a module may have taken a function's name
        for address in text.split("'"):
            if (moved := new_address(address)) is not None:
                whole = (
                    " (an agent's options stand beside it, without _partial_)" if ".agents." in moved else ""
                )
                return f"_target_ = {address}: has moved since this was written; it is now {moved}{whole}"
    for cause in causes:
        if isinstance(cause, ImportError | AttributeError) and "locating target" in text:
            return f"_target_ = {named}: cannot be imported ({str(cause).splitlines()[-1]})"
    if "locating target" in text:
        return f"_target_ = {named}: cannot be imported"
    if any(isinstance(cause, TypeError) and "argument" in str(cause) for cause in causes):
        return f"_target_ = {named}: {next(c for c in causes if isinstance(c, TypeError))}"
    return None


def _about_key(error: OmegaConfBaseException) -> str:
    key = str(error.full_key or error.key)
    known = [str(k) for k in error.parent_node] if isinstance(error.parent_node, DictConfig) else []
    if isinstance(error, MissingMandatoryValue):
        return f"{key} = ???: must be given ({key}=...)"
    if str(error.key) in known:
        return f"{key}: {str(error).splitlines()[0]}"
    return str(unknown(key, str(error.key), known))


def _groups() -> list[str]:
    return sorted(p.name for p in CONFIGS.iterdir() if p.is_dir() and not p.name.startswith("_"))


def _nearest_group(text: str) -> str:
    quoted = text.split("'")[1] if text.count("'") >= 2 else ""
    near = get_close_matches(quoted, _groups(), n=1)
    return f"{text} (did you mean {near[0]!r}?)" if near and near[0] != quoted else text
