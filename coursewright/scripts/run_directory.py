"""A run's folder: the resolved configuration, the code that ran, and its end."""

import json
import platform
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

import coursewright
from coursewright.errors import InputError
from coursewright.files import write_text
from coursewright.scripts.life import alone, lived, read
from coursewright.scripts.names import group_of, near
from coursewright.scripts.recorded import FORMAT, SUMMARY, WRONG, finished, leaves, refuse_other_format
from coursewright.scripts.signals import heeded_by_worker
from coursewright.scripts.tracking import CsvTracker, Run, RunTracker, Trackers
from coursewright.scripts.trust import plain_name, shown

PACKAGES = ("numpy", "numba", "gymnasium", "torch", "stable-baselines3", "sb3-contrib", "hydra-core", "wandb")


class Place(NamedTuple):
    """The place of a run, and the sweep that it belongs to."""

    path: Path
    group: str


def placed(config: DictConfig) -> Place:
    """The place where Hydra put this run."""
    hydra = HydraConfig.get()
    path = near(Path(hydra.runtime.output_dir))
    if hydra.mode == RunMode.MULTIRUN:
        return Place(path, group_of(Path(hydra.sweep.dir)))
    if (kept := read(path)) is not None:  # one of a sweep's, that goes on by itself
        return Place(path, kept.group)
    if isinstance(config.get("runs"), str):  # a comparison belongs to the sweep that it compares
        return Place(path, group_of(Path(config.runs)))
    return Place(path, str(config.study))


@dataclass(frozen=True)
class RunDirectory:
    """The folder that holds all files of one run; `group` names its sweep, `end` closes things at its end."""

    path: Path
    config: DictConfig
    group: str
    end: ExitStack

    @property
    def finished(self) -> bool:
        """True where the run has come to its end before."""
        return finished(self.path)

    @property
    def name(self) -> str:
        """The run's name for trackers, where runs of all studies stand in one list: study, thing and seed."""
        study, name = str(self.config.study), f"{self.config.name}-{self.config.seed}"
        return name if study == self.config.name else f"{study}-{name}"

    def facts(self) -> dict[str, str]:
        """The facts of a report about its making: settings, seeds, code."""
        code = ", ".join(f"{name} {value}" for name, value in code_version().items())
        named = [
            f"{name} {value}" for name, value in self.config.get("seeds", {}).items() if name != "_target_"
        ]
        return {
            "settings": "config.yaml beside this page",
            "seeds": ", ".join([*named, f"rules {self.config.seed}"]),
            "code": code,
        }

    def tracker(self, job_type: str) -> RunTracker:
        """CSV files in the folder, and the trackers that the configuration asks for besides.

        It is finished when the run ends, as failed where that is by an error or a signal.
        """
        plain = OmegaConf.to_container(self.config, resolve=True)
        assert isinstance(plain, dict)
        run = Run(
            directory=self.path,
            config={str(key): value for key, value in plain.items()},
            name=self.name,
            group=self.group,
            job_type=job_type,
            tags=list(self.config.tags),
        )
        made = instantiate(self.config.tracker)(run)
        tracker = made if isinstance(made, CsvTracker) else Trackers([CsvTracker(run), made])
        self.end.push(lambda kind, error, trace: tracker.finish(0 if kind is None else 1))
        return tracker


@contextmanager
def open_run(config: DictConfig, place: Place) -> Iterator[RunDirectory]:
    """The folder of a run, with `config.yaml` and `code.json` in it, for this process alone.

    The run's state is written down on the way (see `life`), and trackers are finished at the end.
    Raises `InputError` where another process works there, or where the folder holds a run with another
    configuration.
    """
    path = place.path
    for name in {"name", "study"} & set(config):  # of a thing in the folder of a comparison
        plain_name(name, config[name])
    text = OmegaConf.to_yaml(config, resolve=True)
    with heeded_by_worker(), alone(path):
        refuse_other_format(path, "hydra.run.dir")
        more_trials = refuse_other_settings(path, config)
        with lived(path, place.group), ExitStack() as end:
            if more_trials:  # so that it is not finished
                (path / SUMMARY).unlink(missing_ok=True)
            write_text(path / "config.yaml", text)
            write_text(path / "code.json", json.dumps({"format": FORMAT, **code_version()}, indent=2) + "\n")
            yield RunDirectory(path, config, place.group, end)


def refuse_other_settings(path: Path, config: DictConfig) -> bool:
    """Refuse a folder that holds a run with other settings, by the first that differs.

    A tuning may go on with any number of workers, and to more trials: True where it does that.
    """
    kept, text = path / "config.yaml", OmegaConf.to_yaml(config, resolve=True)
    if not kept.is_file() or (before := kept.read_bytes().decode("utf-8", "replace")) == text:
        return False
    try:
        theirs, ours = (dict(leaves(OmegaConf.create(one))) for one in (before, text))
    except (AttributeError, LookupError, TypeError, *WRONG):
        theirs, ours = {"": before}, {"": text}
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    held = theirs.get("trials")
    more_trials = "trials" in ours and isinstance(held, int) and ours["trials"] >= held
    if not names or (more_trials and set(names) <= {"trials", "workers"}):
        return "trials" in names
    typed = [name for name in names if name not in ("name", "study", "tags")]  # which follow from others
    told = ""
    for name in [name for name in typed or names if name][:1]:
        more = f", and {len(names) - 1} more differ" if len(names) > 1 else ""
        told = f" ({name} = {shown(theirs.get(name))} there, and {shown(ours.get(name))} here{more})"
    said = f"holds a run with other settings{told}; choose another hydra.run.dir"
    raise InputError(f"hydra.run.dir = {path}: {said}", "hydra.run.dir")


def code_version() -> dict[str, str]:
    """The code that runs: versions of the package and its dependencies, and the commit where there is one."""
    here = Path(coursewright.__file__).parent
    described = {"coursewright": coursewright.__version__, "python": platform.python_version()}
    described |= {name: version(name) for name in PACKAGES}
    git = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        answer = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)
    except OSError:  # no git on this machine
        return described
    return described | {"commit": answer.stdout.strip()} if answer.returncode == 0 else described
