"""Pictures of pages for docs/: the replay of the shipped log, and the teacher's page over a class.

    python tests/pages.py [--work FOLDER] [--to docs]

It fits learners to the shipped log, makes a tutor file, replays the log, and lets the class of
`docs/xapi_class.py` play against the service (some minutes).  What is in FOLDER already is not made again.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = "/usr/bin/chromium"
TOKEN, PORT = "a-token-for-pictures", 8799
WIDE, NARROW = {"width": 1300, "height": 900}, {"width": 400, "height": 860}


def typed(work: Path, *words: str) -> None:
    """Run a command line in the working folder."""
    print("  coursewright", *words, flush=True)
    line = [sys.executable, "-m", "coursewright", *words]
    subprocess.run(line, cwd=work, check=True, stdout=subprocess.DEVNULL)


def tutor(work: Path) -> None:
    """The tutor file, and the replay of the shipped log."""
    if not (work / "tutor.onnx").exists():
        learners = ["simulator=bkt", "simulator.folder=learners", "task=mastery", "agent=mastery_threshold"]
        typed(work, "fit", "draws=0", "worlds=0", "out=learners")
        typed(work, "train", *learners, "learners=50", "tracker=none", "hydra.run.dir=rule")
        typed(work, "export", "run=rule", "whole=true", "to=tutor.onnx")
    if not (work / "replayed" / "report.html").exists():
        typed(work, "replay", "policy=tutor.onnx", "settings.shown=6", "hydra.run.dir=replayed")


@contextmanager
def served(work: Path) -> Iterator[str]:
    """The service, over a class of 30 that has played."""
    environment = {**os.environ, "COURSEWRIGHT_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(work / "settings")}
    line = [sys.executable, "-m", "coursewright", "serve", "policy=tutor.onnx", f"port={PORT}"]
    there, address = (work / "live.sqlite").exists(), f"http://127.0.0.1:{PORT}"
    service = subprocess.Popen(line, cwd=work, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.2)
        if not there:
            class_ = [sys.executable, ROOT / "docs" / "xapi_class.py", "--service", address]
            subprocess.run(class_, cwd=work, env=environment, check=True)
        yield address
    finally:
        service.terminate()
        service.wait()


def opened(browser: Browser, view: dict[str, int], address: str, **more: str) -> Page:
    """The teacher's page, signed in."""
    page = browser.new_context(viewport=view, **more).new_page()
    page.goto(address)
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#list tbody tr")
    return page


def shoot(work: Path, to: Path) -> None:
    """Look at both pages, and keep pictures."""
    with sync_playwright() as play, served(work) as address:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        report = (work / "replayed" / "report.html").resolve().as_uri()
        for view, name in ((WIDE, "replay"), (NARROW, "replay-phone")):
            page = browser.new_page(viewport=view)
            page.goto(report)
            top = {"x": 0, "y": 0, "width": view["width"], "height": 1500}
            page.screenshot(path=to / f"{name}.png", clip=top, full_page=True)
        opened(browser, WIDE, address).screenshot(path=to / "teacher.png")
        page = opened(browser, NARROW, address)
        page.locator("#list tbody button").first.click()
        page.wait_for_selector("#effect svg")
        page.screenshot(path=to / "teacher-phone.png")
        browser.close()


def main() -> None:
    """Make the pictures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--work", type=Path, help="the working folder; it is kept")
    asked.add_argument("--to", type=Path, default=ROOT / "docs", help="the folder of the pictures")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        work = (given.work or Path(spare)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        tutor(work)
        shoot(work, given.to.resolve())


if __name__ == "__main__":
    main()
