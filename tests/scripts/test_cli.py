"""The command lines as a person types them."""

import json
import os
import resource
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

import bad_lines
import forked
from compared import only
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.scripts import app
from coursewright.scripts.manual import first_line
from places import ROOT, SUPPORT

TINY = ["agent.steps=2_560", "agent.learners=64", "learners=50", "tracker=none"]
TINY += ["agents.tuned_mastery.learners=20"]
COMMAND = [
    sys.executable,
    "-P",
    "-m",
    "coursewright",
]  # as the installed command: the folder is not on the path


def coursewright(folder, *arguments, **options):
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def quickly(folder, *arguments, **options):
    """The same by a child of this process; what concerns Python's own start takes the real command."""
    forked.warm()
    return forked.coursewright(folder, *arguments, **options)


SWEEP = ["train", "-m", "seed=0,1", *TINY, "hydra.sweep.dir=runs", "hydra.launcher.n_jobs=1"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two seeds of a barely trained policy, and where they are."""
    folder = tmp_path_factory.mktemp("sweep")
    done = quickly(folder, *SWEEP)
    assert done.returncode == 0, done.stderr
    return folder


def runs(folder):
    return sorted(p.parent for p in (folder / "runs").glob("*/summary.json"))


def test_help_says_what_there_is():
    done = coursewright(ROOT, "--help")
    assert done.returncode == 0
    for verb in ("train", "evaluate", "fit", "validate", "export", "demo"):
        assert verb in done.stdout
    assert coursewright(ROOT).stdout == done.stdout
    assert coursewright(ROOT, "--version").stdout.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "agent=maskable_pp"], ["agent = 'maskable_pp'", "did you mean 'maskable_ppo'"]),
        (["train", "agent=lin_ucb", "agent.bonus=thompson"], ["agent = lin_ucb", "(agent=lin_thompson)"]),
        (["tune", "agent=lin_thompson", "agent.bonus=ucb"], ["agent = lin_thompson", "(agent=lin_ucb)"]),
        (["train", "agent=ppo", "agent.masked=true"], ["agent = ppo", "(agent=maskable_ppo)"]),
        (["train", "agent=maskable_recurrent_ppo", "agent.masked=false"], ["(agent=recurrent_ppo)"]),
        (["train", "sed=1"], ["sed", "did you mean 'seed'"]),
        (["train", "simulatr=bkt_v0"], ["simulatr", "did you mean 'simulator'"]),
        (["train", "task.stepz=3"], ["task.stepz", "did you mean 'steps'"]),
        (["train", "agent=random", "task.steps=-3"], ["task.steps = -3", "positive"]),
        (["train", "agent=random", "task.features=[belief,atempts]"], ["atempts", "did you mean 'attempts'"]),
        (["train", "agent=random", "simulator=bkt_v0", "simulator.rho=1.5"], ["rho = 1.5", "[0, 1]"]),
        (["train", "agent=random", "simulator=bkt", "simulator.folder=nowhere"], ["nowhere", "bkt_ednet"]),
        (["train", "simulator=custom"], ["simulator._target_", "must be given"]),
        (["train", "simulator=custom", "simulator._target_=toys.Toy"], ["toys.Toy", "cannot be imported"]),
        (["train", "agent.steps=many"], ["agent.steps", "many"]),
        (["train", "resume=nowhere"], ["resume = 'nowhere'", "folder of a run"]),
        (["train", "resume=nowhere", "seed=1"], ["goes alone", "seed=1"]),
        (["evaluate", "runs=nowhere"], ["runs = 'nowhere'", "a run's folder"]),
        (["evaluate", "runs="], ["runs = ''"]),
        (["evaluate", "policies.ucb.c=-1"], ["policies.ucb.c = -1"]),
        (["train", "agnet=ppo"], ["agnet: no such setting", "did you mean 'agent'"]),
        (["train", "seed", "3"], ["written seed=3"]),
        (["train", "learners=0"], ["learners = 0"]),
        (["train", "learners=1e11"], ["100_000_000_000"]),
        (["train", "agent.learning_rate=true"], ["agent.learning_rate = true", "number"]),
        (["train", "--config-dir=nowhere"], ["--config-dir", "nowhere"]),
        (["evaluate", "~policies.random"], ["random"]),
        (["export"], ["run", "must be given"]),
        (["export", "run=nowhere"], ["run = 'nowhere'", "training run"]),
        (["fit", "log=file", "log.path=nowhere.csv"], ["nowhere.csv"]),
        (["fit", "log=ednet", "log.path=nowhere"], ["nowhere"]),
        (["fit", "model.n_skills=0"], ["model.n_skills = 0"]),
        (["fit", "model=item_difficulty", "draws=-1"], ["draws = -1"]),
        (["validate", "models=[bkkt]"], ["bkkt", "did you mean 'bkt'"]),
        (["validate", "folds=1"], ["error: folds = 1"]),
        (["validate", "settings.folds=1"], ["settings.folds = 1"]),
        (["validate", "worlds=1"], ["error: worlds = 1", "0 (none) or at least 2"]),
        (["fit", "worlds=1"], ["error: worlds = 1", "0 (none) or at least 2"]),
        (["validate", "models=[bkt,pfa,bkt]"], ["models = [bkt, pfa, bkt]", "bkt stands there twice"]),
        (["validate", "setings.folds=5"], ["setings", "did you mean 'settings'"]),
    ],
)
def test_wrong_input_gets_one_line(arguments, words):
    forked.import_everything()
    told = bad_lines.told(arguments[0], arguments[1:])
    assert not told.fault, told
    for word in words:
        assert word in told.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["verb = 'trian'", "did you mean 'train'"]),
        (["train", "agent.steps=many"], ["agent.steps", "many"]),
        (["export"], ["run", "must be given"]),
        (["demo", "shrt=true"], ["shrt=true", "short=true"]),
    ],
)
def test_wrong_input_to_the_real_command_gets_one_line(tmp_path, arguments, words):
    done = coursewright(tmp_path, *arguments)
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["log"]),
        ("learner,item,skills,time,correct\n", ["log = 0 rows", "at least one"]),
        ("learner,item,skills,time,correct,time\na,b,c,0,1,0\n", ["time", "twice"]),
        ("learner,item,skills,time,correct\na,b,c,-1,1\n", ["time", "-1"]),
        ("learner,item,skills,time,correct\na,b,c,,1\n", ["time"]),
        ("learner,item,skills,time,correct\na,b,c,0,1\na,b,c,1,1\n", ["correct"]),
        ("learner,item,skills,time,correct\na,b,c,0,2\n", ["correct", "2"]),
    ],
)
def test_a_broken_log_gets_one_line(tmp_path, content, words):
    forked.import_everything()
    (tmp_path / "log.csv").write_text(content)
    told = bad_lines.told("fit", ["log=file", f"log.path={tmp_path}/log.csv", "tracker=none"])
    assert not told.fault, told
    for word in words:
        assert word in told.said


POPULATION = {"card.md", "estimates.csv", "items.csv", "parameters.csv", "population.json", "skills.csv"}


@pytest.mark.slow  # .ci/verbs fits a log and teaches its learners
def test_fit_leaves_learners_that_can_be_taught(tmp_path):
    fitted = quickly(tmp_path, "fit", "draws=5", "out=mine")
    assert fitted.returncode == 0, fitted.stderr
    assert "EdNet" in fitted.stdout
    assert {p.name for p in (tmp_path / "mine").iterdir()} == POPULATION | {"draws.csv"}
    typed = shlex.split(fitted.stdout.strip().splitlines()[-1].partition("coursewright train ")[2])
    done = quickly(
        tmp_path,
        "train",
        *typed,
        "agent=random",
        "learners=50",
        "tracker=none",
        "hydra.run.dir=run",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "tutor.csv").is_file()


@pytest.mark.slow
def test_any_model_is_fitted_by_the_same_command(tmp_path):
    fitted = quickly(tmp_path, "fit", "model=item_difficulty", "draws=3", "out=mine")
    assert fitted.returncode == 0, fitted.stderr
    assert {p.name for p in (tmp_path / "mine").iterdir()} == POPULATION
    assert "12,000 rows of 300 learners; 0 followed a later row" in fitted.stdout
    assert "model=item_difficulty" in (tmp_path / "mine" / "card.md").read_text()


@pytest.mark.slow  # .ci/verbs validates
def test_validate_judges_models_on_one_page(tmp_path):
    done = coursewright(tmp_path, "validate", "models=[bkt]", "replicates=5", "hydra.run.dir=v")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "v" / "validity.csv").set_index("model")
    assert list(table.index) == ["bkt", "item_difficulty"]
    assert table.loc["bkt", "auc_difference_low"] > 0.1
    assert (tmp_path / "v" / "report.html").read_text().count(
        "data:image/png;base64,"
    ) == 20  # each also for a telephone
    assert "bkt predicts unseen responses best by AUC" in " ".join(done.stdout.split())
    assert "report   v/report.html" in done.stdout


def test_a_run_directory_holds_what_is_needed(sweep):
    assert len(runs(sweep)) == 2
    for run in runs(sweep):
        for name in (
            "config.yaml",
            "code.json",
            "tutor.csv",
            "metrics.csv",
            "policy.npz",
            "policy.onnx",
            "train.log",
        ):
            assert (run / name).is_file(), name
        assert "torch" in json.loads((run / "code.json").read_text())
        assert "${" not in (run / "config.yaml").read_text()


def test_a_finished_sweep_is_not_done_again(sweep):
    before = {run: (run / "policy.npz").stat().st_mtime_ns for run in runs(sweep)}
    done = quickly(sweep, *SWEEP)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished before") == 2
    assert before == {run: (run / "policy.npz").stat().st_mtime_ns for run in runs(sweep)}


def test_another_configuration_does_not_overwrite_a_run(sweep):
    folder = runs(sweep)[0]
    done = quickly(sweep, "train", "seed=7", *TINY, f"hydra.run.dir={folder}")
    assert done.returncode == 2
    assert "other settings" in done.stderr


def test_evaluate_gathers_a_sweep(sweep):
    rules = ["random", "random_legal", "topological", "n_in_a_row", "tuned_mastery", "oracle_greedy"]
    done = quickly(
        sweep,
        "evaluate",
        "runs=runs",
        "learners=60",
        "tracker=csv",
        "hydra.run.dir=report",
        "workers=1",
        *only(*rules),
    )
    assert done.returncode == 0, done.stderr
    report = sweep / "report"
    recorded = OmegaConf.load(report / "config.yaml")
    assert not {"task", "simulator", "seeds", "tutor", "choices"} & set(recorded)  # the runs have their own
    summary = pd.read_csv(next(report.glob("**/summary.csv")))
    assert set(summary["policy"]) == {*rules, "maskable_ppo"}
    learners = pd.read_parquet(next(report.glob("**/learners.parquet")))
    assert len(learners[learners["policy"] == "maskable_ppo"]) == 120
    assert set(learners["agent_seed"]) == {0, 1}
    page = (report / "report.html").read_text()
    assert "tuned_mastery" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "maskable_ppo" in done.stdout
    assert "report   report/report.html" in done.stdout


def test_export_writes_a_file_that_runs(sweep, tmp_path):
    done = quickly(tmp_path, "export", f"run={runs(sweep)[0]}", "whole=false", "to=policy.onnx")
    assert done.returncode == 0, done.stderr
    policy = OnnxPolicy(tmp_path / "policy.onnx")
    columns, actions = len(policy.label.columns), len(policy.label.actions)
    action, _ = policy.predict(np.zeros((3, columns), np.float32), action_masks=np.ones((3, actions), bool))
    assert action.shape == (3,)


def test_a_rule_s_run_is_not_exported_as_a_network(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert app.run("train", ["agent=random", *TINY[2:], "hydra.run.dir=rule"]) == 0
    capsys.readouterr()
    assert app.run("export", ["run=rule", "whole=false"]) == 2
    told = capsys.readouterr().err
    assert "run = rule: is a finished run of random and holds no network, for it needs none" in told
    assert told.count("\n") == 1


def test_a_truncated_model_gets_one_line(sweep, tmp_path):
    run = tmp_path / "broken"
    shutil.copytree(runs(sweep)[0], run)
    (run / "policy.npz").write_bytes((run / "policy.npz").read_bytes()[:1000])
    done = quickly(tmp_path, "export", "run=broken")
    assert done.returncode == 2
    assert "policy.npz" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_simulator_of_ones_own(tmp_path):
    shutil.copy(SUPPORT / "plain_simulator.py", tmp_path / "my_learners.py")
    learners = ["simulator=custom", "simulator._target_=my_learners.Levels", "+simulator.fading=0.1"]
    course = "+simulator.course={_target_: coursewright.simulators.course.Course.of, skills: [add, subtract]}"
    task = ["task=mastery", "task.steps=10", "+task.days=1"]
    done = quickly(tmp_path, "train", *learners, course, *task, *TINY, "hydra.run.dir=run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "policy.onnx").is_file()


@pytest.mark.parametrize("verb", ["train", "evaluate", "import", "fit", "validate", "export"])
def test_help_shows_the_comments_and_what_the_verb_reads(verb):
    done = coursewright(ROOT, verb, "--help")
    assert done.returncode == 0
    assert ("agent=maskable_ppo" in done.stdout) == (verb == "train")


def test_help_and_the_version_are_asked_for_in_several_ways():
    shown = coursewright(ROOT, "export", "--help")
    assert coursewright(ROOT, "help", "export").stdout == shown.stdout
    assert coursewright(ROOT, "export", "--version").stdout == coursewright(ROOT, "--version").stdout
    assert coursewright(ROOT, "export", "--help", env=os.environ | {"LC_ALL": "C"}).returncode == 0


def test_a_list_says_what_each_file_is():
    done = coursewright(ROOT, "list", "models")
    assert "\nfsrs             FSRS-6 weights by log loss" in done.stdout
    assert coursewright(ROOT, "list", "nothing").returncode == 2


@pytest.mark.parametrize(
    "path", sorted((ROOT / "coursewright/configs").glob("*/*.yaml")), ids=lambda p: p.stem
)
def test_every_file_says_in_its_first_comment_what_it_is(path):
    assert len(first_line(path)) > 10


def test_the_tab_key_completes_in_bash(tmp_path):
    command = tmp_path / "coursewright"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n')
    command.chmod(0o755)
    script = 'eval "$(coursewright --completion bash)"; COMP_LINE=$1; COMP_POINT=${#1}; _coursewright; '
    script += 'printf "%s|" "${COMPREPLY[@]}"'
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def tab(line):
        done = subprocess.run(
            ["bash", "-c", script, "_", line], capture_output=True, text=True, env=env, check=True
        )
        return done.stdout.strip("|").split("|")

    assert tab("coursewright tra") == ["train "]
    assert tab("coursewright train agent=maskable_p") == ["maskable_ppo "]
    assert tab("coursewright train agent=dqn agent.buf") == ["agent.buffer_size="]
    assert tab("coursewright train agent=nosuch_") == [""]


def test_every_job_of_a_sweep_is_checked_before_the_first_one_starts(tmp_path):
    sweep = ["-m", "agent=random", "task.steps=10,-1,5", "learners=20", "tracker=none"]
    done = quickly(tmp_path, "train", *sweep, "hydra.sweep.dir=runs")
    assert done.returncode == 2
    assert "task.steps = -1" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_full_disk_gets_one_line(tmp_path):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = quickly(tmp_path, "train", *TINY, "hydra.run.dir=run", first=small_files)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "run" / "summary.json").exists()
    assert not list((tmp_path / "run").glob(".*.part"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["train", "agent=random", "learners=20", "tracker=none", "hydra.run.dir=run"],
        pytest.param(
            ["train", "-m", "agent=random", "seed=0,1", *TINY[2:], "hydra.sweep.dir=runs"],
            marks=pytest.mark.slow,
        ),
        ["evaluate", "learners=20", "runs=nowhere", "tracker=none"],
        pytest.param(["export", "run=nowhere"], marks=pytest.mark.slow),
        ["fit", "log=file", "log.path=nowhere.csv"],
        pytest.param(["validate", "models=[bkkt]"], marks=pytest.mark.slow),
    ],
)
def test_modules_in_the_working_directory_stand_for_none_of_ours(tmp_path, arguments):
    # Python's own, libraries', some that those look for and get along without, and Hydra's folder of plugins.
    for name in ("queue", "typing", "numpy", "gymnasium", "bottleneck", "tensorboard", "hydra_plugins/evil"):
        (tmp_path / f"{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").write_text("open('witness', 'w').close()\nraise RuntimeError(__name__)\n")
    done = coursewright(tmp_path, *arguments)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "witness").exists()


@pytest.mark.slow
def test_ones_own_modules_come_last(tmp_path):
    shutil.copy(SUPPORT / "plain_simulator.py", tmp_path / "my_learners.py")
    (tmp_path / "queue.py").write_text("raise RuntimeError(__name__)\n")
    learners = ["simulator=custom", "simulator._target_=my_learners.Levels", "+simulator.fading=0.1"]
    course = "+simulator.course={_target_: coursewright.simulators.course.Course.of, skills: [add, subtract]}"
    sweep = ["-m", "seed=0,1", "agent=random", *TINY[2:], "hydra.sweep.dir=runs"]
    done = coursewright(
        tmp_path, "train", *learners, course, "task=mastery", "+task.days=1", "task.steps=10", *sweep
    )
    assert done.returncode == 0, done.stderr
    assert len(runs(tmp_path)) == 2
