"""One's own log through the verbs: as a file and as a stored folder, every reader in the same way."""

import csv
import inspect
import random

import pytest
from hydra import compose, initialize_config_module
from hydra.utils import get_object, instantiate

from coursewright.data.compact import read_stored
from coursewright.fitting.model import Timed
from coursewright.scripts.app import run
from coursewright.scripts.manual import CONFIGS

LOGS = sorted(path.stem for path in (CONFIGS / "log").glob("*.yaml"))


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Forty learners of fifteen answers on twelve items, of which one was met once."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    with open("my answers.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["learner", "item", "skills", "time", "correct"])
        for learner in range(40):
            for step in range(15):
                item = "rare" if (learner, step) == (0, 3) else f"i{chance.randrange(11)}"
                rows.writerow([f"p{learner}", item, f"s{item}", step * 0.5, int(chance.random() < 0.6)])
    return tmp_path


@pytest.mark.parametrize(
    "model",
    [*(pytest.param(name, marks=pytest.mark.slow) for name in ("pfa", "best_lr")), "irt", "item_difficulty"],
)
def test_a_stored_log_is_fitted_as_the_file_is(own, model):
    assert run("import", ["log=file", "log.path=my answers.csv", "to=my log"]) == 0
    given = [f"model={model}", "draws=0", "folds=3", "min_rows=1"]
    assert run("fit", [*given, "log=file", "log.path=my answers.csv", "out=from file"]) == 0
    assert run("fit", [*given, "log=stream", "log.path=my log", "out=from folder"]) == 0
    for file in sorted((own / "from file").glob("*.csv")):
        assert (own / "from folder" / file.name).read_text() == file.read_text(), file.name


@pytest.mark.slow
def test_a_stored_log_can_be_stored_again(own):
    assert run("import", ["log=file", "log.path=my answers.csv", "to=one"]) == 0
    assert run("import", ["log=stream", "log.path=one", "to=two", "parts=3"]) == 0
    assert run("validate", ["log=stream", "log.path=two", "models=[pfa]", "replicates=3"]) == 0


@pytest.mark.parametrize("name", LOGS)
def test_every_reader_may_be_told_where_its_rows_go(name):
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        target = get_object(compose("fit", [f"log={name}"]).log._target_)
    called = target.__call__ if inspect.isclass(target) else target
    assert "into" in inspect.signature(called).parameters


MAPPED = "defaults: [mapped]\npath: labels.csv\n"


@pytest.mark.parametrize(
    ("right", "wrong", "given"),
    [
        ("RIGHT", "wrong", ["log.values.correct.RIGHT=1", "log.values.correct.WRONG=0"]),
        ("2", "1", ["log.values={correct: {1: 0, 2: 1}}"]),
        ("2", "1", ["log=file", "log.values={correct: {1: 0, 2: 1}}"]),
        ("2", "1", ["log.values.correct.1=0", "log.values.correct.2=1"]),
        ("yes", "no", ["log.values={correct: {yes: 1, no: 0}}"]),
        ("yes", "no", ["log.values.correct.yes=true", "log.values.correct.no=false"]),
        ("so so", "b.c", ["log.values.correct={so so: 1, b.c: 0}"]),
        ("1", "0", ["log.constants={time: 0}", "log.constants.skills=all"]),
        ("2", "1", MAPPED + "values: {correct: {1: 0, 2: 1}}\n"),
        ("yes", "no", MAPPED + "values: {correct: {yes: 1, no: 0}}\n"),
        ("2.5", "1.0", MAPPED + "values: {correct: {1.0: 0, 2.5: 1}}\n"),
        ("1", "0", MAPPED + "constants: {time: 0, skills: [a, b]}\n"),
    ],
)
def test_labels_and_constants_as_people_write_them(tmp_path, monkeypatch, capsys, right, wrong, given):
    monkeypatch.chdir(tmp_path)
    rows = [f"u,i,s,{day},{label}" for day, label in enumerate([right, wrong, right])]
    (tmp_path / "labels.csv").write_text("\n".join(["learner,item,skills,time,correct", *rows]))
    words = ["log.path=labels.csv", *given]
    if isinstance(given, str):
        (tmp_path / "log").mkdir()
        (tmp_path / "log" / "mine.yaml").write_text(given)
        words = ["--config-dir=.", "log=mine"]
    assert run("import", [*words, "to=kept", "parts=1"]) == 0, capsys.readouterr().err
    assert sorted(read_stored("kept").table["correct"].to_pylist()) == [0, 1, 1]


@pytest.mark.slow
def test_a_simulated_log_can_be_stored_and_fitted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["simulator=irt", "task=mastery", "policy=random", "learners=40", "to=sim.parquet"]
    assert run("simulate", given) == 0
    assert run("import", ["log=file", "log.path=sim.parquet", "to=kept", "parts=2"]) == 0
    few = ["draws=0", "folds=2", "min_rows=1", "min_group=1"]
    for out, log in (("stream", "log.path=kept"), ("file", "log.path=sim.parquet")):
        assert run("fit", [f"log={out}", log, "model=item_difficulty", *few, f"out={out}"]) == 0
    for file in ("items.csv", "estimates.csv"):
        assert (tmp_path / "stream" / file).read_text() == (tmp_path / "file" / file).read_text()
    card = (tmp_path / "file" / "card.md").read_text()
    assert "out=file" in card.partition("running it again")[0]


def test_the_models_of_forgetting_are_known():
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        names = [path.stem for path in (CONFIGS / "model").glob("*.yaml")]
        models = {name: instantiate(compose("fit", [f"model={name}"]).model) for name in names}
    needing = {name for name, model in models.items() if isinstance(model, Timed) and model.needs_times}
    assert needing == {"hlr", "fsrs", "act_r", "das3h", "dash", "pfa_lag", "best_lr_lag", "practice"}


@pytest.mark.slow
def test_models_of_forgetting_refuse_a_log_without_times(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    rows = [f"{who},e{chance.randrange(3)},{chance.randrange(2)}" for who in range(20) for _ in range(12)]
    (tmp_path / "sample.csv").write_text("\n".join(["user_id,exer_id,score", *rows]))
    assert run("import", ["log=junyi", "log.path=sample.csv", "to=kept"]) == 0
    assert "the log has no times" in capsys.readouterr().out
    assert run("import", ["log=stream", "log.path=kept", "to=again"]) == 0
    few = ["log=stream", "log.path=again", "draws=0", "folds=2"]
    for model in ("hlr", "das3h", "pfa_lag", "practice"):
        capsys.readouterr()
        assert run("fit", [*few, f"model={model}"]) == 2
        said = capsys.readouterr()
        assert said.err.startswith("error: model = "), said.err
        assert "one without forgetting" in said.err
        assert ("or model.lag=false" in said.err) == (model in ("pfa_lag", "practice"))
        assert "teach these learners" not in said.out
    assert run("fit", [*few, "model=pfa"]) == 0
    assert run("fit", [*few, "model=practice", "model.lag=false"]) == 0
    assert run("validate", [*few[:2], "models=[hlr]"]) == 2
    judged = ["models=[pfa]", "replicates=3", "folds=2", "hydra.run.dir=judged"]
    assert run("validate", [*few[:2], *judged]) == 0
    assert "delay" not in (tmp_path / "judged" / "checks.csv").read_text()
    assert "Retention: left out; the log has no times" in (tmp_path / "judged" / "report.html").read_text()


@pytest.mark.parametrize("verb", ["import", "fit", "validate"])
def test_a_refused_log_leaves_nothing_behind(tmp_path, monkeypatch, capsys, verb):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text("learner,item,skills,time,correct\nmia,i,s,1,1\nmia,i,s,soon,1\n")
    assert run(verb, ["log=file", "log.path=bad.csv", *(["to=kept"] if verb == "import" else [])]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: log.time[row 2] = 'soon'")
    assert "mia" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]
