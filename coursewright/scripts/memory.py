"""The memory that a job would take at the least, against that of the machine, before anything is made."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coursewright.agents.tuning import LEARNERS
from coursewright.errors import reject

if TYPE_CHECKING:
    from coursewright.envs.task import Task

STEP = 23  # bytes that a rollout notes of a learner's step (`envs.rollout.Rollout`)
NUMBER = 4  # bytes of a number in an observation
BESIDES = 40  # bytes that a training notes of a step besides: value, advantage, return, ...
COPIES = 4  # of a weight: itself, its slope, and two of the optimiser
GB = 1e9
# Limits that a container or a scheduler may set, where Linux shows them
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def refuse_too_much(part: Mapping[str, Any], task: "Task") -> None:
    """Refuse a task, or an agent's counts, that the machine's memory cannot hold.

    Raises `InputError`, which names the setting, the memory that it would take, and the memory there.
    """
    there = machine()
    for field, value, needed, learners in _needed(part, task):
        if needed > there:
            allowed = f"smaller: it would take {_gb(needed)} of memory for {_so_many(learners)} at once"
            raise reject(field, f"{value:,.15g}", f"{allowed}, and this machine has {_gb(there)}")


def machine() -> float:
    """The bytes of memory that this machine has, or lets us have; infinite where it does not say."""
    found = [float("inf")]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    for limit in map(Path, LIMITS):
        try:
            found.append(float(limit.read_text()))
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return min(amount for amount in found if amount > 0)


def _needed(part: Mapping[str, Any], task: "Task") -> Iterator[tuple[str, float, float, int]]:
    """Settings with their value, the bytes that they ask for, and the number of learners taught at once."""
    budget = "task.steps" if task.steps is not None else "task.minutes"
    asked = int(part.get("learners", 1))
    taught = max(asked, LEARNERS) if "learners" in part else asked  # rules are tuned on so many
    whole = 2.0 * STEP * taught * task.horizon  # as parts, and joined
    few = min(taught, LEARNERS)
    yield budget, task.budget, whole / taught * few, few
    yield "learners", asked, whole, taught
    agent = part.get("agent", {})
    counts = {
        name: agent[name] for name in ("learners", "n_steps", "buffer_size") if type(agent.get(name)) is int
    }
    width, learners = task.layout.width, counts.get("learners", 1)
    row = NUMBER * (width + task.n_actions * bool(agent.get("masked"))) + BESIDES
    yield "agent.learners", learners, float(learners) * (row + NUMBER * 3 * width + task.n_actions), learners
    if "n_steps" in agent:
        own = "n_steps" in counts
        steps = counts.get("n_steps", task.horizon)
        field, value = ("agent.n_steps", steps) if own else (budget, task.budget)
        yield field, value, 2.0 * row * steps * learners, learners
    if isinstance(layers := agent.get("layers"), list) and all(type(wide) is int for wide in layers):
        weights = sum(float(a) * b for a, b in pairwise([width, *layers, task.n_actions]))
        yield "agent.layers", max(layers, default=0), COPIES * NUMBER * weights, learners
        for name, needed in _multiplied(agent, width, layers, task.n_actions, weights):
            yield f"agent.{name}", agent[name], needed, learners
    if "buffer_size" in counts:
        kept = counts["buffer_size"]
        yield "agent.buffer_size", kept, float(kept) * (2 * NUMBER * width + BESIDES), learners


def _multiplied(
    agent: Mapping[str, Any], width: int, layers: Sequence[int], actions: int, weights: float
) -> Iterator[tuple[str, float]]:
    """Options by which a network is multiplied, and the bytes that each asks for."""
    if type(units := agent.get("units")) is int:  # four gates each of two LSTMs
        yield "units", COPIES * NUMBER * 8.0 * units * (width + units)
    if type(quantiles := agent.get("quantiles")) is int:
        pairs = float(quantiles) ** 2 * int(agent.get("batch_size", 1))  # in the loss of an update
        yield "quantiles", NUMBER * (COPIES * float(quantiles) * actions * [width, *layers][-1] + pairs)
    if type(directions := agent.get("directions")) is int:
        yield "directions", NUMBER * 4.0 * directions * weights


def _gb(amount: float) -> str:
    return f"{amount / GB:,.3g} GB" if amount < 100 * GB else f"{amount / GB:,.0f} GB"


def _so_many(learners: int) -> str:
    return f"{learners:,} learner{'s' * (learners != 1)}"
