"""The house rules that a machine can check: directions of imports, places of things, light imports."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import coursewright
from coursewright.__main__ import VERBS

PACKAGE = Path(coursewright.__file__).parent
ROOT = PACKAGE.parent
LINKS = ("agents", "configs", "envs", "scripts", "simulators")
ANYTHING = None


class Room(NamedTuple):
    """The imports that a room may have: other rooms (or single modules of them), and libraries."""

    rooms: frozenset[str]
    libraries: frozenset[str] | None


def room(rooms: str, libraries: str | None) -> Room:
    return Room(frozenset(rooms.split()), ANYTHING if libraries is None else frozenset(libraries.split()))


# Imports point left only: simulators <- envs <- agents <- evaluation <- scripts, data <- fitting <- agents,
# data <- live <- scripts.
# numpy, the standard library, and the two modules at the package's root are everyone's.  A learner that
# needs torch gets a line in ONE_MODULE.
EVERYONES = ("errors", "files")
ROOMS = {
    "simulators": room("", "numba"),
    "envs": room("simulators", "numba gymnasium"),
    "data": room("", "pandas pyarrow scipy"),
    "fitting": room("simulators data", "numba pandas pyarrow scipy sklearn torch tqdm yaml"),
    "agents": room(
        "simulators envs data fitting",
        "numba gymnasium pandas pyarrow scipy sklearn torch stable_baselines3 sb3_contrib "
        "onnx onnxscript onnxruntime",
    ),
    "evaluation": room(
        "simulators envs data fitting agents",
        "numba gymnasium pandas pyarrow scipy sklearn torch onnx onnxruntime "
        "matplotlib jinja2 tqdm rich joblib",
    ),
    "live": room(
        "data", "coursewright_runtime sqlalchemy pyarrow fastapi starlette pydantic uvicorn isodate"
    ),
    "configs": room("", ""),
    "scripts": room("simulators envs data fitting agents evaluation live", ANYTHING),
}
# Further imports of one module, and of no other in its room.
ONE_MODULE: dict[str, str] = {
    "simulators/neural/tracer.py": "torch",
    **dict.fromkeys(("evaluation/tuning/search.py", "evaluation/tuning/space.py"), "optuna"),
    "evaluation/tuning/together.py": "optuna filelock",
    "evaluation/card/training.py": "stable_baselines3",  # its cards are no task of learners
    "agents/tutor_file.py": "coursewright_runtime",  # the reader of what agents/export writes
    "simulators/branch_free.py": "llvmlite",  # numba's own compiler, for one instruction
}


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of every import, wherever it hides: in functions, under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "." * node.level + (node.module or "")
            elif node.module == "coursewright":
                yield from ((node.lineno, f"coursewright.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and node.args:
                name = getattr(node.args[0], "value", None)
                yield node.lineno, name if isinstance(name, str) else "(a name made at run time)"


def violations(source: str, module: str) -> list[str]:
    """The imports of `source`, to live at `module` (`room/name.py`), that break the rules."""
    home = module.partition("/")[0]
    allowed, found = ROOMS[home], []
    everyones = {*sys.stdlib_module_names, "numpy", *ONE_MODULE.get(module, "").split()}
    for line, name in imports(ast.parse(source)):
        top, _, rest = name.partition(".")
        if name.startswith("."):
            found.append(f"{module}:{line}: relative import {name}")
        elif top in LINKS:
            found.append(f"{module}:{line}: bare import {name}: the top-level links are for reading")
        elif top == "coursewright":
            target = rest.partition(".")[0]
            known = target in ROOMS and target not in (home, *EVERYONES)
            if known and target not in allowed.rooms and rest not in allowed.rooms:
                found.append(f"{module}:{line}: {home} may not import {name}")
        elif allowed.libraries is not ANYTHING and top not in everyones | allowed.libraries:
            found.append(f"{module}:{line}: {home} may not import {name}")
    return found


def modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/**/*.py"))


@pytest.mark.parametrize("module", modules())
def test_imports_point_left(module: str) -> None:
    assert not violations((PACKAGE / module).read_text(encoding="utf-8"), module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("simulators/x.py", "import torch"),
        ("simulators/x.py", "import gymnasium as gym"),
        ("simulators/x.py", "from coursewright.envs.task import Task"),
        ("simulators/x.py", "def later():\n    from coursewright import envs"),
        ("simulators/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas"),
        ("envs/x.py", "import stable_baselines3.common"),
        ("envs/x.py", "import importlib\nimportlib.import_module('torch')"),
        ("envs/x.py", "import importlib\nimportlib.import_module('tor' + 'ch')"),
        ("envs/x.py", "from coursewright.agents import tracker"),
        ("envs/x.py", "import coursewright.data.log"),
        ("data/x.py", "from coursewright.simulators.knowledge.bkt import Bkt"),
        ("data/x.py", "import sklearn"),
        ("fitting/x.py", "from coursewright.envs import task"),
        ("agents/x.py", "import wandb"),
        ("agents/x.py", "from hydra.utils import instantiate"),
        ("agents/x.py", "from coursewright.scripts.tracking import CsvTracker"),
        ("evaluation/x.py", "from stable_baselines3 import PPO"),
        ("evaluation/x.py", "import sb3_contrib"),
        ("evaluation/x.py", "import hydra"),
        ("evaluation/x.py", "from coursewright.scripts import train"),
        ("configs/x.py", "from coursewright.simulators import bkt"),
        ("scripts/x.py", "from ..envs import task"),
        ("scripts/x.py", "from . import tracking"),
        ("scripts/x.py", "import envs"),
        ("scripts/x.py", "from agents.tracker import Tracker"),
    ],
)
def test_the_checker_catches(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("simulators/x.py", "import json, numpy, numba\nfrom coursewright.simulators.luck import Luck"),
        ("envs/x.py", "import gymnasium\nfrom coursewright.simulators import bkt\nimport coursewright"),
        ("data/x.py", "import pyarrow.parquet\nfrom coursewright.errors import InputError"),
        ("agents/x.py", "import torch.nn\nfrom coursewright.fitting.bkt.em import fit"),
        ("evaluation/x.py", "from coursewright.agents import tracker\nimport matplotlib.pyplot as plt"),
        ("scripts/x.py", "import hydra, wandb\nfrom coursewright import __version__"),
    ],
)
def test_the_checker_lets_pass(module: str, source: str) -> None:
    assert not violations(source, module)


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("**/*.py")), ids=lambda path: path.name)
def test_tests_import_the_package_and_not_the_links(path: Path) -> None:
    names = [name for _, name in imports(ast.parse(path.read_text(encoding="utf-8")))]
    assert not [name for name in names if name.partition(".")[0] in LINKS or name.startswith(".")]


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] not in "_."}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_every_room_explains_itself(name: str) -> None:
    assert (PACKAGE / name / "__init__.py").is_file(), "without it the room is not packaged"
    assert (PACKAGE / name / "README.md").is_file(), "a room's README names the things in it and the reasons"


def test_configs_hold_no_code() -> None:
    for path in (PACKAGE / "configs").glob("**/*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert path.name == "__init__.py"
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def test_apps_are_thin() -> None:
    apps = [PACKAGE / "scripts" / f"{verb}.py" for verb in VERBS]
    length = {app.name: len(app.read_text(encoding="utf-8").splitlines()) for app in apps}
    assert not {name: lines for name, lines in length.items() if lines > 60}


@pytest.mark.parametrize("name", LINKS)
def test_links_lead_to_the_rooms(name: str) -> None:
    link = ROOT / name
    if not link.is_symlink():
        pytest.skip(f"this checkout has no symbolic link {name}; nothing depends on it")
    assert Path(os.readlink(link)).as_posix() == f"coursewright/{name}"


@pytest.mark.parametrize("name", ["coursewright", "coursewright.__main__"])
def test_importing_the_package_stays_light(name: str) -> None:
    heavy = "{'torch', 'stable_baselines3', 'wandb', 'pandas', 'matplotlib'}"
    check = f"import sys, {name}; print(*sorted({heavy} & set(sys.modules)))"
    outcome = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert (outcome.returncode, outcome.stdout.strip()) == (0, ""), outcome.stderr


def test_a_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    # A YAML or a table that is not named in pyproject.toml works in a checkout and is missing once installed.
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.part")
    shutil.copytree(PACKAGE, tmp_path / "coursewright", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-q"]
    subprocess.run([*build, "-w", tmp_path / "out", tmp_path], check=True, timeout=120)
    (wheel,) = (tmp_path / "out").glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("coursewright/")}
    here = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("coursewright/**/*") if path.is_file()
    }
    assert packed == here
