"""Is there a wheel of every pinned package, for every Python and every system that we name?

    python tests/wheels.py                  # resolves; nothing is installed, and wheels are not fetched whole
    python tests/wheels.py --python 3.14

Each package of `constraints.txt` is resolved as `pip download --no-deps --python-version` would.  A package
that comes as a source archive is named, because its user needs the build tools.  This asks the package
index, so it is no part of `make test`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "Linux": [f"manylinux_2_{minor}_x86_64" for minor in range(28, 16, -1)] + ["manylinux2014_x86_64"],
    "macOS": [f"macosx_{major}_0_{kind}" for major in range(14, 10, -1) for kind in ("arm64", "universal2")],
    "Windows": ["win_amd64"],
}
SOURCE_ONLY = {"antlr4-python3-runtime"}  # pure Python: pip builds it everywhere


def sources(python: str, platforms: list[str]) -> list[str]:
    """The pinned packages that have no wheel for this Python on these platforms.

    Raises `RuntimeError` with pip's last words where a pin does not exist there at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--ignore-installed",
            "--quiet",
            "--no-deps",
        ]
        command += ["--python-version", python, "--target", folder, "--report", str(report)]
        command += [word for platform in platforms for word in ("--platform", platform)]
        command += ["-r", str(CONSTRAINTS)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [f["metadata"]["name"] for f in found if not f["download_info"]["url"].endswith(".whl")]


def main() -> int:
    """Print a line per Python and system; 1 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", help="only this one (may be given several times)")
    missing = 0
    for python in parser.parse_args().python or PYTHONS:
        for system, platforms in SYSTEMS.items():
            try:
                without = set(sources(python, platforms))
            except RuntimeError as error:
                missing, line = missing + 1, str(error)
            else:
                missing += len(without - SOURCE_ONLY)
                line = f"source archives: {', '.join(sorted(without)) or 'none'}"
            print(f"Python {python} on {system}: {line}", flush=True)
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
