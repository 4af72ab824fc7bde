"""`make bench`: how fast things are, as ratios within one process, median of five.

    make bench                                  # everything
    make bench PARTS=teaching,zoo               # some of its parts

Absolute times on shared machines mean little; every line therefore measures both sides in turn and
prints the ratio beside the target.  Nothing here is asserted: it is for reading.  `bench_against.py`
compares two commits.
"""

import sys
from pathlib import Path

import numpy as np

from speed.environments import environments
from speed.rules import teaching
from speed.runtimes import runtimes
from speed.service import service
from speed.simulated import neural_learners, reviews, zoo
from speed.tutors import tutors
from speed.whole import demonstration, reaching
from speed.working import command_line, configured, fitting, remembering, training, wide

PARTS = (
    environments,
    zoo,
    neural_learners,
    reviews,
    teaching,
    training,
    configured,
    remembering,
    fitting,
    wide,
    command_line,
    runtimes,
    tutors,
)
LONG = (demonstration, reaching, service)  # minutes each: `bench_against.py` runs them where they are named


def main() -> None:
    """Measure everything, or the parts that are named, and print the table."""
    sys.path.insert(0, str(Path(__file__).parent / "support"))
    parts = {part.__name__: part for part in (*PARTS, *LONG)}
    asked = [name for word in sys.argv[1:] for name in word.split(",")] or [part.__name__ for part in PARTS]
    if unknown := [name for name in asked if name not in parts]:
        sys.exit(f"{unknown[0]}: no such part; known: {', '.join(parts)}")
    print(f"{'what':<45}{'absolute':>22}{'ratio':>9}  target")
    for name in asked:
        for row in parts[name]():
            ratio = "" if np.isnan(row.ratio) else f"{row.ratio:.2f}"
            print(f"{row.what:<45}{row.rate:>22}{ratio:>9}  {row.target}", flush=True)


if __name__ == "__main__":
    main()
