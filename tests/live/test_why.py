"""The reasons in words: what the tutor saw of the chosen item and of the runner-up, and what it goes by."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from coursewright.agents.export.settings import settings_of
from coursewright.live.facts import Sight
from coursewright.live.facts import saw as saw_of
from coursewright.live.words import now
from small_tasks import small_task

DAY = 20_000.0


def saw(tutor, **settings):
    tutor._mind.words["made_by"] = {"agent": "it", "settings": settings}
    return tutor.why("anna").saw


def test_a_level_is_told_with_what_each_item_lacks(tutor):
    for n, right in enumerate((1, 0, 1)):
        tutor.observe("anna", "0", right, DAY + n)
    why = tutor.why("anna")
    mastery = {skill.name: skill.mastery for skill in tutor.state("anna").skills}
    assert why.runner_up is not None
    first, second, aim = saw(tutor, feature="streak", level=3.0)
    assert first.startswith(f"Item 0: mastery {100 * mastery['0']:.0f} % (")
    assert "2 of 3 right, 1 in a row, chance of a right answer" in first
    assert second.startswith(f"Item {why.runner_up}: mastery {100 * mastery[why.runner_up]:.0f} % (")
    assert aim == f"it practises up to 3 right in a row: 0 lacks 2, {why.runner_up} lacks 3."
    gap = 100 * (0.99 - mastery["0"])
    [*_, aim] = saw(tutor, level=0.99)
    assert aim.startswith(f"it practises up to a mastery of 99 %: 0 lacks {gap:.0f} points, ")
    [*_, aim] = saw(tutor, feature="streak", level=1.0)
    assert aim.startswith("it practises up to 1 right in a row: 0 is there, ")
    [*_, aim] = saw(tutor, feature="attempts", level=10.0, shared=True)  # of ten skills
    assert aim.startswith("it practises up to 1 attempts: 0 is there, ")
    assert all(line in tutor.why("anna").text for line in (first, second))


def test_a_target_is_told_with_the_distance_of_each_item(tutor):
    tutor.observe("anna", "0", 1, DAY)
    [choice] = tutor.next("anna")
    [*_, aim] = saw(tutor, target=0.7)
    assert aim.startswith(
        f"it seeks a chance near 70 %: {choice.item} is {100 * abs(choice.chance - 0.7):.0f} "
    )
    assert saw(tutor, arrival=0.2, quick=True)[-1] == "it was made with arrival = 0.2, quick = True."
    assert len(saw(tutor)) == 2  # a file that does not say how it was made


@dataclass
class Held:
    recall: float


@dataclass
class Plan:
    held: Held
    weights: object


@dataclass
class Rule:
    task: object
    most: float
    new_first: bool
    plan: Plan


def test_the_settings_of_a_rule_are_its_plain_values_and_its_plans():
    rule = Rule(small_task(), float("inf"), True, Plan(Held(0.85), np.ones(3)))
    assert settings_of(rule) == {"new_first": True, "recall": 0.85}
    assert settings_of(object()) == {}


@pytest.mark.slow
def test_dates_and_boxes_are_told_as_the_rule_has_them(tmp_path):
    from coursewright.agents.export.whole import write
    from coursewright.agents.schedulers.fixed_interval import FixedInterval
    from coursewright.agents.schedulers.leitner import Leitner
    from coursewright.agents.tracker import SilentTracker
    from coursewright.live.recommender import Recommender

    dated = replace(small_task(), steps=20, unlock_after=2)
    for name, rule, task in (
        ("dates", FixedInterval(days=4.0), dated),
        ("boxes", Leitner(1.0), small_task()),
    ):
        write(rule(task, 0, SilentTracker()), task, tmp_path / f"{name}.onnx")
        tutor = Recommender(tmp_path / f"{name}.onnx", tmp_path / f"{name}.sqlite", tmp_path / "key")
        for n in range(2):
            tutor.observe("anna", "a1", 1, now() - 10.0 + n)
        [seat], mind = tutor.bridge().seats("anna").values(), tutor.bridge().mind
        for passed, due in ((0.0, "due in 4.0 days."), (6.0, "due 2.0 days ago.")):
            mask, days = np.ones((1, len(mind.items)), bool), np.array([passed], np.float32)
            out = mind.look(seat.state[None], seat.goal[None], mask, days)
            known, unknown, *_ = saw_of(mind, Sight(out["next_state"][0], seat.goal, out), ["a1", "b1"])
            assert known.endswith({"dates": due, "boxes": "box 2."}[name])
            assert unknown.endswith("not seen yet.")
        tutor.close()
