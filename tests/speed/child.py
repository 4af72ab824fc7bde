"""Measures one part of a bench and prints its rows as JSON: `python child.py TESTS PART`.

`TESTS` is the folder whose `bench.py` measures; PYTHONPATH decides which `coursewright` is measured.
"""

import importlib
import json
import sys
from pathlib import Path


def main(tests: str, part: str) -> None:
    sys.path[0] = tests  # in the place of this script's own folder
    sys.path.insert(1, str(Path(tests) / "support"))
    measure = getattr(importlib.import_module("bench"), part, None)
    print(json.dumps([] if measure is None else measure()))


if __name__ == "__main__":
    main(*sys.argv[1:])
