"""One tuning by several processes: each claims a piece of work, and what is done stands in a file for all.

Locks are the file system's own: they fall with their process, however it ends.  A piece whose process was
killed is free again, and nothing is done twice.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

STUDY = "tuning"
EVERY = 0.2  # seconds between two looks at what others have done


class Claims:
    """Pieces of work by name, each done by one process at a time, of which this one takes `most` at once."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most

    @contextmanager
    def taken(self, wanted: Sequence[str]) -> Iterator[list[str]]:
        """Those of `wanted` that are free, until the end; after a pause, where others work at all of them.

        A piece may have been finished just before it was taken: look again.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            mine: list[str] = []
            for name in wanted:
                try:
                    held.enter_context(FileLock(self.folder / f"{name}.lock").acquire(timeout=0))
                except Timeout:
                    continue
                mine.append(name)
                if len(mine) == self.most:
                    break
            yield mine
        if not mine:
            time.sleep(EVERY)


class Journal:
    """Finished trials in a file of Optuna's, to which several processes add."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.turn = FileLock(path.with_name(f"{path.name}.turn"))
        with self._alone():
            storage = JournalStorage(JournalFileBackend(str(path)))
            self.study = optuna.create_study(
                storage=storage, study_name=STUDY, direction="maximize", load_if_exists=True
            )

    def read(self) -> dict[int, FrozenTrial]:
        """The trials by the number that they were added under, in its order."""
        with self._alone():
            return self._kept()

    def add(self, trial: FrozenTrial) -> None:
        """Add a finished trial, unless there is one of its number."""
        with self._alone():
            if trial.user_attrs["number"] not in self._kept():
                self.study.add_trial(trial)

    def _kept(self) -> dict[int, FrozenTrial]:
        kept = {int(trial.user_attrs["number"]): trial for trial in self.study.get_trials(deepcopy=False)}
        return dict(sorted(kept.items()))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else reads or writes; half a line and the inner lock of a killed process are taken away."""
        with self.turn:
            self.path.with_name(f"{self.path.name}.lock").unlink(missing_ok=True)
            if self.path.exists():
                whole = self.path.read_bytes()
                if not whole.endswith(b"\n"):
                    self.path.write_bytes(whole[: whole.rfind(b"\n") + 1])
            yield
