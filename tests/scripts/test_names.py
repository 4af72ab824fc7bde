"""Folders' names: new for every command, the same for the same job, and typed back as they are."""

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from coursewright.errors import InputError
from coursewright.scripts.compose import compose, loader_of
from coursewright.scripts.line import read_line
from coursewright.scripts.names import EXCLUDED, LONGEST, claim, group_of, job_folder, plain


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ("", "defaults"),
        ("agent=ppo,seed=3", "agent-ppo__seed-3"),
        ("agent.steps=4_000,agent=maskable_ppo", "agent-maskable_ppo__agent.steps-4_000"),
        ("agent.gamma=0.9,seed=1", "seed-1__agent.gamma-0.9"),
    ],
)
def test_a_job_is_named_by_its_settings(overrides, name):
    assert job_folder(overrides) == name


@pytest.mark.parametrize(
    ("overrides", "start"),
    [
        ("agent.layers=[16,16],seed=1", "seed-1__agent.layers-_16_16-"),
        ("tags=['a b'],seed=1", "tags-_a_b___seed-1-"),
        ("agent.ent_coef=-0.1", "agent.ent_coef--0.1-"),
        ("name=a=b", "name-a-b-"),
        ("+agent.x={a: 1}", "agent.x-_a_1-"),
        ("name=" + "x" * 300, "name-xxx"),
        ("a__b=1", "a__b-1-"),
        ("a=1.", "a-1-"),
    ],
)
def test_what_a_name_cannot_hold_is_told_apart_by_a_hash(overrides, start):
    name = job_folder(overrides)
    assert name.startswith(start)
    assert re.fullmatch(r".*-[0-9a-f]{10}", name)
    assert job_folder(overrides + "1") != name


TEXT = st.text("ab_-.=,[]' ", max_size=12)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4), st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_other_settings_have_another_name(first, second):
    # Hydra sorts them
    first, second = (",".join(sorted(f"{key}={value}" for key, value in items)) for items in (first, second))
    assert (job_folder(first) == job_folder(second)) == (first == second)


@given(st.text(max_size=200))
def test_names_are_short_and_typed_back_as_they_are(text):
    for name in (plain(text), job_folder(text)):
        assert 0 < len(name) <= LONGEST
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert not name.endswith(".")
        (parsed,) = OverridesParser.create().parse_overrides([f"run=outputs/{name}"])
        assert parsed.value() == f"outputs/{name}"


def test_commands_that_meet_in_one_second_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(claim, itertools.repeat(tmp_path / "day" / "12-00-00", 20)))
    assert len(set(made)) == 20
    assert {path.name for path in made} == {"12-00-00", *(f"12-00-00-{n}" for n in range(2, 21))}


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^hydra.run.dir = [^\n]*file/run: cannot be made \([^\n]*\)$"):
        claim(tmp_path / "file" / "run")


def test_a_group_says_the_day_too():
    assert group_of(Path("outputs/sweep/2026-11-27/06-17-43-kss")) == "2026-11-27-06-17-43-kss"
    assert group_of(Path("outputs/mine")) == group_of(Path("outputs/mine/")) == "mine"


SHARED = ["task=mastery", "learners=5"]


def folders(words):
    line = read_line("train", ["-m", *words])
    composed = compose(line, loader_of(line))
    names = [job_folder(job.hydra.job.override_dirname) for job in composed.jobs]
    return names, [word for word in composed.words if word.startswith(EXCLUDED)]


def test_a_sweeps_folders_name_what_differs(tmp_path):
    sweep = f"hydra.sweep.dir={tmp_path}"
    names, words = folders([*SHARED, "agent=random", "seed=0,1", sweep])
    assert names == ["agent-random__seed-0", "agent-random__seed-1"]
    assert words == [f"{EXCLUDED}=['learners','task']"]
    assert folders([*SHARED, "task.steps=3,4"])[0] == ["task.steps-3", "task.steps-4"]
    full = "learners-5__seed-0__task-mastery"
    assert folders([*SHARED, "seed=0"])[0] == [full]  # nothing differs
    (tmp_path / full).mkdir()  # begun by an earlier version
    assert folders([*SHARED, "seed=0,1", sweep])[0] == [full, full.replace("seed-0", "seed-1")]
