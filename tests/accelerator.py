"""Equal results on an accelerator: neural learners, and an update of PPO; and the steps a second of both.

    python tests/accelerator.py                  # cuda, where there is one
    python tests/accelerator.py --device cpu     # torch on the processor against the compiled loops

A chance, a hidden state, a logit or a value may differ by 1e-4.  PPO's update starts from the same weights
and the same rollout, in the same minibatches: a training of one seed draws other numbers on another device,
so that two whole trainings are two seeds.  The exit code is 1 where something differs by more.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.callbacks import CallbackList

from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats
from coursewright.simulators.neural.network import GRU_GATES, LSTM_GATES, Network
from coursewright.simulators.neural.tracer import Engine, OnDevice
from recipes import task_of

CLOSE = 1e-4
LEARNERS, UNITS, HIDDEN, STEPS = 1024, 2000, 128, 50
SEED = 0


class Check(NamedTuple):
    """One comparison: the largest difference, and steps a second on the processor and on the device."""

    what: str
    difference: float
    processor: float
    device: float


def network(gates: int) -> Network:
    """A network with weights of the size that training leaves."""
    draw = np.random.default_rng(SEED)

    def weights(*shape: int) -> Any:
        return draw.normal(0.0, 0.3, shape).astype(np.float32)

    return Network(
        inputs=weights(UNITS, 2, gates * HIDDEN),
        recurrent=weights(HIDDEN, gates * HIDDEN) / np.float32(HIDDEN**0.5),
        recurrent_bias=weights(gates * HIDDEN),
        output=weights(UNITS, HIDDEN),
        bias=weights(UNITS),
    )


def walked(engine: Engine, width: int) -> tuple[Floats, float]:
    """All chances on the way `[steps, learners]` and the memory at the end, in a row; and steps a second."""
    draw = np.random.default_rng(SEED)
    memory, chance = np.zeros((LEARNERS, width), np.float32), np.empty((STEPS, LEARNERS))
    begun = 0.0
    for step in range(-1, STEPS):  # the first one compiles
        unit, answer = draw.integers(0, UNITS, LEARNERS), draw.integers(0, 2, LEARNERS).astype(np.float64)
        engine.p(memory, unit, chance[max(step, 0)])
        engine.advance(memory, unit, answer)
        begun = time.perf_counter() if step < 0 else begun
    seconds = time.perf_counter() - begun
    return np.concatenate([chance.ravel(), memory.ravel().astype(np.float64)]), LEARNERS * STEPS / seconds


def learners(device: str) -> Iterator[Check]:
    """Networks of both kinds."""
    for name, gates in (("GRU", GRU_GATES), ("LSTM", LSTM_GATES)):
        made = network(gates)
        (ours, rate), (theirs, their_rate) = (
            walked(engine, made.width) for engine in (made, OnDevice(made, device))
        )
        yield Check(f"{name} learners", float(np.abs(ours - theirs).max()), rate, their_rate)


def model_of(task: Task, device: str, masked: bool) -> Any:
    """A PPO before its first step, and what it needs to collect one rollout."""
    agent = Ppo(masked=masked, device=device, learners=256, imitate=None)
    model = agent.untrained(LearnersVecEnv(task, agent.learners, SEED), SEED)
    model._setup_learn(agent.steps, None)
    return model


def policies(device: str) -> Iterator[Check]:
    """PPO and MaskablePPO: one update from one rollout, and the rates of whole rollouts with their update."""
    task = task_of(["simulator=bkt_ednet", "task=mastery"])
    for masked in (False, True):
        ours, theirs = (model_of(task, place, masked) for place in ("cpu", device))
        theirs.policy.load_state_dict(ours.policy.state_dict())
        rates = [_timed(model) for model in (ours, theirs)]
        theirs.policy.load_state_dict(ours.policy.state_dict())
        theirs.policy.optimizer.load_state_dict(deepcopy(ours.policy.optimizer.state_dict()))
        _collect(ours)
        for field, value in vars(ours.rollout_buffer).items():
            if isinstance(value, np.ndarray):
                setattr(theirs.rollout_buffer, field, value.copy())
        theirs.rollout_buffer.generator_ready = False
        for model in (ours, theirs):
            np.random.seed(SEED)  # noqa: NPY002  Stable-Baselines3 draws its minibatches from this one
            model.train()
        seen = torch.from_numpy(ours.rollout_buffer.observations.reshape(-1, task.layout.width)[:4096])
        found = [_worths(model, seen) for model in (ours, theirs)]
        name = "MaskablePPO" if masked else "PPO"
        yield Check(f"{name}, one update", float(np.abs(found[0] - found[1]).max()), *rates)


def _collect(model: Any) -> None:
    callback = CallbackList([])
    callback.init_callback(model)
    masks = {"use_masking": True} if hasattr(model.rollout_buffer, "action_masks") else {}
    model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps, **masks)


def _timed(model: Any) -> float:
    """Environment steps a second of two rollouts, each with its update; one before warms up."""
    rounds: list[Callable[[], None]] = [lambda: _collect(model), model.train]
    begun = 0.0
    for turn in range(3):
        for part in rounds:
            part()
        begun = time.perf_counter() if turn == 0 else begun
    return 2 * model.n_steps * model.n_envs / (time.perf_counter() - begun)


def _worths(model: Any, seen: torch.Tensor) -> Floats:
    """Logits and values, `[observations, actions + 1]`."""
    with torch.no_grad():
        at = seen.to(model.device)
        latent, critic = model.policy.mlp_extractor(model.policy.extract_features(at))
        both = torch.cat([model.policy.action_net(latent), model.policy.value_net(critic)], dim=1)
    return np.asarray(both.cpu().numpy(), np.float64)


def main() -> int:
    """Print a row for each comparison, or that there is nothing to compare with."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ... or cpu (default: cuda)")
    device = parser.parse_args().device
    if device.startswith("cuda") and not torch.cuda.is_available():
        print("There is no accelerator that torch can use here: nothing was run.")
        return 0
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "torch on the processor"
    print(f"{'':24} {'difference':>10} {'cpu steps/s':>12} {'steps/s':>12}   ({name})")
    checks = [*learners(device), *policies(device)]
    for check in checks:
        print(f"{check.what:24} {check.difference:10.1e} {check.processor:12,.0f} {check.device:12,.0f}")
    return int(any(not check.difference <= CLOSE for check in checks))


if __name__ == "__main__":
    sys.exit(main())
