"""A folder teaches what was fitted: the chances of its learners are the fit's predictions."""

import shlex
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import OmegaConf

import coursewright
from coursewright.data.log import learner_log
from coursewright.fitting.coded import Coded
from coursewright.scripts.overrides import command_line, override
from taught import taught

MODELS = sorted(p.stem for p in (Path(coursewright.__file__).parent / "configs" / "model").glob("*.yaml"))
NEURAL = ("dkt", "gru")
# Another value of every option that is not true or false; True and False are turned round.
OTHERS: dict[str, Any] = {
    "penalty": 0.3, "strength": 0.2, "min_learners": 3, "n_skills": 2, "fixed": [7, 10], "pull": 0.0,
    "iterations": 7, "h": 0.05, "history": 3, "alpha": 0.001, "ridge": 1.0,
}  # fmt: skip
NEEDS = {"per_day": ["model.forgetting=true"]}  # what an option asks for besides
KEPT = (
    "min_learners",
    "n_skills",
    "by_skill",
    "grades",
)  # these change what is asked, and wait for the slow suite
# Training alone: one fit with all of them.
TRAINING = {
    "hidden": 8, "width": 8, "longest": 12, "batch": 8, "epochs": 2, "patience": 1, "held_out": 0.2,
    "learning_rate": 0.01, "dropout": 0.1, "item_dropout": 0.1, "decay": 0.1, "seed": 1, "sessions": True,
    "cell": "gru", "over": "items",
}  # fmt: skip
DIGITS = {"bkt": 4e-6}  # its tables hold six digits


def made(model: str, *overrides: str):
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        return compose("fit", [f"model={model}", *overrides]).model


def variants() -> list[Any]:
    """Every model with all its options changed; in the slow suite as configured, and with one changed too."""
    found: list[Any] = []
    for model in MODELS:
        # The learners of FSRS count whole 24 hours always, and the card of a calendar's fit says so.
        fixed = ("_target_", "calendar")
        options = {k: v for k, v in OmegaConf.to_container(made(model)).items() if k not in fixed}
        if model in NEURAL:
            found.append((model, tuple(f"model.{name}={TRAINING[name]}" for name in options)))
            continue
        new = {name: not v if isinstance(v, bool) else OTHERS[name] for name, v in options.items()}
        few = ("model.min_learners=1", "model.n_skills=null") if model == "bkt" else ()
        kept = (
            (*KEPT, "individual") if "staying" in new else KEPT
        )  # who stays is a part of how learners differ
        every = tuple(f"model.{name}={value}" for name, value in new.items() if name not in kept)
        single = [(*few, *NEEDS.get(name, ()), f"model.{name}={value}") for name, value in new.items()]
        found.append((model, (*few, *every)))
        found += [pytest.param(model, each, marks=pytest.mark.slow) for each in [few, *single]]
    return found


@cache
def log(several: bool, by_skill: bool = False, good: bool = False, studies: bool = False) -> Coded:
    """Learners who answer ever better, at gaps from minutes to days; some items need two skills.

    `by_skill` names each item after its skill, `good` grades every right answer Good; with `studies` every
    fifth row of a learner asks nothing.
    """
    rng = np.random.default_rng(5)
    rows = []
    for learner in range(40):
        day, ability = 0.0, rng.normal()
        for t in range(16):
            item = int(rng.integers(0, 6))
            needs = [f"s{item // 2}", "s2"] if several and item == 1 else [f"s{item // 2}"]
            right = int(rng.random() < 1.0 / (1.0 + np.exp(1.0 - 0.15 * t - ability + 0.3 * item)))
            right = -1 if studies and t % 5 == learner % 5 else right
            name, mark = needs[0] if by_skill else f"i{item}", rng.integers(1, 4)
            grade = right * (2 if good else mark) / 3.0 if right >= 0 else np.nan
            rows.append((str(learner), name, needs, day, right, grade))
            day += float(rng.choice([0.02, 0.5, 2.0, 5.0]))
    names = ("learner", "item", "skills", "time", "correct", "grade")
    return Coded.of(learner_log(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), "made up"))


@pytest.mark.parametrize(
    ("model", "options"), variants(), ids=lambda v: v if isinstance(v, str) else " ".join(v)
)
def test_the_learners_of_the_folder_answer_as_the_fit_predicts(model, options, tmp_path) -> None:
    compare(model, options, tmp_path, studies=False)


@pytest.mark.parametrize("model", [name for name in MODELS if name not in NEURAL])
def test_a_study_row_is_an_exposure_without_an_answer_in_fit_and_learners(model, tmp_path) -> None:
    few = ("model.min_learners=1", "model.n_skills=null") if model == "bkt" else ()
    compare(model, few, tmp_path, studies=True)


def compare(model: str, options: tuple[str, ...], tmp_path: Path, studies: bool) -> None:
    """The chances of the learners that are read from a fit's folder, beside the predictions of the fit."""
    rows = log(model != "bkt", "model.by_skill=True" in options, "model.grades=False" in options, studies)
    fitted = instantiate(made(model, *options)).fit(rows)
    fitted.write(tmp_path)
    teaching = fitted.teaching
    choice = [f"task={teaching.task}", f"simulator={teaching.simulator}", *teaching.more]
    line = command_line("train", [*choice, override(teaching.folder, tmp_path)])
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        read = instantiate(compose("train", shlex.split(line)[2:]).simulator)
    chances = taught(read, rows)
    met = np.isfinite(chances)
    assert met.all() or "model.n_skills=2" in options  # of the skills that are kept
    assert met.mean() > 0.5
    np.testing.assert_allclose(chances[met], fitted.predict(rows)[met], atol=DIGITS.get(model, 1e-6))


def test_items_with_several_skills_are_the_one_exception_of_bkt_and_the_card_says_so() -> None:
    fitted = instantiate(made("bkt", "model.min_learners=1", "model.n_skills=null")).fit(log(several=True))
    assert "1 of 6 items need several skills" in " ".join(fitted.undetermined())
