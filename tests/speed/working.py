"""Work around the learners: training, fitting, wide courses, the command line."""

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from speed.measuring import ROUNDS, Row, ratios, seconds


def training() -> list[Row]:
    """PPO with 256 learners, and with masks, against the same on environments that return constants."""
    import torch
    from sb3_contrib import MaskablePPO
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecEnv

    from constant_env import ConstantVecEnv
    from coursewright.agents.learning.network import Reading, reading
    from coursewright.agents.learning.vec_env import LearnersVecEnv
    from coursewright.envs.shipped import bkt, kss
    from coursewright.envs.task import Task

    torch.set_num_threads(1)
    learners, steps = 256, 30
    total = 2 * steps * learners

    def rate(kind: type[PPO | MaskablePPO], task: Task, env: VecEnv) -> Callable[[], float]:
        network = {
            "net_arch": [128, 128],
            "features_extractor_class": Reading,
            "features_extractor_kwargs": reading(task.layout, None),
        }
        model = kind(
            "MlpPolicy", env, n_steps=steps, batch_size=2048, n_epochs=5, policy_kwargs=network, device="cpu"
        )

        def measure() -> float:
            begin = time.process_time()
            model.learn(total, reset_num_timesteps=False)
            return total / (time.process_time() - begin)

        return measure

    rows = []
    for kind, task in ((PPO, kss(steps)), (MaskablePPO, bkt(mask=True, steps=steps))):
        constants = rate(kind, task, ConstantVecEnv(task, learners))
        ((speed, ratio),) = ratios(constants, rate(kind, task, LearnersVecEnv(task, learners, 0)))
        what = f"{kind.__name__}, 256 learners / on constants"
        rows.append(Row(what, f"{speed:,.0f} steps/s", ratio, ">= 0.9"))
    return rows


def configured() -> list[Row]:
    """Steps of a task from the YAML files, against the same task with the rewards and features of Python."""
    from coursewright.envs.shipped import bkt
    from coursewright.envs.task import Task
    from recipes import task_of
    from small_tasks import begun

    def rate(task: Task, learners: int) -> Callable[[], float]:
        steps, actions = 30, np.zeros(learners, np.int64)

        def measure() -> float:
            taken = 0.0
            for _ in range(20):
                episodes = begun(task, learners)
                begin = time.process_time()
                for _ in range(steps):
                    episodes.advance(actions)
                taken += time.process_time() - begin
            return 20 * steps / taken

        return measure

    ours, plain = task_of(["simulator=bkt_v0", "task=mastery"]), bkt()
    rows = []
    for learners in (1, 256):
        ((speed, ratio),) = ratios(rate(plain, learners), rate(ours, learners))
        who = "one learner" if learners == 1 else f"{learners} learners"
        rows.append(Row(f"{who}, configured / from Python", f"{1e6 / speed:,.1f} us/step", ratio, ""))
    return rows


def remembering() -> list[Row]:
    """PPO with masks and a memory of 64 units, 256 learners, against PPO with masks alone."""
    from coursewright.agents.learning.beginning import begun
    from coursewright.agents.learning.ppo import Ppo
    from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
    from coursewright.envs.shipped import kss

    total = 2 * 256 * 30

    def rate(agent: Ppo | RecurrentPpo) -> Callable[[], float]:
        model, _ = begun(agent, kss(30), 0)

        def measure() -> float:
            begin = time.process_time()
            model.learn(total, reset_num_timesteps=False)
            return total / (time.process_time() - begin)

        return measure

    plain = rate(Ppo(masked=True, imitate=None))
    ((speed, ratio),) = ratios(plain, rate(RecurrentPpo(masked=True)))
    return [Row("masked recurrent PPO / masked PPO", f"{speed:,.0f} steps/s", ratio, ">= 0.33")]


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


def wide() -> list[Row]:
    """Courses of up to 10,000 skills: what is touched decides what a step costs."""
    from coursewright.agents.rules.baselines import RoundRobin, UniformRandom
    from coursewright.agents.rules.outer_fringe import OuterFringe
    from coursewright.envs.episodes import Episodes
    from coursewright.envs.rollout import rollout
    from wide_courses import deck, wide_course, wide_task, words

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
    every, few = (seconds(lambda task=task: rollout(task, RoundRobin()(task), 1000)) for task in words(3_000))
    return [
        Row("a course of 10,000 skills and 30,000 items", f"{made:.2f} s", float("nan"), "< 0.5 s"),
        Row("16 learners begin there", f"{begun:.2f} s", float("nan"), ""),
        Row("outer fringe, per skill: 700 skills / 10,000", "", rule[700] / rule[10_000], ">= 0.7"),
        Row("FSRS deck of 10,000, a card a day", f"{rate / 1e6:,.0f} M card-days/s", float("nan"), ""),
        Row("round_robin, 3,000 words, 1,000 x 20 steps", f"{every:.2f} s", float("nan"), ""),
        Row("  where a tutor sees much / hardly anything", "", every / few, "<= 2"),
    ]


# `python -m coursewright ...` that says at its end what it took of the processor.
TIMED = """
import atexit, runpy, sys, time
atexit.register(lambda: print(time.process_time(), file=sys.stderr))
sys.argv[:] = ["coursewright", *sys.argv[1:]]
runpy.run_module("coursewright", run_name="__main__", alter_sys=True)
"""


def command_line() -> list[Row]:
    """Processor time of a help text and of refusals, from the interpreter's start on."""
    rows = []
    for arguments, aim in (
        (["--help"], "< 1 s"),
        (["train", "agent.steps=null"], "< 1.5 s"),
        (["evaluate", "runs=nowhere"], "< 1.5 s"),
        (["export", "run=nowhere"], "< 1.5 s"),
        (["fit", "log=file", "log.path=nowhere.csv"], "< 1.5 s"),
        (["tune", "agent=nobody"], "< 1.5 s"),
        (["validate", "models=[nobody]"], "< 1.5 s"),
    ):
        taken = []
        for _ in range(ROUNDS):
            done = subprocess.run([sys.executable, "-c", TIMED, *arguments], capture_output=True, text=True)
            taken.append(float(done.stderr.splitlines()[-1]))
        what = f"coursewright {' '.join(arguments)}"
        rows.append(Row(what, f"{np.median(taken):.3f} s", float("nan"), aim))
    return rows
