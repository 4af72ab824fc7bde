"""`python tests/learner_page.py`: docs/learner-page.png anew, a learner's page at 1,300 and at 400 pixels.

A rule (mastery threshold) teaches a made-up course of fractions; node and Chromium are needed.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]
ANSWERS = "11011101101111"
EXERCISE = "<p>Which is larger, ⅔ or ¾?</p>"


def main() -> None:
    """Build the page in a temporary folder, answer some exercises, and put two pictures side by side."""
    from packages import build, chromium, lacking, opened

    if why := lacking(browser=True):
        sys.exit(why)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        tutor = _tutor(folder)
        done = build(tutor, folder / "page", "--title=Fractions", "--content=content.json")
        if done.returncode:
            sys.exit(done.stderr)
        page = browser.new_page(viewport={"width": 1300, "height": 560})
        opened(page, (folder / "page/index.html").as_uri())
        for told in ANSWERS:
            page.evaluate(f"window.coursewright.answer({told})")
        page.wait_for_selector("#right:enabled")
        wide = page.screenshot()
        page.set_viewport_size({"width": 400, "height": 560})
        page.emulate_media(color_scheme="dark")
        _beside(wide, page.screenshot()).save(ROOT / "docs/learner-page.png", optimize=True)


def _tutor(folder: Path) -> Path:
    import json

    from coursewright.agents.export.whole import write
    from coursewright.agents.rules.mastery import MasteryThreshold
    from coursewright.envs.rewards import mean_gain
    from coursewright.envs.task import Task
    from coursewright.simulators.course import Course
    from coursewright.simulators.knowledge.bkt import Bkt
    from coursewright.simulators.knowledge.parameters import BktParameters

    skills = ["halves", "quarters", "thirds", "equal fractions", "adding", "comparing", "mixed numbers"]
    waits = [["halves", "quarters"], ["quarters", "equal fractions"], ["thirds", "equal fractions"]]
    waits += [["equal fractions", "adding"], ["equal fractions", "comparing"], ["adding", "mixed numbers"]]
    course = Course.of(skills, {f"{s} {n}": s for s in skills for n in (1, 2, 3)}, prerequisites=waits)
    believed = BktParameters(prior=[0.2] * 7, learn=[0.25] * 7, guess=[0.2] * 7, slip=[0.1] * 7)
    task = Task(Bkt(course, believed), tutor=believed, steps=60, reward=mean_gain)
    path = folder / "tutor.onnx"
    write(MasteryThreshold(0.9)(task), task, path)
    (folder / "content.json").write_text(json.dumps(dict.fromkeys(course.items, EXERCISE)))
    return path


def _beside(wide: bytes, narrow: bytes) -> Image.Image:
    left, right = Image.open(io.BytesIO(wide)), Image.open(io.BytesIO(narrow))
    both = Image.new("RGB", (left.width + right.width + 20, left.height), "#999")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 20, 0))
    return both


if __name__ == "__main__":
    main()
