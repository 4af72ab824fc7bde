"""Simulated learners alone, without an environment."""

import time
from collections.abc import Callable

import numpy as np

from speed.environments import single
from speed.measuring import HORIZON, LEARNERS, Row, ratios

# Steps a second of the fastest published code for the same model, where CartPole-v1 makes 160,000.
PEERS = {
    "kss_cseal18": 86_000,  # RAR
    "kss_edusim19": 197_000,  # EduSim, three in five of them rejected
    "kss_edusim20": 60_000,
    "kss_edusim21": 34_000,
    "tms": 23_000,  # EduSim
    "efc": 133_000,  # deeptutor
    "deeptutor_hlr": 77_000,
    "deeptutor_dash": 35_000,
}
CARTPOLE = 160_000


def learners(name: str) -> Callable[[], float]:
    """Learner-steps a second of a simulator alone: practice, gap, mastery; enrolment every 100 steps."""
    from contract import made
    from coursewright.simulators.luck import Seeds, identify
    from coursewright.simulators.protocol import empty_response

    simulator = made(name)
    course, rows = simulator.course, np.arange(LEARNERS)
    items = np.random.default_rng(0).integers(0, course.n_items, (HORIZON, LEARNERS))
    state, response = simulator.empty(LEARNERS), empty_response(LEARNERS)
    taught, days = np.ones(LEARNERS, bool), np.full(LEARNERS, 1.0)
    mastery = np.zeros((LEARNERS, course.n_skills), np.float32)

    def measure() -> float:
        begin = time.process_time()
        luck = identify(Seeds(), rows, 0, np.zeros(LEARNERS, np.int64))
        simulator.enrol(state, rows, luck)
        for item in items:
            simulator.practise(state, item, taught, luck, response)
            luck.step[:] += 1
            simulator.elapse(state, days, luck)
            simulator.mastery(state, mastery)
        return items.size / (time.process_time() - begin)

    return measure


def zoo() -> list[Row]:
    """Every configured simulator against CartPole-v1; the aim is 20 times the fastest peer."""
    from contract import names

    chosen = [name for name in names() if name not in ("custom", "kes")]
    measured = ratios(single("CartPole-v1"), *map(learners, chosen))
    return [
        Row(
            f"1,024 learners, {name} / CartPole-v1",
            f"{rate:,.0f} steps/s",
            ratio,
            f">= {20 * PEERS[name] / CARTPOLE:.1f}" if name in PEERS else "",
        )
        for name, (rate, ratio) in zip(chosen, measured, strict=True)
    ]


def neural_learners() -> list[Row]:
    """Whole episodes of neural learners: a GRU of 64 over 2,163 items, 256 learners, 400 targets.

    The aim is 5 times RAR's 24,000 steps a second, scaled like `PEERS`.
    """
    from coursewright.simulators.course import Course
    from coursewright.simulators.luck import Seeds, identify
    from coursewright.simulators.neural.kes import Kes
    from coursewright.simulators.neural.network import Network
    from coursewright.simulators.neural.sessions import Sessions
    from coursewright.simulators.neural.tracer import Tracer
    from coursewright.simulators.protocol import empty_response

    items, hidden, learners, steps = 2163, 64, 256, 30
    rng = np.random.default_rng(0)
    shapes = ((items, 2, 3 * hidden), (hidden, 3 * hidden), (3 * hidden,), (items, hidden), (items,))
    network = Network(*(rng.normal(0.0, 0.1, shape) for shape in shapes))
    rows = 100 * np.arange(401)
    sessions = Sessions(rows, np.arange(400), rng.integers(0, items, 40_000), rng.integers(0, 2, 40_000))
    tracer = Tracer(Course.of(items), network, np.arange(items), sessions)

    def rate(device: str | None, start: str = "items") -> Callable[[], float]:
        kes = Kes(tracer, start=start, start_count=20, target_count=400, device=device)
        choice = rng.integers(0, items, (steps, learners))
        everyone, taught = np.arange(learners), np.ones(learners, bool)
        luck = identify(Seeds(), everyone, 0, everyone)
        state, response = kes.empty(learners), empty_response(learners)
        mastery = np.empty((learners, items), np.float32)

        def measure() -> float:
            begin = time.process_time()
            kes.enrol(state, everyone, luck)
            kes.mastery(state, mastery)
            for step, item in enumerate(choice):
                luck.step[:] = step
                kes.practise(state, item, taught, luck, response)
            kes.mastery(state, mastery)
            return choice.size / (time.process_time() - begin)

        return measure

    loops, recorded, torch = ratios(single("CartPole-v1"), rate(None), rate(None, "session"), rate("cpu"))
    return [
        Row("256 neural learners / CartPole-v1", f"{loops[0]:,.0f} steps/s", loops[1], ">= 0.75"),
        Row("the same from recorded sessions", f"{recorded[0]:,.0f} steps/s", recorded[1], ">= 0.75"),
        Row("the same with torch", f"{torch[0]:,.0f} steps/s", torch[1], ""),
    ]


def reviews() -> list[Row]:
    """Reviews a second of FSRS learners against py-fsrs, which schedules one review at a time."""
    from datetime import UTC, datetime, timedelta

    import fsrs

    from contract import made
    from coursewright.simulators.luck import Seeds, identify
    from coursewright.simulators.protocol import empty_response

    simulator, rng = made("fsrs"), np.random.default_rng(0)
    items = rng.integers(0, simulator.course.n_items, (HORIZON, LEARNERS))
    state, response = simulator.empty(LEARNERS), empty_response(LEARNERS)
    taught, days = np.ones(LEARNERS, bool), np.ones(LEARNERS)
    luck = identify(Seeds(), np.arange(LEARNERS), 0, np.zeros(LEARNERS, np.int64))
    scheduler = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=3 * n) for n in range(20)]
    ratings = [fsrs.Rating(int(grade)) for grade in rng.integers(1, 5, 20)]

    def ours() -> float:
        begin = time.process_time()
        simulator.enrol(state, np.arange(LEARNERS), luck)
        for item in items:
            simulator.practise(state, item, taught, luck, response)
            luck.step[:] += 1
            simulator.elapse(state, days, luck)
        return items.size / (time.process_time() - begin)

    def theirs() -> float:
        begin = time.process_time()
        for _ in range(200):
            card = fsrs.Card()
            for rating, moment in zip(ratings, times, strict=True):
                card, _ = scheduler.review_card(card, rating, moment)
        return 200 * len(times) / (time.process_time() - begin)

    (measured,) = ratios(theirs, ours)
    return [Row("1,024 FSRS learners / py-fsrs", f"{measured[0]:,.0f} reviews/s", measured[1], ">= 20")]
