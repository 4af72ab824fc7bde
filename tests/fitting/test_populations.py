"""A fit survives its folder, for every model in configs/model and for one from outside."""

import csv
import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate

import coursewright
from contract import Walk, flat
from coursewright.data.log import learner_log
from coursewright.data.synthetic import simulate_log
from coursewright.errors import InputError
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.coded import Coded
from coursewright.scripts.overrides import command_line, override
from coursewright.simulators.folders import FORMAT
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.tables import read_bkt, write_bkt
from coursewright.simulators.lists import pack
from coursewright.simulators.logistic.tables import read_logistic
from outside_models import Shares

MODELS = sorted(p.stem for p in (Path(coursewright.__file__).parent / "configs" / "model").glob("*.yaml"))
QUICK = {"dkt": ["epochs=1", "sessions=true"], "gru": ["epochs=1"], "bkt": ["min_learners=10"]}
READER = "_target_: outside_models.read_mine\n_partial_: true\nlearners: 12\n"
AWKWARD = "it's a (new) folder, really = 100 %"


def several_skills() -> pa.Table:
    """The made-up learners, every third item with a second skill, and minutes with many digits."""
    rows = simulate_log(40, 6).to_pandas()
    extra = rows["item"].str.endswith("-3")
    rows["skills"] = [
        [*s, "ratios"] if more and s[0] != "ratios" else [*s]
        for s, more in zip(rows["skills"], extra, strict=True)
    ]
    rows["minutes"] = np.random.default_rng(0).random(len(rows)) * 3
    return pa.Table.from_pandas(rows, preserve_index=False)


@pytest.fixture(scope="module")
def log() -> Coded:
    return Coded.of(learner_log(several_skills(), "made up"))


@pytest.fixture(scope="module")
def fits(log):
    fitted = {}
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        for name in MODELS:
            quick = [f"model.{option}" for option in QUICK.get(name, [])]
            fitted[name] = instantiate(compose("fit", [f"model={name}", *quick]).model).fit(log)
    return fitted


def typed(fitted, folder) -> list[str]:
    """The overrides of the printed line, as a shell hands them on."""
    teaching = fitted.teaching
    choice = [f"task={teaching.task}", f"simulator={teaching.simulator}", *teaching.more]
    return shlex.split(command_line("train", [*choice, override(teaching.folder, folder)]))[2:]


@pytest.mark.parametrize("name", MODELS)
def test_the_population_that_is_read_is_the_one_that_was_fitted(fits, name, tmp_path) -> None:
    fitted, folder = fits[name], tmp_path / AWKWARD
    folder.mkdir()
    fitted.write(folder)
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", typed(fitted, folder))
    read, made = instantiate(config.simulator), fitted.simulator()
    assert callable(instantiate(config.task))
    assert read.course.hash == made.course.hash
    assert read.course.q_matrix.sum(axis=1).max() == (1 if name == "dash" else 2)
    walks = [Walk(simulator, np.arange(7)) for simulator in (read, made)]
    for t in range(25):
        for walk in walks:
            walk.step(t, 7)
    for ours, theirs in zip(*(w.p + w.answers + [w.mastery()] + flat(w.state) for w in walks), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_forgetting_spreads_draws_and_prerequisites_survive(log, tmp_path) -> None:
    fitted, _ = BktModel(forgetting=True).fit(log).redrawn(log, 3, 0)
    made = fitted.simulator()
    edges = [[0] if k == 2 else [] for k in range(made.course.n_skills)]
    course = replace(made.course, parents=pack(edges))
    full = Bkt(course, made.parameters, 0.3, "opportunity", 0.4, 0.7, made.draws)
    write_bkt(tmp_path, full)
    read = read_bkt(tmp_path, rho=0.3)
    assert np.asarray(read.parameters.forget).any()
    assert (read.forgetting, read.prior_sd, read.learn_sd, read.rho) == ("opportunity", 0.4, 0.7, 0.3)
    assert read.course.hash == course.hash
    assert read.draws is not None
    for name in ("prior", "learn", "guess", "slip", "forget"):
        np.testing.assert_array_equal(getattr(read.draws, name), getattr(made.draws, name))


def test_a_later_format_and_another_kind_are_refused_in_one_line(fits, tmp_path) -> None:
    fits["pfa"].write(tmp_path)
    with pytest.raises(InputError, match=r"holds learners of kind 'logistic', not 'bkt'"):
        read_bkt(tmp_path)
    facts = tmp_path / "population.json"
    told = json.loads(facts.read_text())
    facts.write_text(json.dumps(told | {"format": FORMAT + 1}))
    with pytest.raises(InputError, match=rf"format = {FORMAT + 1}: must be at most {FORMAT}"):
        read_logistic(tmp_path)
    facts.write_text("{")
    with pytest.raises(InputError, match=r"population.json: cannot be read"):
        read_logistic(tmp_path)
    facts.unlink()  # a folder of format 1
    assert read_logistic(tmp_path).course.hash == fits["pfa"].simulator().course.hash


@pytest.mark.parametrize(
    "text",
    ["plain/path", "two words", "it's", 'a "b"', "back\\slash", "ends\\", "a,b", "a=b", "${x}", "ü/ß", ""],
)
def test_any_folder_can_be_typed(text) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", ["simulator=bkt", override("simulator.folder", text)])
    assert config.simulator.folder == text


@pytest.mark.slow
def test_a_model_from_outside_is_one_module_and_one_file(tmp_path, monkeypatch) -> None:
    """`coursewright fit` and `validate` take it from a folder of one's own."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "shares.yaml").write_text("_target_: outside_models.Shares\nhalf: 2.0\n")
    monkeypatch.chdir(tmp_path)
    from coursewright.scripts.app import run

    GlobalHydra.instance().clear()
    own = ["--config-dir", "conf"]
    assert run("fit", [*own, "model=shares", "model.half=1.0", "draws=20", "out=mine"]) == 0
    with (tmp_path / "mine" / "estimates.csv").open() as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    low, value, high = (float(rows["share"][name]) for name in ("low", "value", "high"))
    assert low < value < high
    assert Shares(half=1.0) == Shares(1.0)
    settings = ["models=[shares]", "replicates=3", "hydra.run.dir=judged"]
    assert run("validate", [*own, *settings]) == 0
    assert "shares" in (tmp_path / "judged" / "validity.csv").read_text()


def test_a_log_reader_from_outside_is_one_module_and_one_file(tmp_path, monkeypatch) -> None:
    (tmp_path / "conf" / "log").mkdir(parents=True)
    (tmp_path / "conf" / "log" / "mine.yaml").write_text(READER)
    monkeypatch.chdir(tmp_path)
    from coursewright.scripts.app import run

    GlobalHydra.instance().clear()
    own = ["--config-dir", "conf", "log=mine"]
    assert run("fit", [*own, "model=item_difficulty", "draws=0", "out=mine"]) == 0
    assert "1,200 rows" not in (tmp_path / "mine" / "card.md").read_text()
    assert "480 rows of 12 learners" in (tmp_path / "mine" / "card.md").read_text()
    assert run("import", [*own, "to=stored"]) == 0
