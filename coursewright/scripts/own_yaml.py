"""YAML files of one's own, from `--config-dir`, that cannot be read or would not be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from coursewright.errors import InputError
from coursewright.scripts.manual import CONFIGS
from coursewright.scripts.trust import shown


@contextmanager
def readable(folder: str | None) -> Iterator[None]:
    """Compose with the files below `folder`.

    Raises `InputError` with the file and the line of a fault, and for a name that is taken: Hydra would read
    the package's file, and say nothing.
    """
    if folder is not None:
        _refuse_taken(Path(folder))
    try:
        yield
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            mark, problem = error.problem_mark, error.problem or error.context
            raise _wrong(mark.name, mark.line + 1, str(problem)) from error
        for file in sorted(Path(folder).rglob("*.yaml")) if folder is not None else ():
            _refuse_letters(file)
        raise


def _refuse_taken(folder: Path) -> None:
    for file in sorted(folder.rglob("*.yaml")):
        place = file.relative_to(folder)
        if (CONFIGS / place).is_file():
            taken = f"{shown(str(file))}: coursewright's own {place} would be read instead"
            raise InputError(f"--config-dir: {taken}; give the file another name")


def _refuse_letters(file: Path) -> None:
    try:
        content = file.read_bytes()
        content.decode("utf-8")
    except OSError:
        pass
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _wrong(
            str(file), line, f"byte {content[error.start]:#04x} is no UTF-8; save it as UTF-8"
        ) from error


def _wrong(file: str, line: int, problem: str) -> InputError:
    return InputError(f"--config-dir: {shown(file)}, line {line}: is no YAML ({shown(problem)})")
