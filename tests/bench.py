"""`make bench`: how fast things are, as ratios within one process, median of five.

Absolute times on shared machines mean little; every line therefore measures both sides in turn and
prints the ratio beside the target.  Nothing here is asserted: it is for reading.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import gymnasium as gym
import numpy as np

import coursewright  # noqa: F401  (registers the environments)

ROUNDS = 5
STEPS = 20_000
LEARNERS = 1024
HORIZON = 100


class Row(NamedTuple):
    """One line of the table."""

    what: str
    rate: str
    ratio: float
    target: str


def single(name: str, **options: object) -> Callable[[], float]:
    """Steps a second of one environment under random actions, resets included."""
    env = gym.make(name, **options)
    actions = np.random.default_rng(0).integers(0, env.action_space.n, STEPS)
    env.reset(seed=0)

    def measure() -> float:
        begin = time.process_time()  # of this process alone: neighbours on the machine do not count
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return STEPS / (time.process_time() - begin)

    return measure


def batch(name: str, **options: object) -> Callable[[], float]:
    """Learner-steps a second of the vector environment under random actions, resets included."""
    env = gym.make_vec(name, num_envs=LEARNERS, **options)
    actions = np.random.default_rng(0).integers(0, env.single_action_space.n, (3 * HORIZON, LEARNERS))
    env.reset(seed=0)

    def measure() -> float:
        begin = time.process_time()
        for action in actions:
            env.step(action)
        return actions.size / (time.process_time() - begin)

    return measure


def ratios(base: Callable[[], float], *measures: Callable[[], float]) -> list[tuple[float, float]]:
    """(rate, rate over the base's) of each, the medians over rounds."""
    for measure in (base, *measures):
        measure()
    rounds = np.array([[base(), *(measure() for measure in measures)] for _ in range(ROUNDS)])
    quotient = np.median(rounds[:, 1:] / rounds[:, :1], axis=0)
    return list(zip(np.median(rounds[:, 1:], axis=0).tolist(), quotient.tolist(), strict=True))


def environments() -> list[Row]:
    """Random steps against CartPole-v1."""
    names = [
        ("one learner, BKT-v0", single("coursewright/BKT-v0"), ">= 1"),
        ("one learner, KSS-v0", single("coursewright/KSS-v0"), ""),
        ("1,024 learners, BKT-v0", batch("coursewright/BKT-v0"), ">= 100"),
        ("1,024 learners, BKT-v0 masked", batch("coursewright/BKT-v0", mask=True), ">= 80"),
        ("1,024 learners, KSS-v0", batch("coursewright/KSS-v0"), ""),
    ]
    measured = ratios(single("CartPole-v1"), *(measure for _, measure, _ in names))
    return [
        Row(f"{what} / CartPole-v1", f"{rate:,.0f} steps/s", ratio, target)
        for (what, _, target), (rate, ratio) in zip(names, measured, strict=True)
    ]


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


def training() -> list[Row]:
    """PPO with 256 learners against the same PPO on an environment that returns constants."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecEnv

    from constant_env import ConstantVecEnv
    from coursewright.agents.learning.network import Reading, reading
    from coursewright.agents.learning.vec_env import LearnersVecEnv
    from coursewright.envs.shipped import kss

    torch.set_num_threads(1)
    task, learners, steps = kss(), 256, 30 * 256 * 2
    network = {
        "net_arch": [128, 128],
        "features_extractor_class": Reading,
        "features_extractor_kwargs": reading(task.layout, None),
    }

    def rate(env: VecEnv) -> Callable[[], float]:
        model = PPO(
            "MlpPolicy", env, n_steps=30, batch_size=2048, n_epochs=5, policy_kwargs=network, device="cpu"
        )

        def measure() -> float:
            begin = time.process_time()
            model.learn(steps, reset_num_timesteps=False)
            return steps / (time.process_time() - begin)

        return measure

    (measured,) = ratios(rate(ConstantVecEnv(task, learners)), rate(LearnersVecEnv(task, learners, 0)))
    return [Row("PPO, 256 learners / on constants", f"{measured[0]:,.0f} steps/s", measured[1], ">= 0.9")]


def fitting() -> list[Row]:
    """Expectation-maximisation on 100,000 rows over 20 skills, in seconds."""
    from coursewright.fitting.bkt.em import fit
    from coursewright.fitting.bkt.sequences import Sequences

    rng = np.random.default_rng(0)
    learner, skill = np.repeat(np.arange(500), 200), np.tile(np.repeat(np.arange(20), 10), 500)
    known = rng.random((500, 20, 10)).cumsum(axis=2) > 3.0
    correct = (rng.random((500, 20, 10)) < np.where(known, 0.9, 0.2)).astype(np.int8).ravel()
    names = tuple(map(str, range(500))), tuple(map(str, range(20)))
    sequences = Sequences.from_codes(learner, skill, correct, *names)
    fit(sequences)
    taken = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        fit(sequences)
        taken.append(time.perf_counter() - begin)
    return [Row("BKT fit, 100,000 rows, 20 skills", f"{np.median(taken):.2f} s", float("nan"), "< 3 s")]


def seconds(what: Callable[[], object]) -> float:
    """Of the processor, the median over rounds."""
    what()
    taken = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        what()
        taken.append(time.process_time() - begin)
    return float(np.median(taken))


def wide() -> list[Row]:
    """Courses of up to 10,000 skills: the touched part decides the cost of a step."""
    from coursewright.agents.rules.baselines import UniformRandom
    from coursewright.agents.rules.outer_fringe import OuterFringe
    from coursewright.envs.episodes import Episodes
    from coursewright.envs.rollout import rollout
    from wide_courses import deck, wide_course, wide_task

    made = seconds(lambda: wide_course(10_000))
    tasks = {skills: wide_task(wide_course(skills)) for skills in (700, 10_000)}
    begun = seconds(lambda: Episodes(tasks[10_000], 16))
    rule = {
        skills: seconds(lambda task=task: rollout(task, OuterFringe()(task), 16)) / skills
        for skills, task in tasks.items()
    }
    cards = deck(10_000)
    shuffled = UniformRandom()(cards)
    rate = 16 * 20 * 10_000 / seconds(lambda: rollout(cards, shuffled, 16))
    return [
        Row("a course of 10,000 skills and 30,000 items", f"{made:.2f} s", float("nan"), "< 0.5 s"),
        Row("16 learners begin there", f"{begun:.2f} s", float("nan"), ""),
        Row("outer fringe, per skill: 700 skills / 10,000", "", rule[700] / rule[10_000], ">= 0.7"),
        Row("FSRS deck of 10,000, a card a day", f"{rate / 1e6:,.0f} M card-days/s", float("nan"), ""),
    ]


def command_line() -> list[Row]:
    """The seconds that `coursewright --help` takes."""
    taken = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "coursewright", "--help"], check=True, capture_output=True)
        taken.append(time.perf_counter() - begin)
    return [Row("coursewright --help", f"{np.median(taken):.2f} s", float("nan"), "< 1 s")]


def main() -> None:
    """Measure everything and print the table."""
    sys.path.insert(0, str(Path(__file__).parent / "support"))
    print(f"{'what':<45}{'absolute':>22}{'ratio':>9}  target")
    for part in (environments, zoo, neural_learners, reviews, training, fitting, wide, command_line):
        for row in part():
            ratio = "" if np.isnan(row.ratio) else f"{row.ratio:.2f}"
            print(f"{row.what:<45}{row.rate:>22}{ratio:>9}  {row.target}", flush=True)


if __name__ == "__main__":
    main()
