"""The search: its first trial, its order, its going on, and its best; on functions whose best is known."""

import math

import pytest

from coursewright.errors import InputError
from coursewright.evaluation.tuning.search import Plan, best_of, search
from coursewright.evaluation.tuning.space import Space
from searches import FIRST, World, found, scores


def test_the_first_trial_has_the_agents_own_settings(tmp_path):
    trials = found(tmp_path, World())
    assert trials[0].settings == {"x": 0.9, "kind": None}
    assert [trial.number for trial in trials] == list(range(1, 13))
    assert (trials[0].score, trials[0].se, trials[0].training_steps) == (pytest.approx(-0.36), 0.0, 10)


def test_it_finds_the_best_of_a_known_function_and_another_seed_has_another_way(tmp_path):
    trials = found(tmp_path, World(), trials=40)
    assert best_of(trials).settings["kind"] == [1, 2]
    assert abs(best_of(trials).settings["x"] - 0.3) < 0.05
    other = found(tmp_path / "other", World(), trials=40, seed=1)
    assert other[0].settings == trials[0].settings
    assert other[1].settings != trials[1].settings


@pytest.mark.parametrize("killed", [0, 1, 5, 11])
def test_a_killed_search_goes_on_to_the_same_trials(tmp_path, killed):
    whole = found(tmp_path / "whole", World())
    journal = tmp_path / "trials.journal"
    with pytest.raises(KeyboardInterrupt):
        found(tmp_path, World(dies_after=killed))
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker')  # half a line
    journal.with_name("trials.journal.lock").symlink_to(journal)
    again = World()
    assert scores(found(tmp_path, again)) == scores(whole)
    assert len(again.asked) == 12 - killed, "a finished trial is not run again"
    idle = World()
    assert scores(found(tmp_path, idle)) == scores(whole)
    assert not idle.asked


def test_a_setting_that_was_tried_costs_nothing(tmp_path):
    few = Space.of({"kind": [None, "word"]}, {})
    world = World()
    world.score = lambda kind: float(kind == "word")
    trials = list(search(few, FIRST, world, Plan(9, 4, 0, 4), tmp_path))
    assert len(world.asked) == 2
    assert sum(trial.scoring_steps for trial in trials) == 8
    copies = [trial for trial in trials if trial.note]
    assert len(copies) == 7
    assert {trial.note for trial in copies} <= {"as trial 1", "as trial 2"}
    for copy in copies:
        (first,) = [trial for trial in trials if copy.note == f"as trial {trial.number}"]
        assert (first.settings, first.score) == (copy.settings, copy.score)
    assert {trial.score for trial in copies} <= {0.0, 1.0}
    assert best_of(trials).note == ""


def test_refused_settings_count_and_never_win(tmp_path):
    trials = found(tmp_path, World(refuses=[1, 2]))
    refused = [trial for trial in trials if math.isnan(trial.score)]
    assert refused
    assert all("agent.kind: refused" in trial.note for trial in refused)
    assert best_of(trials).settings["kind"] != [1, 2]
    with pytest.raises(InputError, match=r"no setting can be used; the first one: agent\.kind: refused"):
        best_of(refused)
    assert [repr(t) for t in found(tmp_path, World())] == [repr(t) for t in trials]  # nan is not nan


@pytest.mark.parametrize(
    ("node", "line"),
    [
        (5, "space.agent.x = 5: must be {low"),
        ([1], r"space.agent.x = \[1\]: must be a list of at least two different choices"),
        ([[1], [1]], "at least two different choices"),
        ({"low": 1}, "space.agent.x.high: must be given"),
        ({"low": 1, "high": 1}, r"space.agent.x.high = 1: must be above low \(1\)"),
        ({"low": 0, "high": 1, "log": True}, "space.agent.x.low = 0: must be above 0"),
        ({"low": 0, "high": 1, "log": 3}, "space.agent.x.log = 3: must be true or false"),
        ({"low": 0, "high": math.nan}, "space.agent.x.high = nan: must be a finite number"),
        ({"low": 0, "hihg": 1}, "space.agent.x.hihg: no such setting .did you mean 'high'"),
        ({"low": True, "high": 2}, "space.agent.x.low = True"),
    ],
)
def test_no_range_and_no_list_of_choices_is_refused(node, line):
    with pytest.raises(InputError, match=line):
        Space.of({"x": node}, {})


def test_a_range_of_whole_numbers_holds_whole_numbers():
    with pytest.raises(InputError, match=r"space\.agent\.x\.high = 2\.5: must be a whole number"):
        Space.of({"x": {"low": 1, "high": 2.5}}, {"x": True})
    space = Space.of({"x": {"low": 1, "high": 4}, "y": {"low": 1, "high": 4}}, {"x": True})
    assert space.encoded({"x": 2, "y": 9}) == {"x": 2}
    assert space.extremes("x") == [1, 4]
