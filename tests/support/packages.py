"""The npm packages of runtime/js and the system's Chromium; both may be absent, which is told in words."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock
from playwright.sync_api import Browser, Page, sync_playwright

from coursewright_runtime import Tutor
from tutor_files import Made, episodes_of, loose_columns

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


ASK = """async ([source, file, words, told]) => {
  const { Tutor, differs } = await import("coursewright-runtime");
  const { follow } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const tutor = await Tutor.open(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)), words);
  return [await differs(tutor), await follow(tutor, told)];
}"""


def ask(page: Page, tutor: Made, learners: int) -> list[str | None]:
    """The first differences from the golden trace, and from whole episodes, in an open learner's page."""
    file, words = base64.b64encode(tutor.path.read_bytes()).decode(), Tutor(tutor.path).words
    told = {"episodes": episodes_of(tutor, learners), "loose": loose_columns(tutor.task)}
    found: list[str | None] = page.evaluate(ASK, [FOLLOW, file, words, told])
    return found
