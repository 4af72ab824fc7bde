"""The memory and the time that a log of many rows takes, from CSV to a fitted model: run by hand.

    python tests/large_log.py 20_000_000 --work /tmp/large --fit

Made-up learners answer 200 times each, on 100 skills with 50 items each, by BKT.  Every stage runs in a
process of its own and tells its time and its peak of resident memory.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from coursewright.data.compact import by_skill, read_stored
from coursewright.data.read import LogFile
from coursewright.data.stream import iterate, store
from coursewright.fitting.bkt.em import fit
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded

ANSWERS, SKILLS, ITEMS, AT_ONCE = 200, 100, 50, 2_000  # AT_ONCE learners go through the course side by side
PRIOR, LEARN, GUESS, SLIP = 0.3, 0.1, 0.2, 0.1
SKILL_NAMES = np.array([f"skill {k}" for k in range(SKILLS)])


def make(folder, rows):
    """A CSV of `rows` rows, in which the rows of many learners are mixed."""
    rng = np.random.default_rng(0)
    with pa.OSFile(str(folder / "log.csv"), "wb") as file:
        writer = None
        for first in range(0, rows // ANSWERS, AT_ONCE):
            block = answers(rng, first, min(AT_ONCE, rows // ANSWERS - first))
            writer = writer or pa.csv.CSVWriter(file, block.schema)
            writer.write_table(block)
        writer.close()
    return {"bytes": (folder / "log.csv").stat().st_size}


def answers(rng, first, n):
    known = rng.random((n, SKILLS)) < PRIOR
    who, blocks = np.arange(n), []
    for day in range(ANSWERS):
        skill = rng.integers(SKILLS, size=n)
        knows = known[who, skill]
        right = rng.random(n) < np.where(knows, 1.0 - SLIP, GUESS)
        known[who, skill] = knows | (rng.random(n) < LEARN)
        blocks.append((skill, rng.integers(ITEMS, size=n), np.full(n, 1_600_000_000 + day * 86_400), right))
    skill, item, seconds, right = (np.concatenate(column) for column in zip(*blocks, strict=True))
    names = np.array([f"learner-{k}" for k in range(first, first + n)])
    return pa.table(
        {
            "user_id": np.tile(names, ANSWERS),
            "problem": skill * ITEMS + item,
            "kc": SKILL_NAMES[skill],
            "time": seconds,
            "correct": right.astype(np.int8),
        }
    )


def convert(folder, rows, parts=64):
    columns = {"learner": "user_id", "item": "problem", "skills": "kc"}
    into = partial(store, folder=folder / "log", parts=parts)
    kept = LogFile(folder / "log.csv", columns=columns, unit="s")(into)
    size = sum(file.stat().st_size for file in kept.parts)
    return {"rows": kept.rows, "learners": kept.learners, "reordered": kept.reordered, "bytes": size}


def walk(folder, rows):
    seen = right = 0
    for table in iterate(folder / "log", learners=1_000):
        seen += table.num_rows
        right += int((table["correct"].to_numpy() == 1).sum())
    return {"rows": seen, "share_correct": round(right / seen, 4)}


def load(folder, rows):
    table = read_stored(folder / "log").table
    return {"rows": table.num_rows, "bytes": table.nbytes}


def fit_bkt(folder, rows):
    found = fit(Sequences.of(Coded.of(read_stored(folder / "log"))))
    prior, learn, _, guess, slip = (round(float(value), 3) for value in np.median(found.theta, axis=0))
    return {
        "prior": prior,
        "learn": learn,
        "guess": guess,
        "slip": slip,
        "converged": int(found.converged.sum()),
    }


def gather(folder, rows):
    found = by_skill(folder / "log")
    return {"answers": len(found.correct), "sequences": len(found.learner)}


STAGES = {"make": make, "convert": convert, "walk": walk, "load": load, "gather": gather, "fit": fit_bkt}


def measured(stage, folder, rows):
    """Run one stage in a process of its own: its result, seconds, and peak resident memory in MB."""
    command = [sys.executable, __file__, str(rows), "--work", str(folder), "--stage", stage]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=lambda text: int(text.replace("_", "")))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--fit", action="store_true")
    chosen = parser.parse_args()
    if chosen.stage:
        begin = time.perf_counter()
        found = STAGES[chosen.stage](chosen.work, chosen.rows)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time(), "peak_mb": peak}
        print(json.dumps(found | {name: round(value) for name, value in spent.items()}))
        return
    chosen.work.mkdir(parents=True)
    try:
        for stage in STAGES:
            if stage != "fit" or chosen.fit:
                print(f"{stage:<8}", measured(stage, chosen.work, chosen.rows), flush=True)
    finally:
        shutil.rmtree(chosen.work)


if __name__ == "__main__":
    main()
