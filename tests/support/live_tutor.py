"""The small tutor file of the tests of live learners; it is written already, as an export takes time."""

from pathlib import Path

TUTOR = Path(__file__).parents[1] / "live" / "tutor.onnx"  # n in a row (2), KSS, 10 steps
