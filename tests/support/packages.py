"""The npm packages of runtime/js and the system's Chromium; both may be absent, which is told in words."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock
from playwright.sync_api import Browser, Page, sync_playwright

JS = Path(__file__).parents[2] / "runtime/js"
FOLLOW = (JS.parents[1] / "tests/runtime/follow.mjs").read_text()
NODE, NPM = shutil.which("node"), shutil.which("npm")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def lacking(browser: bool = False) -> str:
    """The reason why the packages of runtime/js (and a browser) cannot be had; empty once they are there."""
    if not (NODE and NPM):
        return "no node and npm here"
    if browser and not CHROMIUM:
        return "no Chromium here"
    with FileLock(Path(gettempdir()) / "coursewright-npm.lock"):
        if (JS / "node_modules/onnxruntime-web/package.json").exists():
            return ""
        asked = [NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-timeout=20000"]
        try:
            done = subprocess.run(asked, cwd=JS, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return "npm took longer than five minutes"
        return f"npm cannot have the packages: {done.stderr.strip()[-200:]}" if done.returncode else ""


def build(tutor: Path | str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The learner's page by its one command, which `npm run page` runs too."""
    asked = [NODE, JS / "page/build.js", str(tutor), f"--to={folder}", *options]
    return subprocess.run(asked, capture_output=True, text=True, cwd=folder.parent)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(page: Page, where: str) -> None:
    """Go to a learner's page, and wait until the exercise is there."""
    page.goto(where)
    page.wait_for_selector("#main:not([hidden])", timeout=120_000)
    assert page.text_content("#message") == ""
