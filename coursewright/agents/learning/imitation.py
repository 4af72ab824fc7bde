"""A warm start: before a network trains by reward, it learns to choose as a rule does (behaviour cloning).

A round is an episode each of as many training learners as are taught at once.  The rule teaches them.  Then
the policy network is brought nearer to its choices, by maximum likelihood among the allowed actions, and the
value network nearer to the returns that followed (Pomerleau 1991; before policy gradients as in Rajeswaran et
al. 2018).  Rule and network see what every policy sees.

Nothing but the model, with its optimiser, is carried from one round to the next, so a checkpoint between two
rounds is whole.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import mse_loss

from coursewright.agents.training_learners import first_learner
from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Policy, seen_by
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.luck import Split

PASSES = 4  # over a round's lessons
BATCH = 512  # lessons an update looks at
RATE = 2e-3  # of the optimiser


class Lessons(NamedTuple):
    """The choices of a rule in a round, one row per step that was taken.

    `seen [rows, columns]`, `allowed [rows, actions]`, `action [rows]`, and `worth [rows]`, the discounted
    return from there on.
    """

    seen: Observation
    allowed: Bools
    action: Ints
    worth: Floats


def lessons(task: Task, rule: Policy, learners: int, seed: int, turn: int, gamma: float) -> Lessons:
    """The rule teaches the training learners of this agent seed one episode, their `turn`-th."""
    shown = seen_by(task, rule)
    own = shown.layout.places(task.layout)
    episodes = Episodes(shown, learners)
    rows = np.arange(learners)
    episodes.begin(rows, first_learner(seed) + rows, np.full(learners, turn), Split.TRAIN)
    state = rule.begin(episodes.luck)
    started = np.ones(learners, bool)
    steps: list[tuple[Observation, Bools, Ints, Floats, Bools]] = []
    while len(steps) < task.horizon and not episodes.over.all():
        seen, allowed, active = episodes.observation, episodes.mask.copy(), ~episodes.over
        choice, state = rule.predict(seen, state, started, True, allowed)
        action = np.asarray(choice, np.int64)
        reward, _ = episodes.step(action)
        steps.append((seen[:, own], allowed, action, np.where(active, reward, 0.0), active))
        started = np.zeros(learners, bool)
    columns = [np.array(column) for column in zip(*steps, strict=True)]
    worth, active = columns[3], columns[4]
    for step in range(len(worth) - 2, -1, -1):
        worth[step] += gamma * worth[step + 1]
    return Lessons(columns[0][active], columns[1][active], columns[2][active], worth[active])


def learn(model: Any, given: Lessons, masked: bool) -> float:
    """Bring an actor-critic model nearer to the lessons; the mean of -ln P(the rule's choice) on the way."""
    policy = model.policy
    policy.set_training_mode(True)
    for group in policy.optimizer.param_groups:
        group["lr"] = RATE
    missed = []
    for _ in range(PASSES):
        order = np.random.permutation(len(given.action))  # noqa: NPY002 - as Stable-Baselines3 shuffles
        for begin in range(0, len(order), BATCH):
            seen, allowed, action, worth = (
                torch.as_tensor(column[order[begin : begin + BATCH]], device=model.device) for column in given
            )
            masks = {"action_masks": allowed} if masked else {}
            value, likely, _ = policy.evaluate_actions(seen, action, **masks)
            loss = model.vf_coef * mse_loss(value.flatten(), worth.float()) - likely.mean()
            policy.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), model.max_grad_norm)
            policy.optimizer.step()
            missed.append(-likely.mean().item())
    return float(np.mean(missed))
