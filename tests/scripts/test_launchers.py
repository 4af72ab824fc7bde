"""A sweep under each launcher of Hydra: all jobs run, and the failures are told in a line each."""

import os
import shutil
import subprocess
import sys

import pytest

from compared import only
from coursewright.scripts.app import run
from places import SUPPORT

COMMAND = [sys.executable, "-m", "coursewright", "train", "-m", "--config-dir=mine", "agent=moody"]
TINY = ["task.steps=5", "learners=20", "tracker=none", "hydra.sweep.dir='a sweep, of x=1'"]


@pytest.fixture
def sweep(tmp_path):
    """Sweep an agent that fails for some seeds; the exit code, the errors and the finished runs."""
    (tmp_path / "mine" / "agent").mkdir(parents=True)
    shutil.copy(SUPPORT / "moody_agent.py", tmp_path)
    (tmp_path / "mine" / "agent" / "moody.yaml").write_text("_target_: moody_agent.moody\n_partial_: true\n")

    def call(launcher, seeds):
        command = [*COMMAND, *TINY, f"hydra/launcher={launcher}", f"seed={seeds}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        finished = list((tmp_path / "a sweep, of x=1").rglob("summary.json"))
        return done.returncode, done.stderr.splitlines(), len(finished)

    return call


@pytest.mark.parametrize(
    "launcher",
    ["basic", *(pytest.param(name, marks=pytest.mark.slow) for name in ("joblib", "submitit_local"))],
)
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
def test_a_failing_job_is_a_line_and_the_others_go_on(sweep, launcher):
    code, lines, finished = sweep(launcher, "0,1,2,5")
    assert (code, finished) == (1, 2)
    assert lines[0] == "error: seed=1: seed = 1: must be another one"
    assert lines[1] == "error: seed=2: ZeroDivisionError: division by zero"
    assert lines[2].startswith("error: 2 of 4 jobs failed")
    assert len(lines) == 3


@pytest.mark.slow
def test_failures_of_wrong_input_alone_are_wrong_input(sweep):
    assert sweep("basic", "1,0")[::2] == (2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
@pytest.mark.skipif(sys.platform == "win32", reason="nobody is killed there")
def test_a_killed_job_is_a_line(sweep, launcher):
    code, lines, finished = sweep(launcher, "0,3")
    assert code == 1
    assert all(line.startswith("error: ") for line in lines), lines
    assert "The same command goes on" in lines[-1]
    if launcher == "submitit_local":  # joblib ends the others with the one
        assert lines[0].startswith("error: seed=3: job ")
        assert (len(lines), finished) == (2, 1)


PROGRAM = "#!/bin/sh\necho 'fatal: {said}' >&2\nexit {code}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
@pytest.mark.parametrize(
    ("programs", "code", "says"),
    [
        ({}, 2, "(no sbatch and no srun here); hydra/launcher=joblib runs here"),
        (
            {"sbatch": 0, "srun": 0, "sinfo": 1},
            2,
            "used where SLURM is (its controller does not answer; sinfo says more)",
        ),
        ({"sbatch": 1, "srun": 0, "sinfo": 0}, 1, "nothing was submitted (fatal: said sbatch)"),
    ],
)
def test_a_cluster_that_is_none_is_a_line(tmp_path, programs, code, says):
    place = tmp_path / "bin"
    place.mkdir()
    for name, end in programs.items():
        (place / name).write_text(PROGRAM.format(said=f"said {name}", code=end))
        (place / name).chmod(0o755)
    command = [*COMMAND[:5], "agent=random", "seed=0,1", "hydra/launcher=slurm", *TINY[:3]]
    command += ["hydra.sweep.dir=s"]
    path = {"PATH": f"{place}:/bin" if programs else str(place)}
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | path, capture_output=True, text=True, timeout=120
    )
    lines = done.stderr.splitlines()  # `sbatch` says a word of its own
    assert (done.returncode, len(lines)) == (code, 1 + (code == 1)), lines
    assert says in lines[-1]
    assert (tmp_path / "s").exists() == (code == 1)


EVALUATED = ["evaluate", "simulator=bkt_v0", "task=mastery", "task.steps=6", "learners=20", "tracker=csv"]
EVALUATED += ["reference=random", "~figures.path", "~figures.training", "~figures.comparison"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_a_comparison_runs_where_its_launcher_says(launcher, tmp_path):
    words = [*EVALUATED, *only("random", "oracle_greedy"), f"hydra/launcher={launcher}"]
    command = [*COMMAND[:3], *words, "hydra.sweep.dir=s"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    here = [*COMMAND[:3], *words[:-1], "hydra.run.dir=here"]
    subprocess.run(here, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    (table,) = (tmp_path / "s").rglob("comparison.csv")
    assert table.read_bytes() == next((tmp_path / "here").rglob("comparison.csv")).read_bytes()
    assert (table.parent / "report.html").is_file()


@pytest.mark.slow
def test_several_comparisons_are_a_job_each(tmp_path):
    words = [*EVALUATED, *only("random", "oracle_greedy"), "simulator=bkt_v0,kt6kc"]
    words = [word for word in words if word != "simulator=bkt_v0"]
    command = [*COMMAND[:3], *words, "-m", "hydra/launcher=joblib", "hydra.sweep.dir=s"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    names = {path.parent.name for path in (tmp_path / "s").rglob("report.html")}
    assert names == {"simulator-bkt_v0", "simulator-kt6kc"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "hydra/launcher=joblib", "hydra.run.dir=x"], "hydra.run.dir = x: must be left out of"),
        (["train", "-m", "seed=0,1", "hydra.run.dir=x"], "hydra.run.dir = x: must be left out of"),
        (
            ["export", "run=x", "hydra/launcher=joblib"],
            "must be left out: export works here (train, tune, eval",
        ),
        (["evaluate", "hydra/launcher=joblb"], "did you mean 'joblib'?"),
    ],
)
def test_a_launcher_that_would_be_passed_over_is_refused(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(words[0], words[1:]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
