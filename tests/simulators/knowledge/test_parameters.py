"""Tables of BKT parameters: their refusals, and their way through a file."""

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters
from coursewright.simulators.knowledge.tables import read_bkt

HEADER = "skill,prior,learn,guess,slip\n"
GOOD = {"prior": [0.1, 0.2], "learn": [0.3, 0.4], "guess": [0.2, 0.1], "slip": [0.1, 0.05]}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_probabilities_outside_0_1_are_refused(field, value) -> None:
    with pytest.raises(InputError) as error:
        BktParameters(**GOOD | {field: [0.5, value]}, skills=("sums", "products"))
    assert str(error.value) == f"bkt.{field}[products] = {value}: must be a probability in [0, 1]"


@pytest.mark.parametrize(("guess", "slip"), [(0.5, 0.5), (0.9, 0.2), (1.0, 0.0)])
def test_label_switching_is_refused(guess, slip) -> None:
    with pytest.raises(InputError, match=r"bkt.guess \+ bkt.slip \[1\] = 1\..*: must be below 1"):
        BktParameters(**GOOD | {"guess": [0.2, guess], "slip": [0.1, slip]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learn": [0.1]}, None),  # one number for all skills
        ({"learn": [0.1, 0.1, 0.1]}, r"bkt.learn = array of shape \(1, 3\): must be of shape \(1, 2\)"),
        ({"slip": [[0.1, 0.1]] * 2}, r"bkt.slip = array of shape \(2, 2\)"),
        ({"forget": [[0.1], [0.2]]}, r"bkt.forget = array of shape \(2, 1\)"),
        ({"prior": [[[0.1, 0.1]]]}, r"bkt.prior = array of shape \(1, 1, 2\)"),
        ({"prior": []}, r"bkt.prior = array of shape \(1, 0\)"),
        ({"skills": ("one",)}, "bkt.skills = 1 names: must be 2 names"),
    ],
)
def test_shapes(changes, message) -> None:
    if message is None:
        assert BktParameters(**GOOD | changes).learn.tolist() == [[0.1, 0.1]]
    else:
        with pytest.raises(InputError, match=message):
            BktParameters(**GOOD | changes)


def test_a_flat_list_is_one_draw_and_a_number_serves_all() -> None:
    table = BktParameters(**GOOD, forget=0.05)
    assert (table.n_draws, table.n_skills, table.skills) == (1, 2, ("0", "1"))
    assert np.asarray(table.forget).tolist() == [[0.05, 0.05]]
    with pytest.raises(ValueError, match="read-only"):
        table.prior[0, 0] = 0.9


def test_a_table_keeps_no_hand_on_what_it_was_given() -> None:
    prior = np.array([0.1, 0.2])
    table = BktParameters(**GOOD | {"prior": prior})
    prior[:] = 0.9
    assert table.prior.tolist() == [[0.1, 0.2]]


@pytest.mark.parametrize("draws", [1, 4])
def test_a_file_brings_back_what_was_written(tmp_path, draws) -> None:
    rng = np.random.default_rng(0)
    values = {field: np.round(rng.uniform(0.0, 0.45, (draws, 3)), 6) for field in FIELDS}
    values["learn"][0, 0] = 1.0
    values["guess"][0, 0] = 1.5e-7
    table = BktParameters(**values, skills=("tens, ones", 'the "unit"', "größer"))
    table.write(tmp_path / "t.csv", extra={"n": [1.0, 2.0, 3.0]})
    again = BktParameters.read(tmp_path / "t.csv")
    assert again.skills == table.skills
    for field in FIELDS:
        np.testing.assert_allclose(getattr(again, field), values[field], rtol=1e-5, atol=0)


def write(path, text) -> None:
    path.write_text(text, encoding="utf-8")


def test_forgetting_may_be_left_out(tmp_path) -> None:
    write(tmp_path / "t.csv", f"{HEADER}a,.1,.2,.3,.1\n")
    assert np.asarray(BktParameters.read(tmp_path / "t.csv").forget).tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns of .*: must be skill, prior, learn, guess, slip"),
        ("skill,prior,learn,guess\na,.1,.2,.3\n", "without slip"),
        (f"{HEADER}a,.1,x,.3,.1\n", "learn in .*x.*must be numbers"),
        (f"{HEADER}a,.1,,.3,.1\n", r"bkt.learn\[a\] = nan"),
        (f"{HEADER}a,.1\n", r"bkt.learn\[a\] = nan"),
        (f"{HEADER}a,.1,2,.3,.1\n", r"bkt.learn\[a\] = 2.0"),
        # sorted by skill instead of by draw, it would be read as another table
        (f"{HEADER}a,.1,.2,.3,.1\na,.1,.2,.3,.1\nb,.1,.2,.3,.1\nb,.1,.2,.3,.1\n",
         "skills of .* = 4 rows: must be the same, in the same order"),
        (f"{HEADER}a,.1,.2,.3,.1\na,.1,.2,.3,.1\nb,.1,.2,.3,.1\n", "skills of .* = 3 rows"),
    ],
)  # fmt: skip
def test_broken_tables_are_refused(tmp_path, text, message) -> None:
    write(tmp_path / "t.csv", text)
    with pytest.raises(InputError, match=message):
        BktParameters.read(tmp_path / "t.csv")


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        BktParameters.read(tmp_path / "none.csv")


def test_a_folder_becomes_a_population(tmp_path) -> None:
    BktParameters(**GOOD, skills=("sums", "products")).write(tmp_path / "parameters.csv")
    plain = read_bkt(tmp_path)
    assert (plain.course.skills, plain.draws) == (("sums", "products"), None)
    assert not plain.course.prerequisites.any()
    write(tmp_path / "prerequisites.csv", "before,after\nsums,products\n")
    twice = {field: [values, values] for field, values in GOOD.items()}
    BktParameters(**twice, skills=("sums", "products")).write(tmp_path / "draws.csv")
    full = read_bkt(tmp_path, rho=0.4)
    assert full.course.prerequisites.tolist() == [[False, True], [False, False]]
    assert full.rho == 0.4
    resampled = full.resampled()
    assert resampled is not None
    assert (resampled.parameters.n_draws, resampled.draws, full.parameters.n_draws) == (2, None, 1)


def test_an_unknown_population_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"simulator.folder = 'bkt_v1'.*did you mean 'bkt_v0'"):
        read_bkt("bkt_v1")


@pytest.mark.parametrize("folder", sorted(table.parent.name for table in SHIPPED.glob("*/parameters.csv")))
def test_shipped_populations_load(folder) -> None:
    assert isinstance(read_bkt(folder).course, Course)
