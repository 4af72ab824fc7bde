"""Nothing of a shared folder runs: a payload in each of its files, and an address at each of its places."""

import inspect
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf

from compared import only
from coursewright.envs import rewards
from coursewright.errors import InputError
from coursewright.scripts.app import run
from coursewright.scripts.manual import CONFIGS
from coursewright.scripts.recorded import FORMAT, to_go_on
from coursewright.scripts.trust import BY_HAND, MADE, TRACKER, check, plain_name, shipped, trusted_of
from coursewright.simulators.folders import SHIPPED
from places import SUPPORT

TINY = ["agent.steps=1_280", "agent.learners=64", "agent.layers=[8]", "learners=30", "tracker=csv"]
QUICK = [
    "learners=20",
    "workers=1",
    "tracker=none",
    "reference=random",
    *only("random"),
    *(f"~figures.{name}" for name in ("comparison", "teaching", "path")),  # the one of trainings reads a file
]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def call(name, *arguments):
    """A verb's exit code; an error that is nobody's fault but ours comes through."""
    return run(name, list(arguments))


@pytest.fixture
def verb(capsys):
    """Run a verb: its exit code and its lines on stderr."""

    def called(name, *arguments):
        capsys.readouterr()
        code = call(name, *arguments)
        return code, [line for line in capsys.readouterr().err.splitlines() if line.strip()]

    return called


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished training on learners from a folder, and that folder beside it."""
    place = tmp_path_factory.mktemp("trained")
    shutil.copytree(SHIPPED / "bkt_v0", place / "learners")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        learners = ["simulator=bkt", "simulator.folder=learners", "task=mastery", "task.steps=5"]
        assert call("train", *learners, *TINY, "hydra.run.dir=run") == 0
    return place


@pytest.fixture
def shared(trained, tmp_path):
    """A copy of it, here."""
    for name in ("run", "learners"):
        shutil.copytree(trained / name, tmp_path / name)
    return tmp_path / "run"


def change(folder, **parts):
    """Change a run's record."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | parts))


def opened(folder):
    """Every verb that reads a run's folder, as its arguments; the last one goes on with it as unfinished."""
    yield "evaluate", [f"runs={folder}", *QUICK]
    yield "export", [f"run={folder}"]
    yield "train", [f"resume={folder}"]


def refused(verb, folder, *words):
    """Assert that each verb refuses the folder with one line that holds the words."""
    for name, arguments in opened(folder):
        code, lines = verb(name, *arguments)
        assert (code, len(lines)) == (2, 1), (name, lines)
        assert lines[0].startswith("error: ")
        for word in words:
            assert word in lines[0], (name, lines)


def a_third(cases):
    """Every third case; each is put to three verbs, and the others stand in the slow suite."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow if n % 3 else ())
        for n, case in enumerate(cases)
    ]


class Payload:
    """Runs when it is unpickled: it leaves a witness."""

    def __init__(self, witness):
        self.witness = str(witness)

    def __reduce__(self):
        return Path.touch, (Path(self.witness),)


def archive(payload, path):
    """A zip as numpy and torch read it, with the payload inside."""
    if path.suffix == ".npz":
        np.savez(path, tree=np.array([payload], object))
    else:
        torch.save(payload, path)


FILES = [
    ".hydra/config.yaml",
    ".hydra/hydra.yaml",
    ".hydra/overrides.yaml",
    "checkpoint.npz",
    "checkpoint.pt",
    "code.json",
    "config.yaml",
    "learners.json",
    "metrics.csv",
    "model.zip",
    "policy.npz",
    "policy.onnx",
    "state.json",
    "summary.json",
    "timing.csv",
    "train.log",
    "tutor.csv",
]


def test_every_file_of_a_run_is_in_the_list(trained):
    there = {
        path.relative_to(trained / "run").as_posix()
        for path in (trained / "run").rglob("*")
        if path.is_file()
    }
    assert there - {".lock"} == set(FILES) - {"checkpoint.pt", "model.zip"}


def test_the_payload_is_one(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "witness")))
    assert (tmp_path / "witness").exists()


# Nobody reads the first ones, and the last ones are read as text; they are in the slow suite.
FEWER_WAYS = (
    ".hydra/config.yaml",
    ".hydra/hydra.yaml",
    ".hydra/overrides.yaml",
    "checkpoint.pt",
    "timing.csv",
    "train.log",
    "learners.json",
    "metrics.csv",
    "summary.json",
    "tutor.csv",
)


@pytest.mark.parametrize("form", ["pickle", pytest.param("archive", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "file", [pytest.param(file, marks=pytest.mark.slow if file in FEWER_WAYS else ()) for file in FILES]
)
def test_a_payload_in_a_file_of_a_run_does_not_run(shared, tmp_path, file, form):
    payload = Payload(tmp_path / "witness")
    (shared / file).write_bytes(pickle.dumps(payload))
    if form == "archive":
        archive(payload, shared / file)
    for name, arguments in opened(shared):
        if name == "train":
            (shared / "summary.json").unlink()
        assert call(name, *arguments) in (0, 2)
        assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("file", sorted(path.name for path in (SHIPPED / "bkt_v0").iterdir()))
def test_a_payload_in_a_folder_of_learners_does_not_run(shared, tmp_path, file):
    (tmp_path / "learners" / file).write_bytes(pickle.dumps(Payload(tmp_path / "witness")))
    for name, arguments in opened(shared):
        assert call(name, *arguments) in (0, 2)
    assert not (tmp_path / "witness").exists()


KINDS = {
    file.stem: node
    for file in sorted((CONFIGS / "simulator").glob("*.yaml"))
    if (node := yaml.safe_load(file.read_text())) and "bkt_" not in file.stem and "read_" in str(node)
}


@pytest.mark.parametrize("damage", ["pickle", "archive", "empty", "text"])
@pytest.mark.parametrize("name", [name for name, node in KINDS.items() if "???" not in str(node)])
def test_a_folder_of_learners_is_data(tmp_path, name, damage):
    node = json.loads(json.dumps(KINDS[name]))
    (inside,) = (part for part in mappings(node) if "folder" in part)
    whole = SHIPPED / inside["folder"]
    for file in sorted(path.name for path in whole.iterdir() if path.suffix != ".md"):
        place = tmp_path / file.replace(".", "-")
        shutil.copytree(whole, place)
        payload = Payload(tmp_path / "witness")
        content = {"pickle": pickle.dumps(payload), "text": b"a,b\n1,2\n"}.get(damage, b"")
        (place / file).write_bytes(content)
        if damage == "archive":
            archive(payload, place / file)
        inside["folder"] = str(place)
        said = refusal(node)
        assert said is None or isinstance(said, InputError), (file, said)
        assert "\n" not in str(said)
        assert not (tmp_path / "witness").exists()


def mappings(node):
    """Every mapping of a tree."""
    if isinstance(node, dict):
        yield node
        for part in node.values():
            yield from mappings(part)


def refusal(node):
    """The error that stops a node from being made, or None."""
    try:
        instantiate(node)
    except Exception as error:
        while error.__cause__ is not None and not isinstance(error, InputError):
            error = error.__cause__
        return error
    return None


def test_how_hydra_was_started_is_not_read(shared, tmp_path, verb):
    evil = {"_target_": "os.system", "command": f"touch {tmp_path / 'witness'}"}
    (shared / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(["seed=5", f"hydra/launcher={evil}"]))
    (shared / ".hydra" / "hydra.yaml").write_text(
        yaml.safe_dump({"hydra": {"launcher": evil, "callbacks": {"a": evil}}})
    )
    (shared / "summary.json").unlink()
    assert verb("train", f"resume={shared}") == (0, [])
    assert OmegaConf.load(shared / "config.yaml").seed == 0
    assert not (tmp_path / "witness").exists()


EVIL = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "joblib.load",
    "pandas.read_pickle",
    "torch.load",
    "hydra.utils.instantiate",
    "coursewright",
    "coursewright.files.write_text",
    "coursewright.files.write_atomically",
    "coursewright.files.fill_atomically",
    "coursewright.agents.learning.trained.TrainedPolicy.load",
    "coursewright.agents.learning.weights.write_tree",
    "coursewright.simulators.neural.stored.write_arrays",
    "coursewright.simulators.knowledge.parameters.BktParameters.write",
    "coursewright.envs.task.Task.__init__.__globals__",
    "coursewright.simulators.luck.np.load",
    "coursewright.scripts.demo.subprocess.run",
    "coursewright.scripts.app.run",
    "coursewright.data.read.LogFile",
    "coursewright.fitting.folder.fit_model",
    "",
    "...",
    " os.system",
    "os.system\n",
    "???",
    3,
    None,
    ["os.system"],
    {"_target_": "os.system"},
]
ALL = shipped(*MADE) | BY_HAND


@pytest.fixture(scope="module")
def record(trained):
    return yaml.safe_load((trained / "run" / "config.yaml").read_text())


def places(node, way=()):
    """Every mapping and list of a tree by the way to it."""
    if isinstance(node, dict | list):
        yield way
        for step, part in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(part, (*way, step))


@pytest.mark.parametrize("evil", EVIL, ids=str)
def test_an_address_of_others_is_refused_at_every_place(record, evil):
    check(record, "run = F")
    for way in places(record):
        for hidden in (
            {"_target_": evil},
            {"_target_": evil, "_partial_": True, "_args_": []},
            [{"a": [{"_target_": evil}]}],
            {"_target_": "coursewright.envs.rewards.mean_gain", "_args_": [{"_target_": evil}]},
            {
                "_target_": "coursewright.envs.rewards.mean_gain",
                "_recursive_": False,
                "a": {"_target_": evil},
            },
        ):
            changed = json.loads(json.dumps(record))
            inside = changed
            for step in way:
                inside = inside[step]
            if isinstance(inside, list):
                inside.append(hidden)
            elif isinstance(hidden, dict) and way:
                inside.update(hidden)
            else:
                inside["more"] = hidden
            for form in (changed, OmegaConf.create(changed)):
                with pytest.raises(InputError, match=r"^run = F: [^\n]*_target_[^\n]*$"):
                    check(form, "run = F")


def test_a_tracker_is_one_of_ours_and_stands_in_its_place(record):
    for tracker in shipped(TRACKER):
        check(record | {"tracker": {"_target_": tracker}}, "run = F")
        with pytest.raises(InputError, match="not among the things that a run's folder may name there"):
            check(record | {"agent": {"_target_": tracker}}, "run = F")
    with pytest.raises(InputError, match="not among the things that a run's folder may name there"):
        check(record | {"tracker": {"_target_": "coursewright.agents.learning.ppo.Ppo"}}, "run = F")


@pytest.mark.parametrize("address", sorted(ALL))
def test_what_may_be_named_writes_nothing_and_runs_nothing(address):
    thing = get_object(address)
    makers = [getattr(thing, name, None) for name in ("__init__", "__post_init__", "__new__")]
    for part in makers if isinstance(thing, type) else [thing]:
        if not hasattr(part, "__code__") or "<string>" in part.__code__.co_filename:
            continue  # of a dataclass or a NamedTuple: it takes values
        source = inspect.getsource(part)
        for word in (
            "write_",
            ".write(",
            "open(",
            "unlink",
            "remove(",
            "system(",
            "subprocess",
            "pickle",
            "eval(",
        ):
            assert word not in source, (address, word)


def test_what_is_written_by_hand_is_needed():
    assert not BY_HAND & shipped(*MADE)
    public = [name for name, thing in vars(rewards).items() if inspect.isfunction(thing) and name[0] != "_"]
    own = [
        f"coursewright.envs.rewards.{name}"
        for name in public
        if getattr(rewards, name).__module__ == rewards.__name__
    ]
    assert len(own) >= 8
    assert set(own) <= ALL


@pytest.mark.parametrize("text", ["${oc.env:HOME}", "${hydra:runtime.cwd}", "a${b}", "${oc.decode:x}"])
def test_an_interpolation_is_refused(record, text):
    for changed in ({"tutor": text}, {"tags": [text]}, {text: 1}, {"task": record["task"] | {"steps": text}}):
        with pytest.raises(InputError, match=r"^run = F: [^\n]*interpolation[^\n]*$"):
            check(record | changed, "run = F")


@pytest.mark.parametrize("evil", ["os.system", "joblib.load", "coursewright.files.write_text"])
@pytest.mark.parametrize("part", ["task", "tracker"])
def test_every_verb_refuses_such_a_folder(shared, tmp_path, verb, evil, part, record):
    arguments = {
        "command": f"touch {tmp_path / 'witness'}",
        "filename": "x",
        "path": str(tmp_path / "witness"),
        "text": "x",
    }
    evil = {"_target_": evil, **arguments}
    change(shared, **{part: record[part] | {"reward": evil} if part == "task" else evil})
    refused(verb, shared, str(shared), f"{part}.", evil["_target_"])
    assert not (tmp_path / "witness").exists()


def test_a_package_is_named_to_let_it_run(shared, tmp_path, verb, record, monkeypatch):
    (tmp_path / "mylab").mkdir()
    (tmp_path / "mylab" / "__init__.py").write_text("")
    (tmp_path / "mylab" / "rewards.py").write_text(
        "import os\nfrom coursewright.envs.rewards import mean_gain\n"
        "def mine(before, after, taught):\n    return mean_gain(before, after, taught)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine = {"_target_": "mylab.rewards.mine", "_partial_": True}
    change(shared, task=record["task"] | {"reward": mine})
    said = "task.reward._target_ = mylab.rewards.mine is not of coursewright; "
    refused(verb, shared, said + "trust=mylab would let all of that package run as you")
    assert to_go_on(shared) == f"coursewright train resume={shared} trust=mylab"
    (shared / "summary.json").unlink()
    (shared / "checkpoint.npz").unlink()
    assert verb("train", f"resume={shared}", "trust=mylab") == (0, [])
    assert verb("export", f"run={shared}", "trust=mylab") == (0, [])
    assert verb("evaluate", f"runs={shared}", *QUICK, "trust=[other, mylab]")[0] == 0
    for stranger in ("mylab.rewards.os.system", "mylab.rewards.mine.__globals__", "mylabs.x"):
        with pytest.raises(InputError, match="_target_"):
            check({"a": {"_target_": stranger}}, "run = F", ["mylab"])
    with pytest.raises(InputError, match=r"mylab\.rewards\.mine"):
        check({"a": {"_target_": "mylab.rewards.mine"}}, "run = F", ["mylab.models"])


@pytest.mark.parametrize(
    "value", ["coursewright", "coursewright.files", "os", "", "a b", "a/b", 3, ["x", "builtins"]]
)
def test_only_a_package_of_ones_own_can_be_trusted(value):
    with pytest.raises(InputError, match=r"^trust = [^\n]*a package of yours[^\n]*$"):
        trusted_of(value)


NAMES = [
    "",
    ".",
    "..",
    "../../x",
    "/etc/x",
    "a/b",
    "a\\b",
    "C:x",
    "a\nb",
    "a\x1b[2J",
    " a",
    "a ",
    "x" * 121,
    "é" * 61,
    "a*",
]


@pytest.mark.parametrize("name", [*NAMES, 3, None])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(InputError, match=r"^study = [^\n]*a plain name[^\n]*$"):
        plain_name("study", name)


@pytest.mark.parametrize("name", ["kss_cseal18-kss", "a (b=c,d)", "Übung 1", "..a", "x" * 120])
def test_a_plain_name_is_taken(name):
    assert plain_name("study", name) == name


@pytest.mark.parametrize("field", ["study", "name"])
@pytest.mark.parametrize("value", a_third(["../../x", "/tmp/x", "a\x1bb", ""]))
def test_a_run_with_such_a_name_is_refused(shared, verb, field, value):
    change(shared, **{field: value})
    refused(verb, shared, f"{field} = ", "plain name")


@pytest.mark.parametrize("field", ["study", "name"])
def test_a_person_who_sets_such_a_name_is_told(verb, tmp_path, field):
    code, lines = verb(
        "train", "agent=random", f"{field}=a/../b", "learners=20", "tracker=none", "hydra.run.dir=r"
    )
    assert (code, len(lines)) == (2, 1)
    assert f"{field} = a/../b: must be a plain name" in lines[0]


WRONG = {
    "config.yaml": [b"", b"- 1\n", b"3", b"a: [", b"\xff\xfe\x00", b"task: x\n", b"a: &a [*a]\n"],
    "code.json": [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"format": "3"}',
        b'{"format": null}',
        b"{}",
        b'{"format": 2}',
    ],
    "tutor.csv": [b"", b"\xff\x00", b"skill,prior\n", b"skill,prior,learn,guess,slip\na,x,1,1,1\n", b"\0"],
}
CASES = [(file, content) for file, contents in WRONG.items() for content in contents]


@pytest.mark.parametrize(("file", "content"), a_third(CASES))
def test_a_file_that_is_whole_but_wrong_is_one_line(shared, verb, file, content):
    (shared / file).write_bytes(content)
    if file != "tutor.csv":
        refused(verb, shared)
        return
    for name, arguments in list(opened(shared))[:2]:  # a training makes its tutor's table anew
        code, lines = verb(name, *arguments)
        assert (code, len(lines)) == (2, 1), lines


@pytest.mark.parametrize(
    ("part", "value"),
    a_third(
        [
            ("simulator", None),
            ("simulator", {}),
            ("simulator", {"_target_": "coursewright.simulators.kss.learners.Kss", "width": 3}),
            ("task", {"_target_": "coursewright.envs.rewards.mean_gain"}),
            ("task", {"_target_": "coursewright.envs.task.Task", "_partial_": True, "steps": "many"}),
            ("task", {"_target_": "coursewright.envs.task.Task", "_partial_": True, "steps": -1}),
            ("agent", {"_target_": "coursewright.agents.learning.ppo.Ppo", "steps": "many"}),
            ("agent", {"_target_": "coursewright.agents.learning.ppo.Ppo", "stepz": 3}),
            ("agent", {"_target_": "coursewright.agents.sb3.maskable_ppo"}),
            ("seeds", {"_target_": "coursewright.simulators.luck.Seeds", "population": "x"}),
            ("seeds", []),
            ("seed", "one"),
            ("seed", True),
            ("learners", 1.5),
            ("tutor", 3),
            ("tags", "x"),
            ("choices", {"simulator": 3}),
            ("name", 3),
        ]
    ),
)
def test_a_record_that_is_whole_but_wrong_is_one_line(shared, verb, part, value):
    change(shared, **{part: value})
    refused(verb, shared, str(shared))


@pytest.mark.parametrize(
    "part", a_third(["simulator", "task", "agent", "seeds", "seed", "study", "choices", "tracker"])
)
def test_a_record_that_lacks_something_is_one_line(shared, verb, part):
    config = yaml.safe_load((shared / "config.yaml").read_text())
    del config[part]
    (shared / "config.yaml").write_text(yaml.safe_dump(config))
    refused(verb, shared, f"{part} = missing")


@pytest.mark.parametrize(
    ("file", "content", "name"),
    [
        ("metrics.csv", b"", "evaluate"),
        ("metrics.csv", b"\xff\xfe", "evaluate"),
        ("metrics.csv", b"a,b\n1,2\n", "evaluate"),
        ("metrics.csv", b"step,train/return\n1,x\n", "evaluate"),
        ("policy.onnx", b"", "evaluate"),
        ("policy.onnx", b"\x08\x07", "evaluate"),
        ("policy.npz", b"", "export"),
        ("policy.npz", b"PK\x05\x06" + b"\0" * 18, "export"),
        ("checkpoint.npz", b"", "train"),
        ("checkpoint.npz", b"x", "train"),
    ],
)
def test_a_broken_file_is_one_line(shared, verb, file, content, name):
    (shared / file).write_bytes(content)
    (shared / "summary.json").unlink() if name == "train" else None
    code, lines = verb(name, *dict(opened(shared))[name])
    assert (code, len(lines)) == (2, 1), lines
    assert file in lines[0]


def test_a_policy_whose_file_is_gone_is_not_trained_anew(shared, verb):
    (shared / "policy.onnx").unlink()
    code, lines = verb("evaluate", f"runs={shared}", *QUICK)
    assert (code, len(lines)) == (2, 1)
    assert "lacks policy.onnx" in lines[0]
    assert f"coursewright export run={shared} whole=false to={shared}/policy.onnx" in lines[0]
    assert verb("export", f"run={shared}", "whole=false", f"to={shared}/policy.onnx") == (0, [])
    assert verb("evaluate", f"runs={shared}", *QUICK)[0] == 0


@pytest.mark.slow
def test_a_rule_is_made_again(verb, tmp_path, capsys):
    for name in ("random", "round_robin"):
        assert (
            call("train", f"agent={name}", "learners=20", "tracker=none", f"hydra.run.dir=runs/{name}") == 0
        )
    capsys.readouterr()
    assert call("evaluate", "runs=runs", *QUICK, "hydra.run.dir=report") == 0
    assert "is the rule random, which is compared anyway" in capsys.readouterr().out
    page = (tmp_path / "report" / "report.html").read_text()
    assert "round_robin" in page
    assert "random (run)" not in page


@pytest.mark.slow
def test_a_policy_called_like_a_rule_is_not_lost(shared, tmp_path, verb, capsys):
    change(shared, name="random")
    assert call("evaluate", f"runs={shared}", *QUICK, "hydra.run.dir=report") == 0
    assert "here it is 'random (run)'" in capsys.readouterr().out
    assert "random (run)" in (tmp_path / "report" / "report.html").read_text()


@pytest.mark.parametrize("name", ["train.log", "metrics.csv", "config.yaml", ".hydra"])
def test_a_link_in_a_run_is_not_written_through(shared, tmp_path, verb, name):
    (shared / "summary.json").unlink()
    (tmp_path / "mine").write_text("mine\n")
    kept = shared / name
    (tmp_path / "kept").mkdir()
    kept.rename(tmp_path / "kept" / "it")
    kept.symlink_to(tmp_path / ("mine" if name == "train.log" else "kept/it"))
    code, lines = verb("train", f"resume={shared}")
    assert (code, len(lines)) == (2, 1)
    assert f"{name} is a link" in lines[0]
    assert (tmp_path / "mine").read_text() == "mine\n"


def test_a_run_sends_wandb_nowhere_else(shared, verb):
    (shared / "wandb").mkdir()
    (shared / "wandb" / "settings").write_text("[default]\nbase_url = http://localhost:1\n")
    code, lines = verb("train", f"resume={shared}")
    assert (code, len(lines)) == (2, 1)
    assert "wandb/settings" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resume=nowhere"], ["resume = 'nowhere'", "folder of a run"]),
        (["resume="], ["resume = ", "folder of a run"]),
        (["resume=RUN", "seed=1"], ["goes alone", "seed=1"]),
        (["resume=RUN", "-m"], ["goes alone", "-m"]),
        (["resume=RUN", "resume=b"], ["goes alone", "resume=b"]),
        (["resume=RUN", "trust=os"], ["trust = os", "a package of yours"]),
    ],
)
def test_resuming_goes_alone(shared, verb, arguments, words):
    code, lines = verb("train", *(argument.replace("RUN", str(shared)) for argument in arguments))
    assert (code, len(lines)) == (2, 1)
    for word in words:
        assert word in lines[0]


def test_only_a_training_goes_on(shared, verb):
    code, lines = verb("evaluate", f"resume={shared}")
    assert (code, len(lines)) == (2, 1)
    assert "only a training goes on" in lines[0]


def test_a_finished_run_says_so(shared, capsys):
    assert call("train", f"resume={shared}") == 0
    assert "finished before" in capsys.readouterr().out


def test_a_run_from_a_folder_of_ones_own_goes_on(tmp_path, verb, monkeypatch):
    # Neither the YAML files nor the command line is needed: the record is enough, in a folder of any name.
    monkeypatch.syspath_prepend(str(SUPPORT))
    (tmp_path / "mine" / "agent").mkdir(parents=True)
    shutil.copy(SUPPORT / "outside_agent.yaml", tmp_path / "mine" / "agent" / "theirs.yaml")
    folder = tmp_path / "a b=c,d"
    own = [f"--config-dir={tmp_path}/mine", "agent=theirs", *TINY, f"hydra.run.dir='{folder}'"]
    assert verb("train", *own) == (0, [])
    before = (folder / "config.yaml").read_text()
    kept = (folder / "policy.npz").read_bytes()
    for name in ("summary.json", "policy.npz", "policy.onnx", ".hydra"):
        (shutil.rmtree if name == ".hydra" else Path.unlink)(folder / name)
    shutil.rmtree(tmp_path / "mine")
    code, lines = verb("train", f"resume={folder}")
    assert (code, len(lines)) == (2, 1)
    assert "trust=outside_agent" in lines[0]
    assert verb("train", f"resume={folder}", "trust=outside_agent") == (0, [])
    assert (folder / "config.yaml").read_text() == before
    assert (folder / "policy.npz").read_bytes() == kept


def test_an_older_run_is_told_in_a_line(shared, verb):
    code = json.loads((shared / "code.json").read_text())
    assert code["format"] == FORMAT
    (shared / "code.json").write_text(json.dumps(code | {"format": 2}))
    (shared / "policy.npz").rename(shared / "model.zip")
    refused(verb, shared, "format 2", f"must be of format {FORMAT}", "an earlier coursewright wrote it")
