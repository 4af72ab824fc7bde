"""Every Python example in a README or in docs/ runs as it is printed, on its own and in an empty folder."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = [ROOT / "runtime/README.md", *sorted(ROOT.glob("coursewright/*/README.md"))]
PAGES = [ROOT / "README.md", *ROOMS, *sorted(ROOT.glob("docs/*.md"))]
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
PUPILS = "pupil,item,topic,time,correct\nann,a,sums,0,1\nann,b,sums,1,0\nbob,a,sums,0,0\n"


def examples() -> list[object]:
    """Each example, by page and number; the front page's trains for two minutes."""
    return [
        pytest.param(
            code,
            id=f"{page.relative_to(ROOT).as_posix()}-{number}",
            marks=[pytest.mark.slow] if "Ppo(" in code else [],
        )
        for page in PAGES
        for number, code in enumerate(EXAMPLE.findall(page.read_text(encoding="utf-8")))
    ]


@pytest.mark.parametrize("code", examples())
def test_an_example_runs_as_it_is_printed(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers.csv").write_text(PUPILS, encoding="utf-8")  # the file that the page about logs reads
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # the key of a store that an example begins
    for name in ("tutor.onnx", "tutor.json"):
        shutil.copy(ROOT / "tests" / "live" / name, tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})
