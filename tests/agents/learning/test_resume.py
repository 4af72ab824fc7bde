"""A training that was interrupted ends with the same bits as one that was not."""

import os
import shutil
import signal
import time
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from coursewright.agents.learning import checkpoint
from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.ars import Ars
from coursewright.agents.learning.dqn import Dqn
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.qr_dqn import QrDqn
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.trpo import Trpo
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.agents.learning.weights import read_tree, write_tree
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.episodes import Running
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from trained_bits import bits

# Episodes of 7 steps and rollouts of 5: a checkpoint falls into the middle of episodes.
SMALL = {
    "steps": 2000,
    "learners": 16,
    "layers": (16,),
    "checkpoint_every": 300,
}
ROLLOUTS = SMALL | {"n_steps": 5}
BATCHES = ROLLOUTS | {"batch_size": 40}
REPLAY = BATCHES | {"learning_starts": 200, "buffer_size": 1200, "target_update": 200}
PPO, MASKED, DQN = Ppo(**BATCHES), Ppo(masked=True, **BATCHES), Dqn(**REPLAY)
ARS = Ars(**SMALL | {"checkpoint_every": 200}, directions=1)
REMEMBERING = RecurrentPpo(**BATCHES, masked=True, units=8)
AGENTS = [PPO, MASKED, REMEMBERING, A2c(**ROLLOUTS), Trpo(**BATCHES), DQN, QrDqn(**REPLAY, quantiles=5), ARS]


class Interrupted(SilentTracker):
    """Raises at the first report after `step`."""

    def __init__(self, directory, step):
        super().__init__(directory)
        self.step = step

    def log(self, data, step):
        if step > self.step:
            raise KeyboardInterrupt


def kept(folder):
    """The content of the checkpoint in a folder."""
    return read_tree("checkpoint", folder / checkpoint.NAME, checkpoint.FORMAT)


@pytest.fixture(scope="module")
def uninterrupted():
    return {agent: bits(agent(kss(7), 3, SilentTracker())) for agent in AGENTS}


@pytest.fixture(scope="module")
def kept_all_along(tmp_path_factory):
    """By agent: the bits of an undisturbed training that kept checkpoints, and their folder."""

    @cache
    def made(agent):
        folder = tmp_path_factory.mktemp("whole")
        return bits(agent(kss(7), 3, SilentTracker(folder))), folder

    return made


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """By agent and step: the folder of a training that was interrupted after it."""

    @cache
    def made(agent, step):
        folder = tmp_path_factory.mktemp("begun")
        with pytest.raises(KeyboardInterrupt):
            agent(kss(7), 3, Interrupted(folder, step))
        return folder

    return made


@pytest.fixture
def interrupted(begun, tmp_path):
    """Put the checkpoint of an interrupted training here; its path."""

    def put_here(agent, step=700):
        return shutil.copy(begun(agent, step) / checkpoint.NAME, tmp_path / checkpoint.NAME)

    return put_here


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("steps", [pytest.param([700], marks=pytest.mark.slow), [400, 1100, 1700]])
def test_interrupted_and_resumed_gives_the_same_bits(agent, steps, tmp_path, uninterrupted):
    for step in steps:
        with pytest.raises(KeyboardInterrupt):
            agent(kss(7), 3, Interrupted(tmp_path, step))
        torch.rand(5)  # another process would have other random states
        np.random.rand(5)  # noqa: NPY002
        assert (tmp_path / checkpoint.NAME).is_file()
    done = agent(kss(7), 3, SilentTracker(tmp_path))
    assert bits(done) == uninterrupted[agent]


@pytest.mark.parametrize("agent", AGENTS)
def test_keeping_checkpoints_changes_nothing(agent, kept_all_along, uninterrupted):
    weights, folder = kept_all_along(agent)
    assert weights == uninterrupted[agent]
    assert [path.name for path in folder.iterdir()] == [checkpoint.NAME]


@pytest.mark.parametrize("agent", AGENTS)
def test_a_finished_training_is_not_repeated(agent, tmp_path, kept_all_along, uninterrupted):
    shutil.copy(kept_all_along(agent)[1] / checkpoint.NAME, tmp_path)
    assert kept(tmp_path)["replay"] == {}
    again = agent(kss(7), 3, Interrupted(tmp_path, -1))
    assert bits(again) == uninterrupted[agent]
    assert again.label.steps >= SMALL["steps"]


@pytest.mark.parametrize("lost", ["torch", "numpy", "actions", "env", "counters", "last_obs", "carried"])
def test_each_part_of_a_checkpoint_is_needed(lost, tmp_path, interrupted, uninterrupted):
    # The planted fault: a part that is not brought back must show in the bits.
    agent = DQN if lost in ("numpy", "actions", "counters") else PPO if lost != "carried" else REMEMBERING
    step = 350 if lost == "actions" else 700  # the action space is drawn from while exploring
    interrupted(agent, step)
    content = kept(tmp_path)
    torch.manual_seed(9)
    if lost == "torch":
        content["torch"] = torch.get_rng_state()
    elif lost == "numpy":
        content["numpy"][1][:] = 7
    elif lost == "actions":
        content["actions"]["state"]["state"] += 12345
    elif lost == "env":
        content["env"]["episodes"][Running._fields.index("state")][0][:] = 0.0
    elif lost == "counters":
        content["counters"]["_n_calls"] += 1
    elif lost == "carried":
        content["carried"]["_last_lstm_states"][0][0][:] = 0.0
    else:
        content["last_obs"][:] = 0.0
    write_tree(tmp_path / checkpoint.NAME, content, checkpoint.FORMAT)
    assert bits(agent(kss(7), 3, SilentTracker(tmp_path))) != uninterrupted[agent]


class Told(SilentTracker):
    """Writes each step into a pipe, and waits a moment where it is told to."""

    def __init__(self, directory, pipe, wait):
        super().__init__(directory)
        self.pipe, self.wait = pipe, wait

    def log(self, data, step):
        os.write(self.pipe, b"%d\n" % step)
        time.sleep(self.wait)


@contextmanager
def child(agent, folder, wait):
    """The training in a process of its own, which is killed; the steps that it tells."""
    told, pipe = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            agent(kss(7), 3, Told(folder, pipe, wait))
        finally:
            os._exit(0)
    os.close(pipe)
    with os.fdopen(told) as steps:
        yield steps
        os.kill(process, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("agent", [MASKED, DQN])
def test_a_killed_process_is_resumed_to_the_same_bits(agent, tmp_path, uninterrupted):
    with child(agent, tmp_path, wait=0.05) as steps:
        for line in steps:
            if int(line) > 1000:
                break
    torch.rand(5)  # another process would have other random states
    np.random.rand(5)  # noqa: NPY002
    done = kept(tmp_path)["counters"]["num_timesteps"]
    assert 0 < done < SMALL["steps"]
    assert bits(agent(kss(7), 3, SilentTracker(tmp_path))) == uninterrupted[agent]


def test_a_checkpoint_is_whole_at_every_moment(tmp_path):
    # Killed at random moments while it does little but write checkpoints.
    busy = replace(PPO, checkpoint_every=1, steps=10**6, layers=(256, 256))
    path = tmp_path / checkpoint.NAME
    for moment in range(6):
        before = path.stat().st_mtime_ns if path.exists() else 0
        with child(busy, tmp_path, wait=0.0):
            while not path.exists() or path.stat().st_mtime_ns == before:
                time.sleep(0.01)
            time.sleep(0.05 + 0.013 * moment)
        kept(tmp_path)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
def test_a_broken_checkpoint_is_one_line(damage, tmp_path, interrupted):
    path = tmp_path / checkpoint.NAME
    interrupted(PPO)
    whole = bytearray(path.read_bytes())
    if damage == "flipped":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda info: info.file_size)
            whole[whole.index(archive.read(largest)) + 5] ^= 0xFF  # not in the padding, which nobody reads
    cut = {"empty": 0, "cut": len(whole) // 2}.get(damage, len(whole))
    path.write_bytes(b"something else" if damage == "other" else whole[:cut])
    with pytest.raises(InputError, match=rf"^checkpoint = {path}: [^\n]*$"):
        PPO(kss(7), 3, SilentTracker(tmp_path))


@pytest.mark.parametrize(
    ("found", "word"),
    [(checkpoint.FORMAT - 1, "format 2.*an earlier"), (checkpoint.FORMAT + 1, "format 4.*a later")],
)
def test_a_checkpoint_of_another_format_is_one_line(found, word, tmp_path, interrupted):
    path = tmp_path / checkpoint.NAME
    interrupted(PPO)
    write_tree(path, kept(tmp_path), found)
    with pytest.raises(InputError, match=rf"^checkpoint = {path} \({word}[^\n]*$"):
        PPO(kss(7), 3, SilentTracker(tmp_path))


def test_a_checkpoint_of_another_training_is_refused(tmp_path, interrupted):
    interrupted(PPO)
    tracker = SilentTracker(tmp_path)
    for name, value in (("learning_rate", 0.5), ("layers", (8,)), ("steps", 9999)):
        with pytest.raises(InputError, match=rf"^agent\.{name} = .*checkpoint"):
            replace(PPO, **{name: value})(kss(7), 3, tracker)
    with pytest.raises(InputError, match=r"^agent\.seed = 4: "):
        PPO(kss(7), 4, tracker)
    with pytest.raises(InputError, match="agent"):
        MASKED(kss(7), 3, tracker)
    with pytest.raises(InputError, match=r"^task\.simulator = Bkt: "):
        PPO(bkt(steps=7), 3, tracker)
    with pytest.raises(InputError, match=r"^task\.steps = "):
        PPO(kss(8), 3, tracker)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written"):
        PPO(kss(7), 3, SilentTracker(tmp_path / "file" / "inside"))


def test_a_checkpoint_is_read_by_numpy_alone(tmp_path):
    MASKED(kss(7), 3, SilentTracker(tmp_path))
    with np.load(tmp_path / checkpoint.NAME, allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind in "biufU" for name in stored.files)
        assert "parameters/policy/action_net.bias" in stored.files


def put(content, value, *way):
    """Change one place of a checkpoint."""
    *inward, last = way
    for step in inward:
        content = content[step]
    content[last] = value


@pytest.mark.parametrize(
    ("value", "way"),
    [
        (None, ("settings",)),
        (3, ("walk",)),
        ({}, ("counters",)),
        ("many", ("parameters",)),
        (np.zeros(3), ("parameters", "policy", "action_net.bias")),
        (np.zeros((2, 3), np.float32), ("last_obs",)),
        ((), ("env", "episodes")),
        (np.zeros(3), ("env", "returned")),
        (7, ("python",)),
        ([1, 2], ("torch",)),
        ({"state": 1}, ("actions",)),
        (10**9, ("replay", "pos")),
        (np.zeros(3), ("replay", "rewards")),
        (np.zeros(3), ("carried", "_last_lstm_states")),
        (((np.zeros(3),) * 2,) * 2, ("carried", "_last_lstm_states")),
    ],
)
def test_a_checkpoint_that_is_whole_but_wrong_is_one_line(value, way, tmp_path, interrupted):
    agent = {"replay": DQN, "carried": REMEMBERING}.get(way[0], PPO)
    interrupted(agent)
    content = kept(tmp_path)
    put(content, value, *way)
    write_tree(tmp_path / checkpoint.NAME, content, checkpoint.FORMAT)
    with pytest.raises(InputError, match=r"^checkpoint = [^\n]*no checkpoint of this training[^\n]*$"):
        agent(kss(7), 3, SilentTracker(tmp_path))


def test_a_checkpoint_sets_no_attribute_of_its_own_choice(tmp_path, interrupted):
    interrupted(PPO)
    content = kept(tmp_path)
    content["counters"]["gamma"] = 0.0
    write_tree(tmp_path / checkpoint.NAME, content, checkpoint.FORMAT)
    assert PPO(kss(7), 3, SilentTracker(tmp_path)).model.gamma == 1.0


def test_saving_leaves_the_training_alone(tmp_path):
    env = LearnersVecEnv(kss(7), 4, seed=0)
    observation = env.reset()
    kept = env.snapshot()
    env.step(np.array([mask.argmax() for mask in env.action_masks()]))
    env.restore(kept)
    np.testing.assert_array_equal(env.episodes.memory, observation)
