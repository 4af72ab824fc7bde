"""A log with planted names goes through every verb: none of them is written or printed anywhere."""

import csv
import gzip
import io
import json
import random
import zipfile

import pyarrow.parquet as pq
import pytest

from compared import only
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.data.read import LogFile
from coursewright.scripts.app import run
from coursewright.scripts.manual import CONFIGS

MODELS = sorted(path.stem for path in (CONFIGS / "model").glob("*.yaml"))
SECRETS = ("Zebra", "Quokka", "Okapi", "Narwhal")  # items, a skill, learners, and what else the file says
LICENCE = "https://licences.example/for-this-class-only"
CHEAP = ["draws=0", "folds=2", "min_rows=5"]
TINY = ["agent.steps=1_024", "agent.learners=32", "learners=20", "task.steps=6"]


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Forty learners, six items that all meet, and some that a few of them meet; a folder to work in."""
    chance = random.Random(0)
    monkeypatch.chdir(tmp_path)
    with open("log.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["learner", "item", "skills", "time", "correct", "remark"])
        for learner in range(40):
            met = [(f"i{step % 6}", f"s{step % 3}") for step in range(18)]
            if learner < 14:  # seven and seven: a pool
                met.append((f"Zebra{learner % 2}", "s0"))
            if learner == 17:
                met += [("Zebra-alone", "s1"), ("Zebra-of-its-own", "Quokka")]
            for step, (item, skill) in enumerate(met):
                right = int(chance.random() < 0.35 + 0.02 * step)
                rows.writerow([f"Okapi-{learner}", item, skill, step * 1.5, right, "Narwhal"])
    return tmp_path


def texts(data, name=""):
    """Every piece of a file that may hold words, unpacked."""
    yield data
    if name.endswith((".npz", ".zip")):
        with zipfile.ZipFile(io.BytesIO(data)) as whole:
            for part in whole.namelist():
                yield part.encode()
                yield from texts(whole.read(part), part)
    if name.endswith(".gz"):
        yield from texts(gzip.decompress(data), name.removesuffix(".gz"))
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(data))
        yield str(table.schema.metadata).encode() + repr(table.to_pydict()).encode()


def leaks(folder, but=("log.csv", "stored")):
    """The places of a secret, in names and contents of files, but for the log and its stored form."""
    found = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if place.parts[0] in but:
            continue
        pieces = [str(place).encode()]
        pieces += texts(path.read_bytes(), path.name) if path.is_file() else []
        found += [(str(place), word) for word in SECRETS for piece in pieces if word.encode() in piece]
    return found


def typed(verb, *arguments):
    assert run(verb, list(arguments)) == 0, (verb, arguments)


def fitted(model, tracker):
    every = ["model.n_skills=null"] if model == "bkt" else []  # which else wants a hundred learners a skill
    typed(
        "fit",
        *every,
        "log=stream",
        "log.path=stored",
        f"model={model}",
        *CHEAP,
        f"tracker={tracker}",
        "out=mine",
    )


def imported(tmp_path):
    typed("import", "log=file", "log.path=log.csv", f"log.licence={LICENCE}", "to=stored")
    assert (tmp_path / "stored").stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "stored").glob("*.parquet"))


def test_planted_names_are_in_nothing_that_is_made_of_a_log(planted, capfd):
    imported(planted)
    fitted("irt", "csv")
    typed("validate", "log=stream", "log.path=stored", "models=[irt]", "replicates=2",
          "folds=2", "min_rows=5", "hydra.run.dir=judged")  # fmt: skip
    typed("simulate", "simulator=irt", "simulator.folder=mine", "task=mastery", "learners=5", "task.steps=6",
          "to=lessons.parquet")  # fmt: skip
    said = "".join(capfd.readouterr())
    assert leaks(planted) == []
    assert not [word for word in SECRETS if word in said]
    assert "others of s0 (2)" in (planted / "mine" / "items.csv").read_text()
    assert "2 rows left out" in said
    assert LogFile("lessons.parquet")().licence == LICENCE
    for page in ("mine/card.md", "mine/population.json", "judged/report.html", "judged/summary.json"):
        assert LICENCE in (planted / page).read_text(), page


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["csv", "wandb"])
@pytest.mark.parametrize("model", MODELS)
def test_no_model_lets_a_planted_name_out(model, tracker, planted, capfd):
    imported(planted)
    fitted(model, tracker)
    if model != "bkt":
        typed("validate", "log=file", "log.path=log.csv", f"models=[{model}]", "replicates=2",
              "folds=2", "min_rows=5", f"tracker={tracker}")  # fmt: skip
    assert leaks(planted) == []
    assert not [word for word in SECRETS if word in "".join(capfd.readouterr())]


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["csv", "wandb"])
def test_policies_and_comparisons_know_no_planted_name_and_the_licence(tracker, planted, capfd):
    imported(planted)
    fitted("irt", tracker)
    learners = ["simulator=irt", "simulator.folder=mine", "task=mastery"]
    typed("train", *learners, "agent=maskable_ppo", *TINY, f"tracker={tracker}", "hydra.run.dir=taught")
    typed("export", "run=taught", "whole=false", "to=policy.onnx")
    typed("export", "run=taught", "to=tutor.onnx")
    quick = only("random", "round_robin", "mastery_threshold", "tuned_mastery")
    typed("evaluate", "runs=taught", "learners=20", *quick, "workers=1",
          f"tracker={tracker}", "hydra.run.dir=compared")  # fmt: skip
    assert leaks(planted) == []
    assert not [word for word in SECRETS if word in "".join(capfd.readouterr())]
    assert OnnxPolicy(planted / "policy.onnx").label.licence == LICENCE
    assert OnnxPolicy(planted / "taught" / "policy.onnx").label.licence == LICENCE
    assert json.loads((planted / "taught" / "summary.json").read_text())["licence"] == LICENCE
    assert LICENCE in (planted / "compared" / "summary.json").read_text()
    assert f"its licence: {LICENCE}" in (planted / "compared" / "report.html").read_text()


def test_the_search_for_planted_names_finds_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "one.npz", "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("names.npy", "x" * 1000 + "Zebra0" + "x" * 1000)
    (tmp_path / "two.csv.gz").write_bytes(gzip.compress(b"a,b\nOkapi-3,1\n"))
    (tmp_path / "Quokka").mkdir()
    assert [word for _, word in leaks(tmp_path)] == ["Quokka", "Zebra", "Okapi"]


def test_ones_own_log_is_named_on_request(planted, capfd):
    lines = (planted / "log.csv").read_text().splitlines()
    one = [line for line in lines if line.startswith(("learner", "Okapi-17,"))]
    (planted / "own.csv").write_text("\n".join(one) + "\n")
    own = ["log=file", "log.path=own.csv", "model=item_difficulty", "draws=0", "out=own"]
    assert run("fit", own) == 2
    line = capfd.readouterr().err.strip()
    assert line.startswith("error: min_group = 10: must be at most 1")
    assert "min_group=1" in line.splitlines()[0]
    assert "\n" not in line
    assert not (planted / "own").exists()
    assert run("fit", [*own, "min_group=1"]) == 0
    assert "min_group=1: everything is named" in capfd.readouterr().out
    assert "Zebra-alone" in (planted / "own" / "items.csv").read_text()
