"""Where things lie: this checkout, what the tests share, and real logs where they are at hand."""

from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
