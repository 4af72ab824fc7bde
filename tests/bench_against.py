"""`make bench AGAINST=COMMIT ROUNDS=5`: how fast the present sources are, over how fast a commit's are.

Each part of the bench runs ROUNDS times in turn, once with the commit's sources in a temporary worktree
and once with the present ones, both with this interpreter and each with compiled code of its own.  A row's
speed-up is the median over rounds of its ratio now over its ratio then; of rows without a ratio the rates
or seconds count.  `PARTS=zoo,environments` measures some of the parts.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import LONG, PARTS
from speed.measuring import Row

ROOT = Path(__file__).resolve().parents[1]
# These use nothing but Gymnasium and the command line, so that the present bench can measure any commit;
# the others are measured by the commit's own bench.
PUBLIC = ("environments", "command_line", "demonstration", "reaching")
# Rows had other names before; `git log -S` tells since when.
RENAMED = {
    "1,024 learners, dash / CartPole-v1": "1,024 learners, deeptutor_dash / CartPole-v1",
    "1,024 learners, hlr_deeptutor / CartPole-v1": "1,024 learners, deeptutor_hlr / CartPole-v1",
}
# The speed-ups over commit 8a0e52d that were promised.
AIMS = {
    "1,024 learners, best_lr / CartPole-v1": 8.0,
    "1,024 learners, fsrs / CartPole-v1": 5.0,
    "1,024 learners, pfa / CartPole-v1": 5.0,
    "1,024 learners, das3h / CartPole-v1": 3.0,
    "1,024 learners, rltutor / CartPole-v1": 3.0,
    "1,024 learners, act_r / CartPole-v1": 1.8,
    "1,024 learners, BKT-v0 / CartPole-v1": 1.25,
    "4,096 learners, BKT-v0 / CartPole-v1": 1.25,
    "coursewright demo, the first time": 1.0 / 0.85,
    "coursewright demo, warm": 1.0 / 0.85,
    "KSS T=30, training to E_p .915": 2.0,
}
AIMED_AT = "8a0e52d"
SLOWER = 0.95


def speed(row: Row) -> float:
    """A row's ratio, or its rate where it has none; seconds count inversely."""
    if row.ratio is not None and row.ratio == row.ratio:
        return row.ratio
    number, unit = row.rate.split(maxsplit=1)
    value = float(number.replace(",", ""))
    return 1.0 / max(value, 1e-3) if unit == "s" else value


def speeds(rows: Sequence[Row]) -> dict[str, float]:
    """Each row's speed by its present name."""
    return {RENAMED.get(row.what, row.what): speed(row) for row in rows}


def table(then: Sequence[Mapping[str, float]], now: Sequence[Mapping[str, float]], aims: bool) -> list[str]:
    """A line for each row of the present bench: median speed-up over the rounds, its range, what is amiss."""
    lines = []
    for what in now[0]:
        if what not in then[0]:
            lines.append(f"{what:<50}{'new':>9}")
            continue
        ups = [after[what] / before[what] for before, after in zip(then, now, strict=True)]
        middle, aim = median(ups), AIMS.get(what) if aims else None
        notes = [f">= {aim:g}{'' if middle >= aim else ' missed'}"] if aim else []
        notes += ["slower"] if middle < SLOWER else []
        lines.append(f"{what:<50}{middle:>9.3f}{min(ups):>9.3f}{max(ups):>9.3f}  {', '.join(notes)}".rstrip())
    return lines


def measured(bench: Path, package: Path, part: str) -> dict[str, float]:
    """The speeds of one part of a checkout's bench, measured on a checkout's package."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/speed/child.py"), str(bench / "tests"), part],
        cwd=package,
        env=environment | {"PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return speeds([Row(*row) for row in json.loads(done.stdout.splitlines()[-1])])


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """The files of a commit in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve() / "sources"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), commit], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def main(commit: str, rounds: str = "5", parts: str = "") -> int:
    """Compare, and print each part as soon as it is measured."""
    usual, known = [part.__name__ for part in PARTS], [part.__name__ for part in (*PARTS, *LONG)]
    chosen = [part for part in parts.split(",") if part] or usual
    if not rounds.isdecimal() or int(rounds) < 1 or not set(chosen) <= set(known):
        print(
            f"ROUNDS = {rounds}, PARTS = {parts}: must be a whole number >= 1, of {','.join(known)}",
            file=sys.stderr,
        )
        return 2
    name = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"],
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    if not name:
        print(f"AGAINST = {commit}: must be a commit of this repository (git log)", file=sys.stderr)
        return 2
    with checkout(name) as old:
        print(f"{f'speed-up over {name[:7]}':<50}{'median':>9}{'lowest':>9}{'highest':>9}  aim")
        for part in chosen:
            bench = ROOT if part in PUBLIC else old
            pairs = [(measured(bench, old, part), measured(ROOT, ROOT, part)) for _ in range(int(rounds))]
            then, now = zip(*pairs, strict=True)
            print("\n".join(table(then, now, name.startswith(AIMED_AT))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
