"""Trained policies as files: ONNX for anybody, weights for going on with them in Python."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from coursewright.agents.export.onnx import compare, export, observe
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.export.whole import write
from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.ars import Ars
from coursewright.agents.learning.dqn import Dqn
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.qr_dqn import QrDqn
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.trained import FORMAT, TrainedPolicy
from coursewright.agents.learning.trpo import Trpo
from coursewright.agents.learning.weights import read_tree, write_tree
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from learners import luck_of

TASK = kss(10)
FEW = {"steps": 640, "learners": 16, "layers": (16,)}
SMALL = FEW | {"batch_size": 80}
REPLAY = SMALL | {"learning_starts": 64, "buffer_size": 500}
AGENTS = {
    "ppo": Ppo(**SMALL),
    "maskable_ppo": Ppo(masked=True, **SMALL),
    "recurrent_ppo": RecurrentPpo(**SMALL, units=8),
    "maskable_recurrent_ppo": RecurrentPpo(**SMALL, units=8, masked=True),
    "a2c": A2c(**FEW),
    "trpo": Trpo(**SMALL),
    "dqn": Dqn(**REPLAY),
    "qr_dqn": QrDqn(**REPLAY),
    "ars": Ars(**FEW, directions=2),
}


@pytest.fixture(scope="module", params=AGENTS)
def trained(request):
    return AGENTS[request.param](TASK, 0, SilentTracker())


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "folder" / "policy.onnx"
    export(trained, TASK, path)
    return path


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    policy = AGENTS["maskable_ppo"](TASK, 0, SilentTracker())
    path = tmp_path_factory.mktemp("masked") / "policy.onnx"
    export(policy, TASK, path)
    return policy, path


def test_the_file_teaches_like_the_original(trained, file):
    exported = OnnxPolicy(file, TASK)
    assert exported.respects_mask == trained.respects_mask
    for deterministic in (True, False):
        mine = rollout(TASK, exported, 500, deterministic=deterministic)
        theirs = rollout(TASK, trained, 500, deterministic=deterministic)
        assert np.mean(mine.item == theirs.item) > 0.999  # rounding may decide a draw
    np.testing.assert_array_equal(rollout(TASK, exported, 500).item, rollout(TASK, trained, 500).item)


def test_the_wrapper_chooses_what_stable_baselines_does(trained):
    seen, masks = observe(trained, TASK, 1000)
    assert len(seen) == 1000
    state = trained.begin(luck_of(np.arange(len(seen))))
    expected = trained.library_choice(seen, masks, state.memory)
    np.testing.assert_array_equal(trained.predict(seen, state, action_masks=masks)[0], expected)


def test_anybody_can_run_the_file(trained, file):
    # Nothing of ours: plain onnxruntime, the names of the inputs, and the metadata.
    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    inputs = {i.name: (i.type, i.shape) for i in session.get_inputs()}
    units = trained.label.memory
    memory = dict.fromkeys(["hidden", "cell"], ("tensor(float)", ["batch", units])) if units else {}
    assert inputs == memory | {
        "features": ("tensor(float)", ["batch", TASK.layout.width]),
        "mask": ("tensor(bool)", ["batch", TASK.n_actions]),
    }
    outputs = {o.name: o.type for o in session.get_outputs()}
    after = {f"next_{name}": kind for name, (kind, _) in memory.items()}
    assert outputs == after | {"scores": "tensor(float)", "action": "tensor(int64)"}
    about = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}
    assert about["columns"] == list(TASK.layout.names)
    assert about["actions"] == list(TASK.course.items)
    assert about["course"] == TASK.course.hash
    assert about["agent"] == trained.agent.algorithm.name
    # The installed package may lack the suffix of a build (2.13.0) that the module has (2.13.0+cu130).
    assert about["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert {"coursewright", "stable-baselines3", "sb3-contrib"} < set(about["versions"])
    seen, masks = observe(trained, TASK, 50)
    for size in (1, 3, 50):
        kept = {name: np.zeros((size, units), np.float32) for name in memory}
        given = {"features": seen[:size], "mask": masks[:size]} | kept
        scores, action, *kept = session.run(None, given)
        assert [part.shape for part in kept] == [(size, units)] * len(memory)
        assert scores.shape == (size, TASK.n_actions)
        assert (scores[~masks[:size]] == -1e8).all()
        np.testing.assert_array_equal(action, scores.argmax(axis=1))
        assert masks[np.arange(size), action].all()


def test_the_file_is_plain(file):
    model = onnx.load(file)
    onnx.checker.check_model(model)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 20)]
    content = file.read_bytes()
    assert b".py" not in content  # no stack traces
    assert b"coursewright/agents" not in content
    assert [path.name for path in file.parent.iterdir()] == ["policy.onnx"]


def test_rows_do_not_depend_on_the_batch(masked):
    policy = OnnxPolicy(masked[1], TASK)
    seen, masks = observe(masked[0], TASK, 200)
    whole, _ = policy.predict(seen, action_masks=masks)
    single = [policy.predict(seen[i : i + 1], action_masks=masks[i : i + 1])[0][0] for i in range(200)]
    np.testing.assert_array_equal(whole, single)
    scores = policy.scores(seen, masks)
    np.testing.assert_allclose(scores[7:8], policy.scores(seen[7:8], masks[7:8]), rtol=1e-5, atol=1e-5)


def test_running_a_file_needs_no_torch(masked, tmp_path):
    script = (
        "import sys\n"
        "absent = ('torch', 'stable_baselines3', 'sb3_contrib', 'onnx', 'pandas')\n"
        "sys.modules |= dict.fromkeys(absent)\n"
        "from coursewright.agents.export.policy import OnnxPolicy\n"
        "from coursewright.envs.shipped import kss\n"
        "from coursewright.envs.rollout import rollout\n"
        f"print(rollout(kss(10), OnnxPolicy({str(masked[1])!r}, kss(10)), 50).returned.mean())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == rollout(TASK, masked[0], 50).returned.mean()


@pytest.mark.slow
def test_an_operation_that_we_do_not_know_is_written_by_torch(tmp_path):
    other = AGENTS["maskable_ppo"](TASK, 0, SilentTracker())
    other.model.policy.mlp_extractor.policy_net[1] = nn.GELU()
    with pytest.raises(InputError, match="gelu: an operation that is not known"):
        write(other, TASK, tmp_path / "tutor.onnx")
    export(other, TASK, tmp_path / "policy.onnx")  # which compares it
    assert onnx.load(tmp_path / "policy.onnx").producer_name == "pytorch"
    assert OnnxPolicy(tmp_path / "policy.onnx", TASK).label.agent == other.label.agent


@pytest.mark.parametrize("kind", ["scores", "order"])
def test_an_export_that_differs_is_noticed(masked, kind):
    _, path = masked
    other = AGENTS["maskable_ppo"](TASK, 0, SilentTracker())
    compare(OnnxPolicy(path, TASK), other, TASK)  # the same training: the same policy
    head = other.model.policy.action_net
    with torch.no_grad():
        if kind == "scores":
            head.bias[0] += 1e-3
        else:
            head.weight[:] = head.weight.flip(0)
    with pytest.raises(RuntimeError, match="differ"):
        compare(OnnxPolicy(path, TASK), other, TASK)


def test_a_failed_export_leaves_the_earlier_file(masked, tmp_path, monkeypatch):
    path = tmp_path / "policy.onnx"
    path.write_bytes(b"earlier")

    def differ(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr("coursewright.agents.export.onnx.compare", differ)
    with pytest.raises(RuntimeError, match="planted"):
        export(masked[0], TASK, path)
    assert path.read_bytes() == b"earlier"
    assert len(list(tmp_path.iterdir())) == 1


def test_export_is_quiet(masked, tmp_path, capfd):
    export(masked[0], TASK, tmp_path / "policy.onnx")
    assert capfd.readouterr() == ("", "")


def test_rules_need_no_export(tmp_path):
    class Rule:
        respects_mask = True

        def begin(self, luck):
            return None

        def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
            return np.zeros(len(observation), int), state

    with pytest.raises(InputError, match="Rule: only trained networks can be exported"):
        export(Rule(), TASK, tmp_path / "policy.onnx")


def test_a_policy_for_another_task_is_refused(masked, tmp_path):
    policy, path = masked
    with pytest.raises(InputError, match=r"^policy = .*another course .* \(20 skills, 20 items\); give"):
        OnnxPolicy(path, bkt())
    fewer = replace(TASK, features=("goal", "budget_left"))
    with pytest.raises(InputError, match=r"task\.features = goal, budget_left: .*log_warmup_right"):
        OnnxPolicy(path, fewer)
    with pytest.raises(InputError, match=r"task\.stop"):
        OnnxPolicy(path, replace(TASK, stop=True))
    with pytest.raises(InputError, match="course"):
        export(policy, bkt(), tmp_path / "policy.onnx")
    OnnxPolicy(path, kss(30))  # a longer budget is the same task to a policy
    with pytest.raises(InputError, match="observation"):
        OnnxPolicy(path).predict(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize("content", [None, b"", b"not ONNX", 0.5, 0.99])
def test_a_missing_or_broken_file_is_one_line(masked, tmp_path, content):
    path = tmp_path / "policy.onnx"
    if isinstance(content, float):
        whole = masked[1].read_bytes()
        content = whole[: int(content * len(whole))]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"^policy = {path}: [^\n]*$"):
        OnnxPolicy(path, TASK)


def test_a_foreign_onnx_file_is_refused(masked, tmp_path):
    model = onnx.load(masked[1])
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(InputError, match="coursewright"):
        OnnxPolicy(tmp_path / "foreign.onnx")


def network(nodes, columns=TASK.layout.width, actions=TASK.n_actions, weights=()):
    """A network with the inputs and outputs of a policy's."""
    tensor = onnx.helper.make_tensor_value_info
    takes = [tensor("features", 1, ["batch", columns]), tensor("mask", 9, ["batch", actions])]
    gives = [tensor("scores", 1, None), tensor("action", 7, None)]
    graph = onnx.helper.make_graph(nodes, "other", takes, gives, list(weights))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    model.ir_version = 10
    return model


CAST = onnx.helper.make_node("Cast", ["mask"], ["numbers"], to=1)
SCORES = onnx.helper.make_node("Cast", ["mask"], ["scores"], to=1)
ACTION = onnx.helper.make_node("ArgMax", ["scores"], ["action"], axis=1, keepdims=0)


@pytest.mark.parametrize(
    ("nodes", "sizes"),
    [
        ([SCORES, ACTION], {"columns": 3}),
        ([SCORES, ACTION], {"actions": 3}),
        ([SCORES, onnx.helper.make_node("ArgMax", ["scores"], ["action"], axis=1, keepdims=1)], {}),
        ([onnx.helper.make_node("Identity", ["features"], ["scores"]), ACTION], {}),
        ([CAST, onnx.helper.make_node("Mul", ["numbers", "by"], ["scores"]), ACTION], {"by": np.nan}),
        ([onnx.helper.make_node("Gather", ["features", "by"], ["scores"], axis=1), ACTION], {"by": 10**6}),
    ],
)
def test_our_label_on_another_network_is_one_line(masked, tmp_path, nodes, sizes):
    kind = np.int64 if "Gather" in {node.op_type for node in nodes} else np.float32
    weights = [onnx.numpy_helper.from_array(np.array([sizes.pop("by", 0)], kind), "by")]
    model = network(nodes, **sizes, weights=weights)
    model.metadata_props.extend(onnx.load(masked[1]).metadata_props)
    onnx.save(model, tmp_path / "policy.onnx")
    with pytest.raises(InputError, match=r"^policy = [^\n]*that its label describes[^\n]*$"):
        OnnxPolicy(tmp_path / "policy.onnx")


def test_a_file_with_weights_in_another_file_is_refused(masked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = onnx.load(masked[1])
    onnx.save(model, "policy.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    assert (tmp_path / "weights").is_file()
    with pytest.raises(InputError, match=r"^policy = policy\.onnx: [^\n]*$"):
        OnnxPolicy("policy.onnx")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("respects_mask", '"yes"'),
        ("seed", "null"),
        ("columns", "3"),
        ("columns", '"goal"'),
        ("versions", "[]"),
        ("course", "{"),
    ],
)
def test_a_label_of_wrong_kinds_is_refused(masked, tmp_path, name, value):
    model = onnx.load(masked[1])
    for entry in model.metadata_props:
        if entry.key == name:
            entry.value = value
    onnx.save(model, tmp_path / "policy.onnx")
    with pytest.raises(InputError, match=r"^policy = [^\n]*by coursewright$"):
        OnnxPolicy(tmp_path / "policy.onnx")


def test_a_file_of_a_later_format_is_refused(masked, tmp_path):
    model = onnx.load(masked[1])
    for entry in model.metadata_props:
        if entry.key == "format":
            entry.value = "2"
    onnx.save(model, tmp_path / "later.onnx")
    with pytest.raises(InputError, match="format 2"):
        OnnxPolicy(tmp_path / "later.onnx")


def test_a_saved_policy_comes_back(trained, tmp_path):
    path = tmp_path / "folder" / "policy.npz"
    trained.save(path)
    again = TrainedPolicy.load(path, trained.agent, TASK)
    assert again.label == trained.label
    theirs = trained.model.policy.state_dict()
    for name, values in again.model.policy.state_dict().items():
        assert torch.equal(values, theirs[name])
    np.testing.assert_array_equal(rollout(TASK, again, 100).item, rollout(TASK, trained, 100).item)
    export(again, TASK, tmp_path / "policy.onnx")
    with np.load(path, allow_pickle=False) as stored:  # by numpy alone
        assert {f"weights/{name}" for name in theirs} < set(stored.files)
    with pytest.raises(InputError, match="course"):
        TrainedPolicy.load(path, trained.agent, bkt())


@pytest.mark.parametrize("damage", ["missing", "folder", "empty", "cut", "flipped", "foreign", "pickle"])
def test_a_broken_saved_policy_is_one_line(masked, tmp_path, damage):
    path = tmp_path / "policy.npz"
    masked[0].save(path)
    whole = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flipped":
        whole[len(whole) // 2] ^= 0xFF
        path.write_bytes(whole)
    elif damage == "folder":
        path.mkdir()
    elif damage == "foreign":
        masked[0].model.save(path)
    elif damage == "pickle":
        path.write_bytes(pickle.dumps({"format": FORMAT}))
    elif damage != "missing":
        path.write_bytes(whole[: len(whole) // 2 if damage == "cut" else 0])
    with pytest.raises(InputError, match=rf"^policy = {path}: [^\n]*$"):
        TrainedPolicy.load(path, AGENTS["maskable_ppo"], TASK)


@pytest.mark.parametrize(("version", "word"), [(2, "an earlier"), (4, "a later")])
def test_a_saved_policy_of_another_format_is_one_line(masked, tmp_path, version, word):
    path = tmp_path / "policy.npz"
    masked[0].save(path)
    write_tree(path, read_tree("policy", path, FORMAT), version)
    with pytest.raises(InputError, match=rf"^policy = {path} \(format {version}\)[^\n]*{word}[^\n]*$"):
        TrainedPolicy.load(path, AGENTS["maskable_ppo"], TASK)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("label", [], "exported or saved by coursewright"),
        ("label", {"agent": "maskable_ppo"}, "exported or saved by coursewright"),
        ("options", None, r"agent\.masked = True: must be None"),
        ("options", {"masked": False}, r"agent\.masked = True: must be False, with which the policy"),
        ("weights", {}, "not those of this network"),
        ("weights", "none", "not those of this network"),
        ("weights", {"action_net.bias": np.zeros(3)}, "not those of this network"),
    ],
)
def test_a_saved_policy_that_is_whole_but_wrong_is_one_line(masked, tmp_path, name, value, words):
    path = tmp_path / "policy.npz"
    masked[0].save(path)
    write_tree(path, read_tree("policy", path, FORMAT) | {name: value}, FORMAT)
    with pytest.raises(InputError, match=rf"^[^\n]*{words}[^\n]*$"):
        TrainedPolicy.load(path, AGENTS["maskable_ppo"], TASK)


@pytest.mark.parametrize("change", [np.float32(np.nan), np.zeros((3, 3), np.float32)])
def test_weights_that_are_no_numbers_or_of_another_shape_are_refused(masked, tmp_path, change):
    path = tmp_path / "policy.npz"
    masked[0].save(path)
    tree = read_tree("policy", path, FORMAT)
    if change.shape:
        tree["weights"]["action_net.weight"] = change
    else:
        tree["weights"]["action_net.weight"][0, 0] = change
    write_tree(path, tree, FORMAT)
    with pytest.raises(InputError, match=r"^policy = [^\n]*not those of this network$"):
        TrainedPolicy.load(path, AGENTS["maskable_ppo"], TASK)


def test_a_saved_policy_of_another_algorithm_is_one_line(masked, tmp_path):
    path = tmp_path / "policy.npz"
    masked[0].save(path)
    with pytest.raises(InputError, match=rf"^policy = {path}: must be made by dqn; maskable_ppo made it$"):
        TrainedPolicy.load(path, AGENTS["dqn"], TASK)


def test_the_runtime_reports_to_nobody(tmp_path):
    # onnxruntime 1.31 names the machine in the home folder before it calls its makers.
    home = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    home.pop("ORT_DISABLE_TELEMETRY", None)
    code = "from coursewright.agents.export.policy import OnnxPolicy"
    subprocess.run([sys.executable, "-c", code], env=home, check=True)
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def test_a_host_s_mistakes_get_one_line(masked):
    _, path = masked
    policy = OnnxPolicy(path)
    seen, mask = observe(policy, TASK, 3)[0][:3], np.ones((3, TASK.n_actions), bool)
    wrong = {
        "observation[1], ": (changed(seen, (1, 2), np.nan), mask),
        "observation[2], ": (changed(seen, (2, 0), np.inf), mask),
        "observation = float32 of shape": (seen[0], mask),
        "observation = <U": ([["a"]], mask),
        "action_masks[1] = False throughout": (seen, changed(mask, 1, False)),
        "action_masks = bool of shape": (seen, mask[:, 1:]),
        "action_masks = int64": (seen, mask.astype(np.int64)),
    }
    for begins, (observation, allowed) in wrong.items():
        with pytest.raises(InputError) as caught:
            policy.predict(observation, action_masks=allowed)
        assert str(caught.value).startswith(begins), caught.value
    as_list, _ = policy.predict(seen.astype(np.float64).tolist(), action_masks=mask.tolist())
    assert (as_list == policy.predict(seen, action_masks=mask)[0]).all()
