from importlib import import_module, util

import pytest
from hydra.utils import get_object

from coursewright.scripts.app import run
from coursewright.scripts.moved import MODULES, NAMES, PACKAGE, new_address


@pytest.mark.parametrize("module", MODULES.values())
def test_every_new_module_is_there(module: str) -> None:
    assert import_module(PACKAGE + module)


@pytest.mark.parametrize("old", MODULES)
def test_no_old_module_is_still_there(old: str) -> None:
    found = util.find_spec(PACKAGE + old)
    assert found is None or found.submodule_search_locations is not None, "a folder may have taken its name"


@pytest.mark.parametrize("address", NAMES.values())
def test_every_new_name_is_there(address: str) -> None:
    assert get_object(PACKAGE + address.split()[0])


def test_an_address_that_never_moved_is_not_in_the_table() -> None:
    assert new_address("coursewright.envs.rewards.mean_gain") is None
    assert new_address("my_learners.Levels") is None


def test_an_old_address_is_answered_with_the_new_one(capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    from coursewright.scripts.train import main

    old = "coursewright.simulators.kss.Kss"
    code = run("coursewright train", main, [f"simulator._target_={old}", "agent=random", "tracker=none"])
    line = capsys.readouterr().err.strip()
    assert code == 2
    assert line.count("\n") == 0
    assert "coursewright.simulators.kss.learners.Kss" in line
