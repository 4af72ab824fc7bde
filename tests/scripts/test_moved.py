from importlib import import_module, util

import pytest
from hydra.utils import get_object

from coursewright.scripts.app import run
from coursewright.scripts.moved import MODULES, NAMES, PACKAGE, new_address

PARTIAL = "+agent._partial_=true"  # as old agents had it


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


@pytest.mark.parametrize("old", ["agents.mastery.n_in_a_row", "agents.rules.mastery.n_in_a_row"])
def test_what_moved_twice_is_found_from_either_address(old: str) -> None:
    assert new_address(PACKAGE + old) == PACKAGE + "agents.rules.mastery.NInARow"


def test_an_address_that_never_moved_is_not_in_the_table() -> None:
    assert new_address("coursewright.envs.rewards.mean_gain") is None
    assert new_address("my_learners.Levels") is None


@pytest.mark.parametrize(
    ("options", "new"),
    [
        (["simulator._target_=coursewright.simulators.kss.Kss"], "simulators.kss.learners.Kss"),
        ([PARTIAL, "agent._target_=coursewright.agents.baselines.uniform_random"], "baselines.UniformRandom"),
        # A module has taken the old function's name.
        ([PARTIAL, "agent._target_=coursewright.agents.schedulers.leitner"], "schedulers.leitner.Leitner"),
    ],
)
def test_an_old_address_is_answered_with_the_new_one(options, new, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = run("train", ["agent=random", *options, "tracker=none"])
    line = capsys.readouterr().err.strip()
    assert code == 2
    assert line.count("\n") == 0
    assert new in line
