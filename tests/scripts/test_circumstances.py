"""Commands on machines that lack something: room on the disk, a home to write in, shared memory, UTF-8.

Each must work, with the same results, or end in one line.  Linux lets a process see a machine of its own
(`unshare --mount`); where that is not allowed, these tests say so and are skipped.
"""

import functools
import os
import shlex
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from compared import only
from lives import COMMAND, SMALL, finish, results, same
from places import ROOT

UNSHARE = ["unshare", "--mount", "sh", "-c"]


@functools.cache
def can_unshare():
    """True where this process may mount something that nobody else sees."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "mount -t tmpfs none /mnt"], capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_unshare(), reason="mounts file systems of its own, which needs root on Linux"),
]

FEW = only("random", "random_legal", "round_robin", "n_in_a_row", "mastery_threshold", "oracle_greedy")


class Case(NamedTuple):
    """A command line and the folder of its results."""

    arguments: list[str]
    made: str


CASES = {
    "train": Case(["train", *SMALL, "tracker=csv", "hydra.run.dir=run"], "run"),
    "sweep": Case(
        ["train", "-m", "seed=0,1", *SMALL, "tracker=csv", "hydra.sweep.dir=runs"],
        "runs",
    ),
    "evaluate": Case(
        ["evaluate", *FEW, "reference=random", "learners=100", "tracker=csv", "hydra.run.dir=run"],
        "run",
    ),
    "simulate": Case(["simulate", "learners=200", "to=made.parquet", "hydra.run.dir=run"], "run"),
    "fit": Case(["fit", "draws=2", "out=mine", "hydra.run.dir=run"], "mine"),
}


def within(mounts, folder, arguments, **environment):
    """Run a command in a machine of its own, in which some mounts were made; the finished process."""
    folder.mkdir(parents=True, exist_ok=True)
    line = f"{mounts}\ncd {shlex.quote(str(folder))}\nexec {shlex.join([*COMMAND, *arguments])}"
    return subprocess.run(
        [*UNSHARE, line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    """By the name of a case: the folder of its results on the machine as it is."""

    @functools.cache
    def made(name):
        folder = tmp_path_factory.mktemp(name)
        finish(folder, *CASES[name].arguments)
        return folder / CASES[name].made

    return made


def assert_works(done, made, expected):
    """The command ended well and left the ordinary results."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    same(made, expected)


READ_ONLY = """
mkdir -p {home}
mount --bind {home} {home} && mount -o remount,ro,bind {home}
mount --bind {package} {package} && mount -o remount,ro,bind {package}
"""


@pytest.mark.parametrize("name", CASES)
def test_a_read_only_home_and_package(ordinary, name, tmp_path):
    home = tmp_path / "home"
    mounts = READ_ONLY.format(home=home, package=shlex.quote(str(ROOT / "coursewright")))
    environment = {"HOME": str(home), "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""}
    done = within(mounts, tmp_path / "work", CASES[name].arguments, **environment)
    assert_works(done, tmp_path / "work" / CASES[name].made, ordinary(name))


@pytest.mark.parametrize("name", CASES)
def test_no_shared_memory(ordinary, name, tmp_path):
    done = within("mount -t tmpfs -o ro none /dev/shm", tmp_path, CASES[name].arguments)
    assert_works(done, tmp_path / CASES[name].made, ordinary(name))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"TZ": "Pacific/Chatham"}, {"TERM": "dumb", "COLUMNS": "20"}],
    ids=lambda environment: next(iter(environment)),
)
def test_words_and_clocks_of_another_place(ordinary, name, environment, tmp_path):
    done = within("", tmp_path, CASES[name].arguments, **environment)
    assert_works(done, tmp_path / CASES[name].made, ordinary(name))


@pytest.mark.parametrize("name", CASES)
def test_a_folder_with_an_odd_name(ordinary, name, tmp_path):
    folder = tmp_path / "a b\nc=d,e $f {f} 'g' [h] é"
    done = within("", folder, CASES[name].arguments)
    assert_works(done, folder / CASES[name].made, ordinary(name))


def test_a_folder_that_looks_like_a_setting_is_one_line(tmp_path):
    done = within("", tmp_path / "a ${f}", ["train"])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "must be one without '${' in its name" in done.stderr


@pytest.mark.parametrize("share", [0.02, 0.5])
@pytest.mark.parametrize("name", CASES)
def test_a_full_disk_is_one_line_and_the_command_works_once_there_is_room(ordinary, name, share, tmp_path):
    arguments, made = CASES[name]
    expected = ordinary(name)
    room = max(4096, int(share * sum(map(len, results(expected).values()))))
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    first = shlex.join([*COMMAND, *arguments])
    again = shlex.join([*COMMAND, "train", "resume=run"]) if name == "train" else first
    # The same disk twice, with little room and with enough; a copy of it outlives its mount.
    script = f"""
    mount -t tmpfs -o size={room} none {disk} && cd {disk} || exit 99
    {first} >{tmp_path}/first.log 2>&1 && exit 98
    mount -o remount,size=200m {disk} || exit 97
    if [ -f run/config.yaml ]; then {again}; else {first}; fi >{tmp_path}/second.log 2>&1 || exit 96
    cp -r {disk} {kept}
    """
    done = subprocess.run([*UNSHARE, script], stdin=subprocess.DEVNULL, timeout=600, check=False)
    words = (tmp_path / "first.log").read_text()
    assert "Traceback" not in words, words
    assert "o space left" in words, words
    assert done.returncode == 0, (tmp_path / "second.log").read_text()
    same(kept / made, expected)
