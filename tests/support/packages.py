"""The npm packages of runtime/js and the system's Chromium, or a word that says why they are not there."""

import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir

import pytest
from filelock import FileLock

JS = Path(__file__).parents[2] / "runtime/js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def node() -> str:
    """The program `node`, with the packages of runtime/js installed; the test is skipped where that fails."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if not (found and npm):
        pytest.skip("no node and npm here")
    with FileLock(Path(gettempdir()) / "coursewright-npm.lock"):
        if not (JS / "node_modules/onnxruntime-web/package.json").exists():
            asked = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-timeout=20000"]
            try:
                done = subprocess.run(asked, cwd=JS, capture_output=True, text=True, timeout=300)
            except subprocess.TimeoutExpired:
                pytest.skip("npm took longer than five minutes")
            if done.returncode:
                pytest.skip(f"npm cannot have the packages of runtime/js: {done.stderr.strip()[-200:]}")
    return found


def chromium() -> str:
    """The system's Chromium; the test is skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    return CHROMIUM
