"""Experiment trackers: Weights & Biases, plain CSV, or none.

Hydra makes one from `configs/tracker/*.yaml` as a partial; the app completes it with a `Run`:

    tracker = instantiate(config.tracker)(Run(directory, resolved, "ppo-0", sweep, "train", ["kss"]))

A tracker of one's own is a class that takes a `Run`, with the methods of `RunTracker`, and a YAML file.
"""

import json
import logging
import math
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from coursewright.agents.tracker import Tracker
from coursewright.errors import InputError, unknown
from coursewright.files import write_text
from coursewright.scripts.growing import GrowingTable

if TYPE_CHECKING:
    import pandas as pd

MODES = ("offline", "online", "disabled")
# Every metric of a room is drawn against its axis: environment steps, so that policies that log at a
# different rhythm share one, and for settings that are tried out, the number of the trial.
AXES = {
    "train/*": "global_step",
    "eval/*": "global_step",
    "rollout/*": "global_step",
    "time/*": "global_step",
    "tuning/*": "tuning/trial",
}
# A second name for those who compare with runs of Stable-Baselines3's own logger; it has `time/fps` as well.
ALSO = {"train/return": "rollout/ep_rew_mean"}


@dataclass(frozen=True)
class Run:
    """The run that is tracked.

    Attributes
    ----------
    directory : the run's own folder; everything stays inside it.
    config : the full resolved configuration as plain containers.
    name : the run's name.
    group : the sweep that it belongs to.
    job_type : one of train, evaluate, fit and validate.
    tags : words to find it by.
    """

    directory: Path
    config: Mapping[str, Any]
    name: str
    group: str
    job_type: str
    tags: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a run.

    Attributes
    ----------
    summary : final scores by name.
    table : the comparison in long rows, or one row per model.
    figures : PNG or JPEG files by name.
    files : the files that the run leaves behind, by name: exported policies (`.onnx`), result tables.
    """

    summary: Mapping[str, float | str]
    table: "pd.DataFrame | None" = None
    figures: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


class RunTracker(Tracker, Protocol):
    """A whole run's tracker: the part that agents see, plus the results and the end."""

    def report(self, results: Results) -> None:
        """Record a run's results."""

    def finish(self, exit_code: int = 0) -> None:
        """End the run; an `exit_code` other than 0 marks it as failed."""


class Trackers(tuple[RunTracker, ...]):
    """Several trackers as one: `Trackers([csv, wandb])`."""

    @property
    def directory(self) -> Path | None:
        """The run's own folder."""
        return self[0].directory

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Record `data` with each."""
        for tracker in self:
            tracker.log(data, step)

    def report(self, results: Results) -> None:
        """Record a run's results with each."""
        for tracker in self:
            tracker.report(results)

    def finish(self, exit_code: int = 0) -> None:
        """End the run with each."""
        for tracker in self:
            tracker.finish(exit_code)


class NoTracker:
    """Keeps nothing."""

    def __init__(self, run: Run) -> None:
        self.directory: Path | None = run.directory

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Drop the numbers."""

    def report(self, results: Results) -> None:
        """Drop the results."""

    def finish(self, exit_code: int = 0) -> None:
        """Nothing was started."""


class CsvTracker:
    """`metrics.csv`, `summary.json` and `comparison.csv` in the run directory, for any tool to read.

    `metrics.csv` is the same to the last byte whether or not the run was interrupted; so numbers that a clock
    decides (`time/...`) goes to `timing.csv`.  The configuration is not repeated: it lies beside these files.
    """

    def __init__(self, run: Run) -> None:
        self.directory = run.directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.identity = {
            "name": run.name,
            "group": run.group,
            "job_type": run.job_type,
            "tags": list(run.tags),
        }
        self.metrics = GrowingTable(self.directory / "metrics.csv")
        self.timing = GrowingTable(self.directory / "timing.csv")

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Append one row."""
        clock = {name: value for name, value in data.items() if name.startswith("time/")}
        if len(clock) < len(data):
            self.metrics.add(step, {name: value for name, value in data.items() if name not in clock})
        if clock:
            self.timing.add(step, clock)

    def report(self, results: Results) -> None:
        """Write the summary and the table; figures and files lie in the run directory already."""
        scores = {name: _finite(value) for name, value in results.summary.items()}
        if results.table is not None:
            table = results.table.to_csv(index=False, lineterminator="\n")
            write_text(self.directory / "comparison.csv", table)
        write_text(self.directory / "summary.json", json.dumps(self.identity | scores, indent=2) + "\n")

    def finish(self, exit_code: int = 0) -> None:
        """Every row is on disk already."""


class WandbTracker:
    """One Weights & Biases run; offline needs no account and no network.

    Offline runs lie in `<directory>/wandb`, artifacts included; `wandb sync` sends them later, from
    the place where they were made.  The run's id is kept in the directory, so that a resumed
    training goes on with the same run.  Steps repeated since its checkpoint, the same to the last bit, are
    not sent twice, for the rows of steps that `metrics.csv` held at the interruption were sent before.

    Raises `InputError`, one line, where an online run cannot start.
    """

    def __init__(
        self,
        run: Run,
        *,
        mode: Literal["offline", "online", "disabled"] = "offline",
        project: str = "coursewright",
        entity: str | None = None,
        patience: float = 60.0,
    ) -> None:
        if mode not in MODES:
            raise unknown("tracker.mode", mode, MODES)
        self.directory = run.directory.resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        # Read by wandb each time that it stages an artifact, by default under the home folder: an
        # offline run without its artifacts could not be synced from another account or container.
        os.environ["WANDB_DIR"] = str(self.directory)
        os.environ["WANDB_DATA_DIR"] = str(self.directory / "wandb" / "data")
        os.environ["WANDB_CACHE_DIR"] = str(self.directory / "wandb" / "cache")
        import wandb  # .4 s: only here, after the variables

        self.wandb, self.name, self.mode = wandb, run.name, mode
        account = {"project": project, "entity": entity}
        try:
            self.run = self._started(run, account, patience)
        except (wandb.Error, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = " ".join(str(error).split()).partition(" [type=")[0]  # one line, without pydantic's tail
            hint = "; keep tracker.mode=offline and `wandb sync` later" if mode == "online" else ""
            raise InputError(f"tracker.mode = {mode}: W&B did not start ({reason}){hint}") from error
        for axis in dict.fromkeys(AXES.values()):
            self.run.define_metric(axis)
        for room, axis in AXES.items():
            self.run.define_metric(room, step_metric=axis)

    def _started(self, run: Run, account: Mapping[str, str | None], patience: float) -> Any:
        """W&B's own run, or the one of this folder that was interrupted."""
        wandb, mode = self.wandb, self.mode
        # W&B asks git about the working directory, which may be somebody else's; `code.json` has the commit.
        wandb.setup(settings=wandb.Settings(silent=True, mode=mode, disable_git=True))
        if mode == "online" and not wandb.login(prompt=False, verify=True):
            raise InputError(
                "tracker.mode = online: no W&B API key is configured; run `wandb login`, "
                "set WANDB_API_KEY, or keep tracker.mode=offline and `wandb sync` later"
            )
        id_file = self.directory / f"wandb-{run.job_type}.id"
        known = id_file.read_text(encoding="utf-8").strip() if id_file.exists() else None
        self.sent = GrowingTable(self.directory / "metrics.csv").last if known else None
        started = wandb.init(
            project=account["project"],
            entity=account["entity"],
            dir=str(self.directory),
            id=known,
            resume="allow" if known else None,
            name=run.name,
            group=run.group or None,
            job_type=run.job_type,
            tags=list(run.tags),
            config=dict(_flatten(run.config)),
            mode=mode,
            reinit="finish_previous",
            settings=wandb.Settings(
                silent=True, console="off", init_timeout=patience, finish_timeout=10 * patience
            ),
        )
        if mode != "disabled":
            write_text(id_file, started.id + "\n")
        return started

    def log(self, data: Mapping[str, float], step: int) -> None:
        """Send one row; it costs 120 to 420 µs, so once a rollout."""
        if self.sent is not None and step <= self.sent:
            return
        sent = {name: float(value) for name, value in data.items()}
        sent |= {theirs: sent[ours] for ours, theirs in ALSO.items() if ours in sent}
        self.run.log(sent | {"global_step": step})

    def report(self, results: Results) -> None:
        """Fill the summary, log the table and the figures, and keep each file as an artifact."""
        scores = {k: v if isinstance(v, str) else float(v) for k, v in results.summary.items()}
        self.run.summary.update(scores)
        media: dict[str, Any] = {name: self.wandb.Image(str(path)) for name, path in results.figures.items()}
        if results.table is not None:
            media["comparison"] = self.wandb.Table(dataframe=results.table)
        if media:
            self.run.log(media)
        for name, path in results.files.items():
            label = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.name}-{name}")  # the alphabet of artifact names
            artifact = self.wandb.Artifact(label, type="policy" if path.suffix == ".onnx" else "result")
            artifact.add_file(str(path))
            self.run.log_artifact(artifact)

    def finish(self, exit_code: int = 0) -> None:
        """End the run; a lost connection delays this by ten times `patience` at most."""
        folder = Path(self.run.dir).parent
        self.run.finish(exit_code=exit_code)
        if self.mode == "offline":
            logging.getLogger(__name__).info(
                "W&B run kept offline; to send it: wandb sync %s", shlex.quote(str(folder))
            )


def _flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Names as paths (`agent/learning_rate`), one dashboard column each; W&B advises against dots."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", str(value) if isinstance(value, Path) else value


def _finite(value: float | str) -> float | str | None:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, str):
        return value
    return float(value) if math.isfinite(value) else None
