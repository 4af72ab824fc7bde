"""The folders that a command claims: it works in them, and no other command does.

A name with a clock in it (`${now:...}`) is a new folder each time, with `-2` at its end where two commands
meet in one second.  A name without one is the same folder each time: the same command goes on there.
A command that is refused takes the folder that it made with it, while that holds no result.
"""

import logging
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from logging import FileHandler
from os import getpid
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.errors import InputError, reject
from coursewright.scripts.explain import explanation
from coursewright.scripts.learners import KEPT, TABLE, TUTOR
from coursewright.scripts.life import LOCK, STATE, alone, busy, lived, queue, read, typed, works
from coursewright.scripts.names import claim, group_of, near, plain
from coursewright.scripts.overrides import command_line, override
from coursewright.scripts.recorded import to_go_on

# Of a run that has no result yet: its own files, the tutor and the learners that it was to begin with, and a
# tracker's (where anything was logged, metrics.csv is there too).
BOOKS = {LOCK, STATE, "config.yaml", "code.json", ".hydra", TABLE, TUTOR, KEPT, "wandb"}
BOOKS |= {f"wandb-{verb}.id" for verb in ("train", "tune", "evaluate")}


MOST_TOLD = 20  # folders


class Asked(NamedTuple):
    """A job's place of work: its folder or its sweep's, its own in that, and `new` where a clock names it.

    `folder` is empty for a verb that leaves none.
    """

    folder: str
    subfolder: str
    study: str
    new: bool


@contextmanager
def occupied(jobs: Iterable[DictConfig], several: bool) -> Iterator[list[str]]:
    """The settings that tell Hydra, and a later command that goes on, the folders of composed jobs.

    `several` says whether they are a sweep's, in whose folder no other command works meanwhile, and whose
    jobs are written down as queued.  A job need only be good until the next one is asked for.

    Raises `InputError` where two jobs would share a folder, where another process works there, or where the
    system refuses.
    """
    asked = [_asked(job, number, several) for number, job in enumerate(jobs)]
    if not asked or not asked[0].folder:
        yield []
    elif not several:
        path = _plain(asked[0].folder) if asked[0].new else Path(asked[0].folder)
        absent = [place for place in (path, *path.parents) if not place.exists()]  # the innermost first
        mine = claim(path) if asked[0].new else path
        try:
            yield [override("hydra.run.dir", mine)] if asked[0].new else []
        except BaseException as error:
            if _is_refusal(error) and (asked[0].new or absent):
                _withdraw(mine, absent)
            raise
    else:
        sweep = _sweep(asked)
        with alone(sweep.path, "hydra.sweep.dir"), lived(sweep.path, group_of(sweep.path)):
            queue(sweep.jobs, group_of(sweep.path))
            try:
                yield sweep.words
            finally:
                _tell(sweep)


def refuse_busy(job: DictConfig, several: bool) -> None:
    """Refuse a folder in which a process works now, before anything of the job is checked."""
    if job.hydra.output_subdir is None:
        return
    node, setting = (job.hydra.sweep, "hydra.sweep.dir") if several else (job.hydra.run, "hydra.run.dir")
    given = OmegaConf.to_container(node, resolve=False)["dir"]  # type: ignore[index,call-overload]
    if "${" not in str(given) and works(Path(str(given))):
        raise busy(Path(str(given)), setting)


class Sweep(NamedTuple):
    """A sweep's folder, those of its jobs, and the settings for Hydra."""

    path: Path
    jobs: list[Path]
    words: list[str]


def _tell(sweep: Sweep) -> None:
    """Print the folders of a sweep's finished jobs, with the report where there is one."""
    done = [folder for folder in sweep.jobs if (state := read(folder)) is not None and state.state == "done"]
    print(f"\n{len(done)} of {len(sweep.jobs)} jobs are finished:")
    for folder in done[:MOST_TOLD]:
        page = folder / "report.html"
        print(f"  {near(page if page.is_file() else folder)}")
    more = f"  and {len(done) - MOST_TOLD} more; " if len(done) > MOST_TOLD else "  "
    print(f"{more}all states: {command_line('status', [f'sweep={near(sweep.path)}'])}", flush=True)


def _asked(job: DictConfig, number: int, several: bool) -> Asked:
    if job.hydra.output_subdir is None:
        return Asked("", "", "", False)
    with open_dict(job.hydra.job):
        job.hydra.job.num = number  # which names the jobs of verbs that have no better name
    HydraConfig.instance().set_config(job)  # which the configuration refers to
    OmegaConf.set_readonly(job.hydra, False)  # it may become the next job
    node = job.hydra.sweep if several else job.hydra.run
    new = "${now:" in str(OmegaConf.to_container(node, resolve=False)["dir"])  # type: ignore[index,call-overload]
    return Asked(str(node.dir), str(node.subdir) if several else "", str(job.study), new)


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, SystemExit):  # an app's, which has said its line
        return error.code == 2
    return isinstance(error, Exception) and explanation(error) is not None


def _withdraw(folder: Path, absent: Sequence[Path]) -> None:
    """Remove a folder that this command made, and those above it, where they hold nothing but its books.

    Another process may have come to work there meanwhile: then its folder stays.
    """
    with suppress(InputError, OSError):
        state = read(folder)
        if state is not None and state.process != getpid():
            return
        files = [handler for handler in logging.getLogger().handlers if isinstance(handler, FileHandler)]
        logs = {Path(file.baseFilename): file for file in files}
        with alone(folder):
            if {entry.name for entry in folder.iterdir()} - BOOKS - {path.name for path in logs}:
                return
        for path, file in logs.items():
            if path.parent == folder.resolve():
                logging.getLogger().removeHandler(file)
                file.close()
        shutil.rmtree(folder)
        for place in absent:
            if place != folder and place.exists():
                place.rmdir()  # refused where it holds another run


def _sweep(jobs: Sequence[Asked]) -> Sweep:
    names, studies = [job.subfolder for job in jobs], {job.study for job in jobs}
    for name in names:
        if names.count(name) > 1:
            raise reject("hydra.sweep.subdir", name, "another for each job (are two jobs the same?)")
    where, new = jobs[0].folder, jobs[0].new
    if len(studies) > 1:  # their one folder can name none of them
        where = where.replace(jobs[0].study, f"{len(studies)}-studies")
    path = claim(_plain(where)) if new else Path(where)
    return Sweep(path, [path / name for name in names], [override("hydra.sweep.dir", path)] if new else [])


def _plain(resolved: str) -> Path:
    path = Path(resolved)
    return Path(
        path.anchor, *(part if part == ".." else plain(part) for part in path.parts[bool(path.anchor) :])
    )


def go_on() -> str:
    """The command to type after an interruption of this process's command."""
    named = ("hydra.run.dir=", "resume=")
    folders = [word.partition("=")[2].strip("'") for word in sys.argv if word.startswith(named)]
    if sys.argv[0] == "coursewright train" and folders and (Path(folders[-1]) / "config.yaml").is_file():
        return to_go_on(Path(folders[-1]))
    return typed()
