"""A tutor file in use: the import of the runtime, and a decision in Python and in Chromium."""

import base64
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from speed.measuring import ROUNDS, Row

IMPORT = "import time; t = time.perf_counter(); import coursewright_runtime; print(time.perf_counter() - t)"
TIMES = """async ([source, file, words]) => {
  const { Tutor } = await import("coursewright-runtime");
  const { milliseconds } = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  return await milliseconds(await Tutor.open(Uint8Array.from(atob(file), (c) => c.charCodeAt(0)), words));
}"""


def runtimes() -> list[Row]:
    """Seconds of an import, and milliseconds of a decision: the best of some rounds, as they are."""
    from coursewright_runtime import Tutor

    rows = [Row("import of coursewright_runtime", f"{_importing():.2f} s", np.nan, "below .3 s")]
    print(f"load of this machine: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        tutors = {what: Tutor(path) for what, path in _tutors(Path(name)).items()}
        for what, tutor in tutors.items():
            size = tutor.path.stat().st_size / 1e3
            rows.append(Row(f"{what}: its file", f"{size:.0f} kB", np.nan, "below 300 kB"))
            rows.append(
                Row(f"{what}: a decision, Python", f"{_deciding(tutor):.2f} ms", np.nan, "below .5 ms")
            )
        rows += _in_chromium(tutors)
    return rows


def _tutors(folder: Path) -> dict[str, Path]:
    """A network of 128-128 and a rule, both on the twenty skills of BKT-v0."""
    from coursewright.agents.export.whole import write
    from coursewright.agents.learning.ppo import Ppo
    from coursewright.agents.rules.mastery import MasteryThreshold
    from coursewright.agents.tracker import SilentTracker
    from coursewright.envs.shipped import bkt

    task, few = bkt(mask=True), {"steps": 640, "learners": 16, "batch_size": 80, "imitate": None}
    agents = {"network": Ppo(layers=(128, 128), masked=True, **few), "rule": MasteryThreshold(0.95)}
    for name, agent in agents.items():
        write(agent(task, 0, SilentTracker()), task, folder / f"{name}.onnx")
    return {name: folder / f"{name}.onnx" for name in agents}


def _importing() -> float:
    done = [
        subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, check=True) for _ in range(ROUNDS)
    ]
    return min(float(one.stdout) for one in done)


def _deciding(tutor: Any) -> float:
    """Milliseconds of the best of some rounds' medians."""
    lesson, best = tutor.begin(), []
    for _ in range(ROUNDS):
        taken = []
        for _ in range(200):
            begin = time.perf_counter()
            lesson.next()
            taken.append(time.perf_counter() - begin)
        best.append(float(np.median(taken)))
    return 1e3 * min(best)


def _in_chromium(tutors: dict[str, Any]) -> list[Row]:
    from packages import FOLLOW, build, chromium, lacking, opened

    if why := lacking(browser=True):
        return [Row("a decision, Chromium", why, np.nan, "below 2 ms")]
    rows = []
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        for what, tutor in tutors.items():
            folder = Path(name) / what
            build(tutor.path, folder)
            page = browser.new_page()
            begin = time.perf_counter()
            opened(page, (folder / "index.html").as_uri())
            ready = time.perf_counter() - begin
            file = base64.b64encode(tutor.path.read_bytes()).decode()
            taken = min(page.evaluate(TIMES, [FOLLOW, file, tutor.words]) for _ in range(ROUNDS))
            rows.append(Row(f"{what}: a decision, Chromium", f"{taken:.2f} ms", np.nan, "below 2 ms"))
            rows.append(Row(f"{what}: its page is ready", f"{ready:.1f} s", np.nan, ""))
    return rows
