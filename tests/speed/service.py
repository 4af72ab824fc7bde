"""The service under load: 300 responses a second over 100,000 learners, in SQLite and in PostgreSQL.

The generator is open-loop: a request is due at its time whether or not those before it were answered, and its
latency counts from that time.  It shares the machine's cores with the service.
"""

import asyncio
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from coursewright.agents.export.whole import write
from coursewright.agents.rules.mastery import MasteryThreshold
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.shipped import kss
from coursewright.live.recommender import Recommender
from coursewright.live.words import Response
from speed.measuring import Row

CLASS, RATE, SECONDS, TIMES = 100_000, 300, 60.0, 3
AT_ONCE = 2_000
BAR = 0.050  # seconds, the 99th percentile


def service() -> Iterator[Row]:
    """Both stores, best of three."""
    from postgres import programs, server

    learners = int(os.environ.get("LEARNERS", CLASS))
    seconds = float(os.environ.get("SECONDS", SECONDS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        task = kss(30)
        write(MasteryThreshold()(task, 0, SilentTracker()), task, folder / "tutor.onnx")
        yield from _loaded(folder, str(folder / "live.sqlite"), "SQLite", learners, seconds)
        if programs() is None:
            print("no PostgreSQL here: its part is left out", flush=True)
            return
        with server() as url:
            yield from _loaded(folder, url, "PostgreSQL", learners, seconds)


def _loaded(folder: Path, store: str, kind: str, learners: int, seconds: float) -> Iterator[Row]:
    from load import at_rate
    from load import service as started

    _fill(folder, store, learners)
    rng = random.Random(0)
    found = []
    with started(folder, folder / "tutor.onnx", f"store={store}") as (port, _):
        asyncio.run(at_rate(port, RATE, 3.0, lambda n: _ask(rng, learners, f"warm{n}")))
        for time in range(TIMES):
            taken = asyncio.run(
                at_rate(port, RATE, seconds, lambda n, t=time: _ask(rng, learners, f"{t}-{n}"))
            )
            p50, p99 = np.percentile(taken, [50, 99])
            found.append((p99, p50))
            load = os.getloadavg()[0]
            print(
                f"  {kind}, run {time + 1}: {len(taken):,} answered, p50 {1e3 * p50:.1f} ms, "
                f"p99 {1e3 * p99:.1f} ms, longest {1e3 * max(taken):.0f} ms; load of the machine {load:.1f}",
                flush=True,
            )
    p99, p50 = min(found)
    rate = f"p99 {1e3 * p99:.1f}, p50 {1e3 * p50:.1f} ms"
    yield Row(f"{RATE}/s, {learners:,} learners, {kind}", rate, BAR / p99, "p99 < 50 ms: >= 1")


def _fill(folder: Path, store: str, learners: int) -> None:
    """Give each learner a first response."""
    tutor = Recommender(folder / "tutor.onnx", store, folder / "key")
    for first in range(0, learners, AT_ONCE):
        some = range(first, min(first + AT_ONCE, learners))
        tutor.observe_many([Response(f"learner {n}", tutor.items[n % 10], n % 2) for n in some])
    tutor.close()


def _ask(rng: random.Random, learners: int, name: str) -> dict[str, object]:
    learner, item = f"learner {rng.randrange(learners)}", str(rng.randrange(10))
    return {"learner": learner, "item": item, "correct": rng.randrange(2), "minutes": 0.5, "id": name}
