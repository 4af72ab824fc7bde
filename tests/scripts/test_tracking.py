"""Trackers: a W&B run is read back with W&B's own tools, and sent to a server of our own."""

import csv
import json
import os
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

import coursewright
from coursewright.agents.tracker import SilentTracker
from coursewright.errors import InputError
from coursewright.scripts.run_directory import RunDirectory
from coursewright.scripts.tracking import NoTracker, Results, Run, RunTracker, Trackers, WandbTracker
from wandb_stub import WandbStub

CONFIGS = Path(coursewright.__file__).parent / "configs" / "tracker"
WANDB = Path(sys.executable).with_name("wandb")
IDENTITY = {"name": "ppo seed=3", "group": "sweep-1", "job_type": "train", "tags": ["kss", "masked"]}
CONFIG = {"agent": {"learning_rate": 0.001, "layers": [128, 128]}, "task": {"budget": 30}, "strict": True}
TABLE = pd.DataFrame({"policy": ["random", "ppo"], "gain": [0.178, float("nan")], "learners": [10, 20]})
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c63606060f80f0001040100f81b5eab0000000049454e44ae426082"
)


def configured(name: str, directory: Path, **overrides: object) -> RunTracker:
    """The tracker that Hydra would make of `configs/tracker/<name>.yaml`."""
    config = OmegaConf.merge(OmegaConf.load(CONFIGS / f"{name}.yaml"), overrides)
    return instantiate(config)(Run(directory, CONFIG, **IDENTITY))


def a_run(tracker: RunTracker, directory: Path) -> None:
    """Three rollouts and a report, as an app would write them."""
    for step in (256, 512, 768):
        numbers = {"train/gain": step / 1000, "train/return": step / 4000, "eval/gain": step / 2000}
        tracker.log(numbers, step)
    (directory / "policy.onnx").write_bytes(b"a policy")
    (directory / "gain.png").write_bytes(PNG)
    tracker.report(
        Results(
            {"final/gain": 0.93, "final/policy": "ppo"},
            TABLE,
            {"gain": directory / "gain.png"},
            {"policy": directory / "policy.onnx"},
        )
    )
    tracker.finish()


def wandb(*arguments: str | Path, home: Path, timeout: float = 30.0, **environment: str) -> str:
    """Run the wandb command with an empty home, and return its output."""
    outcome = subprocess.run(
        [WANDB, *arguments],
        env=os.environ | {"HOME": str(home)} | environment,
        cwd=home,  # it leaves its debug logs where it stands
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished offline run's directory."""
    directory = tmp_path_factory.mktemp("offline")
    a_run(configured("wandb", directory), directory)
    return directory


def only(directory: Path) -> Path:
    (folder,) = (directory / "wandb").glob("offline-run-*")
    return folder


def records(directory: Path, kind: str) -> list[dict]:
    lines = wandb("leet", "inspect", "--json", only(directory), home=directory).splitlines()
    return [record[kind] for record in map(json.loads, lines) if record["type"] == kind]


def test_offline_run_reads_back_whole(offline: Path) -> None:
    run = json.loads(wandb("leet", "inspect", "--summary", "--json", only(offline), home=offline))
    assert run["config"] == {
        "agent/learning_rate": 0.001,
        "agent/layers": [128, 128],
        "task/budget": 30,
        "strict": True,
    }
    assert (run["name"], run["project"], run["tags"]) == ("ppo seed=3", "coursewright", ["kss", "masked"])
    assert (run["state"], run["exit_code"]) == ("finished", 0)
    assert (run["summary"]["final/gain"], run["summary"]["final/policy"]) == (0.93, "ppo")
    assert run["summary"]["global_step"] == 768
    assert (run["summary"]["comparison"]["nrows"], run["summary"]["comparison"]["ncols"]) == (2, 3)
    assert run["summary"]["gain"]["_type"] == "image-file"


def test_dashboards_can_group_and_compare(offline: Path) -> None:
    (run,) = records(offline, "run")
    assert (run["run_group"], run["job_type"]) == ("sweep-1", "train")
    axes = {metric.get("glob_name"): metric.get("step_metric") for metric in records(offline, "metric")}
    assert axes["train/*"] == axes["eval/*"] == "global_step"
    history = [record["item"] for record in records(offline, "history")]
    assert [row["train/gain"] for row in history if "train/gain" in row] == [0.256, 0.512, 0.768]
    assert [row["global_step"] for row in history if "train/gain" in row] == [256, 512, 768]
    theirs = [row["rollout/ep_rew_mean"] for row in history if "train/return" in row]
    assert theirs == [0.064, 0.128, 0.192], "the name of Stable-Baselines3's own logger"


@pytest.mark.parametrize(
    ("study", "name", "said"),
    [
        ("kss-t30", "maskable_ppo", "kss-t30-maskable_ppo-3"),
        ("bkt_v0", "maskable_ppo", "bkt_v0-maskable_ppo-3"),
        ("evaluate", "evaluate", "evaluate-3"),
    ],
)
def test_runs_of_two_studies_have_two_names(tmp_path: Path, study: str, name: str, said: str) -> None:
    config = OmegaConf.create({"study": study, "name": name, "seed": 3, "tags": []})
    directory = RunDirectory(tmp_path, config, "group", ExitStack())
    assert directory.name == said


def test_the_policy_is_an_artifact_inside_the_run_directory(offline: Path) -> None:
    artifacts = {artifact["type"]: artifact for artifact in records(offline, "artifact")}
    assert artifacts["policy"]["name"] == "ppo-seed-3-policy"
    for artifact in artifacts.values():
        for entry in artifact["manifest"]["contents"]:
            assert Path(entry["local_path"]).is_relative_to(offline)


def test_a_real_sync_delivers_everything(offline: Path, tmp_path: Path) -> None:
    with WandbStub() as server:
        wandb("sync", only(offline), home=tmp_path, WANDB_BASE_URL=server.url, WANDB_API_KEY="k" * 40)
    assert [row["train/gain"] for row in server.history if "train/gain" in row] == [0.256, 0.512, 0.768]
    assert server.summary["final/gain"] == 0.93
    assert server.uploads["artifact/policy.onnx"] == b"a policy"
    assert any(name.startswith("run/media/images/gain") for name in server.uploads)
    assert server.exit_code == 0
    sent = next(given for operation, given in server.operations if operation == "UpsertBucket")
    assert (sent["groupName"], sent["jobType"], sent["displayName"]) == ("sweep-1", "train", "ppo seed=3")
    assert json.loads(sent["config"])["agent/learning_rate"]["value"] == 0.001


def test_resumed_training_goes_on_with_the_same_run(offline: Path, tmp_path: Path) -> None:
    known = (offline / "wandb-train.id").read_text()
    (tmp_path / "wandb-train.id").write_text(known)
    tracker = configured("wandb", tmp_path)
    tracker.log({"train/gain": 0.9}, 1024)
    tracker.finish(exit_code=1)
    run = json.loads(wandb("leet", "inspect", "--summary", "--json", only(tmp_path), home=tmp_path))
    assert run["run_id"] == known.strip()
    assert run["exit_code"] == 1


def test_two_runs_in_one_process_do_not_share_a_folder(offline: Path, tmp_path: Path) -> None:
    before = sorted(offline.rglob("*"))
    a_run(configured("wandb", tmp_path), tmp_path)
    policy = next(entry for entry in records(tmp_path, "artifact") if entry["type"] == "policy")
    assert Path(policy["manifest"]["contents"][0]["local_path"]).is_relative_to(tmp_path)
    assert sorted(offline.rglob("*")) == before


ONLINE = """
    import sys
    from pathlib import Path
    from coursewright.scripts.tracking import Results, Run, WandbTracker
    from coursewright.errors import InputError
    directory = Path(sys.argv[1])
    try:
        run = WandbTracker(Run(directory, {"a": {"b": 1}}, "n", "g", "train"), mode="online", patience=5)
    except InputError as error:
        sys.exit(f"refused: {error}")
    run.log({"train/gain": .5}, 256)
    run.report(Results({"final/gain": .9}))
    run.finish()
"""


def online(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """An online run in a process of its own: W&B keeps credentials for a whole process."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ONLINE), directory],
        env=os.environ | {"HOME": str(directory)} | environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_online_streams_without_a_word(tmp_path: Path) -> None:
    with WandbStub() as server:
        outcome = online(tmp_path, WANDB_BASE_URL=server.url, WANDB_API_KEY="k" * 40)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
    assert [row["train/gain"] for row in server.history] == [0.5]
    assert server.summary["final/gain"] == 0.9


@pytest.mark.parametrize(
    ("key", "reason"), [("", "no W&B API key"), ("k" * 40, "did not start"), ("short", "40")]
)
def test_online_without_key_or_network_says_so_in_one_line(tmp_path: Path, key: str, reason: str) -> None:
    outcome = online(tmp_path, WANDB_BASE_URL="http://127.0.0.1:9", WANDB_API_KEY=key, WANDB_HTTP_TIMEOUT="2")
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("refused: tracker.mode = online: ")
    assert reason in outcome.stderr
    assert "tracker.mode=offline" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_disabled_runs_leave_nothing_behind(tmp_path: Path) -> None:
    a_run(configured("wandb", tmp_path, mode="disabled"), tmp_path)
    assert not list(tmp_path.rglob("*.wandb"))
    assert not (tmp_path / "wandb-train.id").exists()


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tracker.mode = 'ofline': .*did you mean 'offline'"):
        configured("wandb", tmp_path, mode="ofline")
    with pytest.raises(InputError, match=r"64 characters"):
        WandbTracker(Run(tmp_path, {}, "n", "g", "train", ["x" * 65]))


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_keeps_every_row_and_new_columns(tmp_path: Path) -> None:
    tracker = configured("csv", tmp_path)
    tracker.log({"train/gain": 0.1}, 256)
    tracker.log({"eval/gain": 0.2, "train/gain": 0.3}, 512)
    tracker.log({"eval/gain": 0.4}, 768)
    assert (tmp_path / "metrics.csv").read_text() == (
        "step,train/gain,eval/gain\n256,0.1,\n512,0.3,0.2\n768,,0.4\n"
    )


def test_clocks_have_a_file_of_their_own(tmp_path: Path) -> None:
    tracker = configured("csv", tmp_path)
    tracker.log({"train/gain": 0.1, "time/fps": 1000.0}, 256)
    tracker.log({"time/fps": 2000.0}, 512)
    assert (tmp_path / "metrics.csv").read_text() == "step,train/gain\n256,0.1\n"
    assert (tmp_path / "timing.csv").read_text() == "step,time/fps\n256,1000.0\n512,2000.0\n"


def test_a_resumed_wandb_run_sends_no_row_twice(tmp_path: Path) -> None:
    for steps in ((1, 2, 3), (2, 3, 4)):  # the second goes on from a checkpoint after step 1
        both = Trackers([configured("csv", tmp_path), configured("wandb", tmp_path)])
        for step in steps:
            both.log({"train/gain": step / 10}, step)
        both.finish(exit_code=1)
    with WandbStub() as server:
        for folder in sorted((tmp_path / "wandb").glob("offline-run-*")):
            wandb("sync", folder, home=tmp_path, WANDB_BASE_URL=server.url, WANDB_API_KEY="k" * 40)
    assert [row["global_step"] for row in server.history] == [1, 2, 3, 4]
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2", "3", "4"]


def test_csv_resume_appends_to_what_is_there(tmp_path: Path) -> None:
    first = configured("csv", tmp_path)
    first.log({"b": 1.0, "a": 2.0}, 1)
    first.finish()
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2,3.0")  # killed in mid-row
    second = configured("csv", tmp_path)
    second.log({"a": 4.0, "c": 5.0}, 2)
    assert [list(row.values()) for row in rows(tmp_path)] == [
        ["1", "1.0", "2.0", ""],
        ["2", "", "4.0", "5.0"],
    ]
    assert list(rows(tmp_path)[0]) == ["step", "b", "a", "c"]


def test_csv_numbers_survive_exactly(tmp_path: Path) -> None:
    tracker = configured("csv", tmp_path)
    tracker.log({"x": 0.1 + 0.2, "y": float("nan")}, 1)
    (row,) = rows(tmp_path)
    assert float(row["x"]) == 0.1 + 0.2
    assert row["y"] == "nan"


def test_csv_summary_is_valid_json_and_the_table_a_file(tmp_path: Path) -> None:
    tracker = configured("csv", tmp_path)
    a_run(tracker, tmp_path)
    tracker.report(Results({"final/gain": float("nan"), "final/policy": "ppo"}, TABLE))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary == IDENTITY | {"final/gain": None, "final/policy": "ppo"}
    assert pd.read_csv(tmp_path / "comparison.csv")["policy"].tolist() == ["random", "ppo"]
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]


def test_several_trackers_act_as_one(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    both = Trackers([configured("csv", folder) for folder in folders])
    a_run(both, tmp_path)
    assert [len(rows(folder)) for folder in folders] == [3, 3]
    assert all((folder / "summary.json").exists() for folder in folders)


def test_none_keeps_nothing(tmp_path: Path) -> None:
    tracker = configured("none", tmp_path / "run")
    a_run(tracker, tmp_path)
    SilentTracker().log({"train/gain": 1.0}, 1)
    assert isinstance(tracker, NoTracker)
    assert not (tmp_path / "run").exists()


def test_wandb_is_imported_only_when_asked_for() -> None:
    check = (
        "import sys, coursewright.scripts.tracking; sys.exit(bool({'wandb', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0


def test_every_tracker_config_is_covered() -> None:
    assert sorted(path.stem for path in CONFIGS.glob("*.yaml")) == ["csv", "none", "wandb"]


OWN = """
    from coursewright.files import write_text

    class Notebook:
        def __init__(self, run, *, title):
            self.directory, self.lines = run.directory, [f"{title}: {run.name} ({run.group}, {run.job_type})"]

        def log(self, data, step):
            self.lines.append(f"{step} {data}")

        def report(self, results):
            self.lines += [*results.summary, *results.figures, *results.files]

        def finish(self, exit_code=0):
            write_text(self.directory / "notes.txt", "\\n".join([*self.lines, f"ended with {exit_code}"]))
"""


def test_a_tracker_of_ones_own_is_one_class_and_one_file(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "my_tracker.py").write_text(textwrap.dedent(OWN))
    (tmp_path / "mine.yaml").write_text("_target_: my_tracker.Notebook\n_partial_: true\ntitle: Notes\n")
    monkeypatch.syspath_prepend(tmp_path)
    made = instantiate(OmegaConf.load(tmp_path / "mine.yaml"))(Run(tmp_path, CONFIG, **IDENTITY))
    both = Trackers([configured("csv", tmp_path), made])
    a_run(both, tmp_path)
    lines = (tmp_path / "notes.txt").read_text().splitlines()
    assert lines[0] == "Notes: ppo seed=3 (sweep-1, train)"
    assert [line.split()[0] for line in lines[1:4]] == ["256", "512", "768"]
    assert lines[4:] == ["final/gain", "final/policy", "gain", "policy", "ended with 0"]
