"""The identity of a training: all that decides its final weights; a checkpoint has to agree in it."""

from typing import Any

import numpy as np

from coursewright.agents.learning.algorithm import Trainable, options_of
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import RandomGoal, Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.luck import Split

LEARNERS, STEPS = 256, 50  # walked through a task, and steps of that walk
CLOSE = 1e-4  # walks of one task agree to this; neural learners round differently elsewhere


def settings(agent: Trainable, task: Task, seed: int) -> dict[str, Any]:
    """Plain values by settable path: the agent's options, its seed, and the task's."""
    chosen = {f"agent.{name}": value for name, value in options_of(agent).items()}
    del chosen["agent.checkpoint_every"]
    reward = getattr(task.reward, "func", task.reward)  # of a partial
    features = dict.fromkeys(column.partition("[")[0] for column in task.layout.names)
    return {
        "agent": agent.algorithm.name,
        "agent.seed": seed,
        **chosen,
        "task.simulator": type(task.simulator).__name__,
        "task.simulator.course": task.course.hash,
        "task.features": tuple(features),
        "task.steps": task.steps,
        "task.minutes": task.minutes,
        "task.reward": getattr(reward, "__name__", type(reward).__name__),
        "task.goal": _goal(task),
        "task.blame": task.blame,
        "task.unlock_after": task.unlock_after,
        "task.delays": tuple(float(days) for days in task.delays),
        "task.stop": task.stop,
        "task.strict": task.strict,
        "task.mastered_at": task.mastered_at,
        "task.seeds": tuple(task.seeds),
    }


def walk(task: Task) -> Floats:
    """A fingerprint of the task: some training learners under choices that are always the same.

    No names can tell two simulators, rewards or schedules apart that differ in a number somewhere
    inside.  Sums of the learners' chances of a right answer, of their rewards, and of the steps after
    their end can, with the means of the last observation: `[3 learners + columns]`.
    """
    episodes = Episodes(task, LEARNERS)
    rows = np.arange(LEARNERS)
    episodes.begin(rows, rows, np.zeros(LEARNERS, np.int64), Split.TRAIN)
    chance, sums = np.zeros(LEARNERS), np.zeros((3, LEARNERS))
    for step in range(min(task.horizon, STEPS)):
        action = _choice(episodes, step)
        task.simulator.p_correct(episodes.state, task.item_of(action), chance)
        reward, over = episodes.step(action)
        sums += chance, reward, over
    return np.concatenate([sums.ravel(), episodes.observation.mean(axis=0, dtype=float)])


def _choice(episodes: Episodes, step: int) -> Ints:
    """Another allowed item `[batch]` at every step and in every row; never the action that stops."""
    items = episodes.task.n_actions - int(episodes.task.stop)
    turn = (np.arange(items) - np.arange(LEARNERS)[:, None] - step) % items
    return np.asarray(np.where(episodes.mask[:, :items], turn, items).argmin(axis=1))


def _goal(task: Task) -> str | tuple[str | int, ...]:
    if isinstance(task.goal, RandomGoal):
        return ("RandomGoal", *task.goal)
    return task.goal if isinstance(task.goal, str) else tuple(task.goal)
