"""Compiled code is kept where nobody else can write, or nowhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coursewright.simulators.cache import cache_folder, source_hash
from places import ROOT

POSIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner that Python knows of")
ROOT_ONLY = pytest.mark.skipif(getattr(os, "getuid", lambda: 1)() != 0, reason="only root gives files away")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package of ours, and a home folder."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    folder = tmp_path / "package"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "module.py").write_text("one = 1\n")
    return folder


def test_it_is_beside_the_package_and_named_after_its_sources(package):
    first = cache_folder(package)
    assert first == package / "__pycache__" / f"numba-{source_hash(package)}"
    (package / "inside" / "module.py").write_text("one = 2\n")
    assert cache_folder(package) != first


@POSIX
def test_it_is_for_us_alone(package):
    folder = cache_folder(package)
    folder.chmod(0o755)  # as an earlier version left it
    assert cache_folder(package) == folder
    assert folder.stat().st_mode & 0o777 == 0o700


@POSIX
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_package_that_others_can_write_leads_to_the_home_folder(package, mode):
    package.chmod(mode)
    folder = cache_folder(package)
    assert folder is not None
    assert folder.parent == Path.home() / ".cache" / "coursewright"
    Path.home().chmod(mode)
    assert cache_folder(package) is None


@POSIX
def test_what_others_can_reach_through_a_folder_above_is_not_ours(package, tmp_path):
    (tmp_path / "open" / "mine").mkdir(parents=True, mode=0o700)
    (tmp_path / "open").chmod(0o777)
    given = str(tmp_path / "open" / "mine")
    assert cache_folder(package, given) is None
    (tmp_path / "open").chmod(0o1777)  # sticky, as /tmp is
    assert cache_folder(package, given) is not None


@POSIX
def test_a_given_folder_that_others_can_write_is_not_replaced_in_silence(package, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given").chmod(0o777)
    assert cache_folder(package, str(tmp_path / "given")) is None
    assert not list((tmp_path / "given").iterdir())


@POSIX
def test_a_link_is_judged_by_where_it_leads(package, tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    assert cache_folder(package, str(tmp_path / "link")) is None


@POSIX
def test_without_a_home_folder_nothing_is_left_where_we_are(package, tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    package.chmod(0o777)
    monkeypatch.chdir(tmp_path)
    assert cache_folder(package) is None
    assert {path.name for path in tmp_path.iterdir()} == {"home", "package"}


@ROOT_ONLY
def test_a_folder_of_somebody_else_is_not_ours(package):
    folder = cache_folder(package)
    os.chown(folder, 12345, 12345)
    assert cache_folder(package) != folder
    os.chown(package, 12345, 12345)
    assert cache_folder(package).is_relative_to(Path.home())


@POSIX
@pytest.mark.parametrize("ours", [True, False])
def test_kernels_run_with_and_without_a_cache(tmp_path, ours):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o700 if ours else 0o777)
    script = (
        "from coursewright.simulators.luck import hash_pair as h; print(h(__import__('numpy').uint64(1), 2))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
    assert bool(list(tmp_path.glob("cache/**/*.nbi"))) == ours
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    lines = done.stderr.splitlines()
    assert len(lines) == (not ours)
    assert ours or f"NUMBA_CACHE_DIR = {tmp_path / 'cache'}: must be a folder of yours" in lines[0]
