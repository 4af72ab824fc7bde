"""What every app shares: one clear line for wrong input, and going on where a run was interrupted."""

import functools
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import setup_globals
from hydra.errors import HydraException, InstantiationException, MissingConfigException
from hydra.types import RunMode
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from coursewright.errors import InputError, reject, unknown
from coursewright.scripts.life import alone, lived, queue, typed
from coursewright.scripts.moved import new_address
from coursewright.scripts.names import claimed, group_of
from coursewright.scripts.recorded import to_go_on
from coursewright.scripts.resume import resume, wish
from coursewright.scripts.signals import Interrupted, heeded
from coursewright.scripts.trust import find_own
from coursewright.workers import obey_parent

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
    sys.argv = [program, *arguments]
    try:
        with heeded():
            if (wanted := wish(program.split()[-1], arguments)) is not None:
                resume(wanted, import_module("coursewright.scripts.train").train)
                return 0
            jobs = _jobs(program.split()[-1], arguments)
            with _claimed(jobs):
                app()
    except KeyboardInterrupt as error:
        print(f"\ninterrupted; {_go_on()}", file=sys.stderr)
        return error.code if isinstance(error, Interrupted) else 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:
        line = explanation(error)
        if line is None:
            raise
        print(f"error: {line}", file=sys.stderr)
        return 2
    return 0


def _jobs(verb: str, arguments: list[str]) -> list[DictConfig]:
    """The configuration of each job of a command line; none where it only asks for a word."""
    if not (CONFIGS / f"{verb}.yaml").is_file() or "--version" in arguments:
        return []
    flags = get_args_parser().parse_args(arguments)
    asks = (flags.help, flags.hydra_help, flags.shell_completion, flags.cfg, flags.info)
    if any(asks):
        return []
    setup_globals()
    path = create_config_search_path("pkg://coursewright.configs")
    if flags.config_dir is not None:
        folder = f"file://{Path(flags.config_dir).resolve()}"
        path.prepend("command-line", folder, SearchPathQuery(provider="schema"))
    loader = ConfigLoaderImpl(path)
    several = ["hydra.mode=MULTIRUN"] if flags.multirun else []
    words = [*flags.overrides, *several]
    mode = RunMode.MULTIRUN if flags.multirun else RunMode.RUN
    whole = loader.load_configuration(flags.config_name or verb, words, mode, validate_sweep_overrides=False)
    if whole.hydra.mode != RunMode.MULTIRUN:
        return [whole]
    params = [f"{key}={value}" for key, value in (whole.hydra.sweeper.params or {}).items()]
    given = OverridesParser.create(loader).parse_overrides([*params, *whole.hydra.overrides.task])
    (batch,) = BasicSweeper.split_arguments(given, None)
    return [loader.load_sweep_config(whole, list(job)) for job in batch]


@contextmanager
def _claimed(jobs: list[DictConfig]) -> Iterator[None]:
    """With folders for all jobs, in which no other command works.

    Hydra, and a person who goes on later, are told their names.
    """
    if not jobs or jobs[0].hydra.output_subdir is None:  # a verb that leaves no folder
        yield
        return
    claim = claimed(jobs)
    sys.argv += claim.words
    if claim.sweep is None:
        yield
        return
    group = group_of(claim.sweep)
    with alone(claim.sweep, "hydra.sweep.dir"), lived(claim.sweep, group):
        queue(claim.folders, group)
        yield


def _go_on() -> str:
    """What to type after an interruption."""
    if sys.argv[0] == "coursewright train":
        named = ("hydra.run.dir=", "resume=")
        folders = [a.partition("=")[2].strip("'") for a in sys.argv if a.startswith(named)]
        if folders and (Path(folders[0]) / "config.yaml").is_file():
            return f"go on with: {to_go_on(Path(folders[0]))}"
    return f"go on with: {typed()}"


def _let_help_be_late() -> None:
    """Keep Python 3.14 from looking into a help text that Hydra 1.3 makes only when it is printed.

    argparse checks help texts when an option is added since that version, and Hydra's is no string yet.
    """
    if hasattr(ArgumentParser, "_check_help"):
        ArgumentParser._check_help = lambda self, action: None


def explained(app: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """Let an app end on wrong input with one line and exit code 2.

    In a sweep the line travels back as an `InputError` instead, which survives the way from a worker
    and lets the other jobs go on.
    """

    @functools.wraps(app)
    def wrapped(config: DictConfig) -> Any:
        obey_parent()
        try:
            find_own(config)
            refuse_words(config)
            return app(config)
        except Exception as error:
            line = explanation(error)
            if line is None:
                raise
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise InputError(line) from error
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
