"""The places of things: this checkout, the tests' shared files, and real logs where they are at hand."""

from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
