"""A warm start: before a network trains by reward, it learns to choose as a rule does (behaviour cloning).

A round is an episode each of as many training learners as are taught at once.  The rule teaches them.  Then
the policy network is brought nearer to its choices, by maximum likelihood among the allowed actions, and the
value network nearer to the returns that followed (Pomerleau 1991; before policy gradients as in Rajeswaran et
al. 2018).  Rule and network see what every policy sees.

Nothing but the model, with its optimiser, is carried from one round to the next, so a checkpoint between two
rounds is whole.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import mse_loss

from coursewright.agents.learning.algorithm import Algorithm
from coursewright.agents.learning.sequences import SequencePolicy, empty, padded
from coursewright.agents.learning.vec_env import BESIDE
from coursewright.agents.training_learners import first_learner
from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Policy, seen_by
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.luck import Split

PASSES = 4  # over a round's lessons
BATCH = 512  # lessons an update looks at
RATE = 2e-3  # of the optimiser
WORTH = 0.5  # the weight of the value network's loss
LONGEST = 0.5  # gradient


class Lessons(NamedTuple):
    """The choices of a rule in a round, one row per step that was taken.

    `seen [rows, columns]` as the network is trained on it, `allowed [rows, actions]`, `action [rows]`, `worth
    [rows]`, the discounted return from there on, and `learner [rows]`.
    """

    seen: Observation
    allowed: Bools
    action: Ints
    worth: Floats
    learner: Ints


class Round(NamedTuple):
    """The place of a round: of so many learners of this agent seed, their `turn`-th episode."""

    learners: int
    seed: int
    turn: int


def lessons(task: Task, rule: Policy, place: Round, gamma: float, beside: Sequence[str] = ()) -> Lessons:
    """The rule teaches training learners an episode; `beside` names further columns, see `vec_env.BESIDE`."""
    learners = place.learners
    shown = seen_by(task, rule)
    own = shown.layout.places(task.layout)
    episodes = Episodes(shown, learners)
    rows = np.arange(learners)
    episodes.begin(rows, first_learner(place.seed) + rows, np.full(learners, place.turn), Split.TRAIN)
    state = rule.begin(episodes.luck)
    started = np.ones(learners, bool)
    steps: list[tuple[Observation, Bools, Ints, Floats, Bools]] = []
    while len(steps) < task.horizon and not episodes.over.all():
        seen, allowed, active = episodes.observation, episodes.mask.copy(), ~episodes.over
        choice, state = rule.predict(seen, state, started, True, allowed)
        action = np.asarray(choice, np.int64)
        shown_too = [BESIDE[name](episodes) for name in beside]
        read = np.hstack([seen[:, own], *shown_too], dtype=np.float32)
        reward, _ = episodes.step(action)
        steps.append((read, allowed, action, np.where(active, reward, 0.0), active))
        started = np.zeros(learners, bool)
    columns = [np.array(column) for column in zip(*steps, strict=True)]
    worth, active = columns[3], columns[4]
    for step in range(len(worth) - 2, -1, -1):
        worth[step] += gamma * worth[step + 1]
    read, allowed, action, worth = (column[active] for column in columns[:4])
    return Lessons(read, allowed, action, worth, learner=np.nonzero(active)[1])


def learn(model: Any, given: Lessons, algorithm: Algorithm) -> float:
    """Bring an actor-critic model nearer to the lessons; the mean of -ln P(the rule's choice) on the way."""
    policy = model.policy
    in_sequences = isinstance(policy, SequencePolicy)
    policy.set_training_mode(True)
    for group in policy.optimizer.param_groups:
        group["lr"] = RATE
    missed = []
    for _ in range(PASSES):
        for rows, inside, sequences in _batches(given, whole=in_sequences):
            seen, allowed, action, worth = (
                torch.as_tensor(column[rows], device=model.device) for column in given[:4]
            )
            states = (empty(policy, sequences), torch.zeros(len(rows))) if in_sequences else ()
            limits = {"action_masks": allowed} if algorithm.masks and not in_sequences else {}
            value, likely, _ = policy.evaluate_actions(seen, action, *states, **limits)
            value, likely, worth = (part.flatten()[inside] for part in (value, likely, worth.float()))
            loss: Any = WORTH * mse_loss(value, worth) - likely.mean()
            policy.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(policy.parameters(), LONGEST)
            policy.optimizer.step()
            missed.append(-likely.mean().item())
    return float(np.mean(missed))


def _batches(given: Lessons, whole: bool) -> Iterator[tuple[Ints, torch.Tensor, int]]:
    """`BATCH` lessons at a time, in whole episodes or single: see `sequences.padded`, and their number."""
    place = np.argsort(given.learner, kind="stable") if whole else np.arange(len(given.learner))
    begin = np.flatnonzero(np.diff(given.learner[place], prepend=-1)) if whole else place
    length = np.diff(begin, append=len(place))
    order = np.random.permutation(len(begin))  # noqa: NPY002 - as Stable-Baselines3 shuffles
    batch = (np.cumsum(length[order]) - 1) // BATCH
    for chosen in np.split(order, np.flatnonzero(np.diff(batch)) + 1):
        rows, inside = padded(begin[chosen], length[chosen])
        yield place[rows], inside, len(chosen)
