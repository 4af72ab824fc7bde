"""The observation's columns: their places, names and bounds."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from coursewright.envs.features import FEATURES, NAMES, Limits
from coursewright.envs.gym import spaces
from coursewright.envs.layout import Layout
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from small_tasks import ALL_FEATURES, begun, random_actions, small_course, small_task

FULL = Layout.of(small_course(), ALL_FEATURES)
NEEDS = {feature.name: feature.needs for feature in FEATURES if feature.needs}
BY_SKILL = [feature.name for feature in FEATURES if feature.axis == "skill"]
BY_ITEM = [feature.name for feature in FEATURES if feature.axis == "item"]


def test_every_column_belongs_to_one_feature() -> None:
    owners = [[] for _ in range(FULL.width)]
    for feature in ALL_FEATURES:
        for column in range(FULL.width)[FULL.columns(feature)]:
            owners[column].append(feature)
    assert all(len(owner) == 1 for owner in owners)
    assert FULL.width == 13 * 5 + 3 * 7 + 1 + 1
    assert [name.split("[")[0] for name in FULL.names] == [owner[0] for owner in owners]


def test_names() -> None:
    names = np.array(FULL.names)
    assert names[FULL.columns("belief")].tolist() == [f"belief[{s}]" for s in "abcde"]
    assert names[FULL.columns("last_item")].tolist() == [f"last_item[{i}]" for i in small_course().items]
    assert names[FULL.columns("last_correct")].tolist() == ["last_correct"]
    assert names[FULL.columns("budget_left")].tolist() == ["budget_left"]
    assert len(set(FULL.names)) == FULL.width


def test_a_skills_columns_lie_together_and_an_items_feature_after_feature() -> None:
    owners = [name.split("[")[1] for name in FULL.names[: 13 * 5 + 3 * 7]]
    assert owners[: 13 * 5] == [f"{s}]" for s in "abcde" for _ in BY_SKILL]
    assert owners[13 * 5 :] == [f"{i}]" for _ in BY_ITEM for i in small_course().items]


def test_the_order_of_features_does_not_matter() -> None:
    assert Layout.of(small_course(), ALL_FEATURES[::-1]).names == FULL.names


@pytest.mark.parametrize(
    "features",
    [("goal",), ("last_item", "budget_left"), ("item_attempts", "last_item"), ("streak", "last_correct"), ()],
)
def test_kernels_are_told_where_to_look(features) -> None:
    layout = Layout.of(small_course(), features)
    assert layout.stride == len(set(BY_SKILL) & set(features))
    for name, place in zip(NAMES, layout.first.tolist(), strict=True):
        assert place == (layout.columns(name).start if name in features else -1)
    assert layout.width == len(layout.names) == len(layout.bounds(Limits(5, 0, 0.0))[0])


@pytest.mark.parametrize("feature", NEEDS)
def test_logs_need_their_counts(feature) -> None:
    with pytest.raises(InputError, match=f"task.features = '{feature}' without '{NEEDS[feature][0]}'"):
        Layout.of(small_course(), [feature])


def test_an_unknown_feature_suggests_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"task.features = 'beleif': no such name \(did you mean 'belief'\?\)"
    ):
        Layout.of(small_course(), ["beleif"])


def test_a_feature_twice_is_refused() -> None:
    with pytest.raises(InputError, match="without repetitions"):
        Layout.of(small_course(), ["goal", "goal"])


def test_what_a_task_does_not_offer() -> None:
    layout = Layout.of(small_course(), ["goal", "attempts"])
    layout.require("a rule", "goal", "attempts")
    with pytest.raises(
        InputError, match=r"task.features for a rule = .*: must be a list that holds 'belief'"
    ):
        layout.require("a rule", "goal", "belief")
    with pytest.raises(InputError, match=r"feature = 'attempt': .*mean 'attempts'"):
        layout.columns("attempt")


TASKS = {
    "everything": small_task(),
    "minutes": replace(small_task(), steps=None, minutes=17.0, stop=True, unlock_after=1),
    "long": replace(small_task(), steps=300, days=0.1),
    "bkt": bkt(steps=40),
    "bkt masked": bkt(mask=True, steps=40),
    "kss": kss(30),
    "kss, all features": replace(kss(10), features=ALL_FEATURES),
}


@pytest.mark.parametrize("name", TASKS)
def test_observations_stay_within_their_bounds(name) -> None:
    task = TASKS[name]
    learners = 40
    episodes = begun(task, learners)
    space, actions = spaces(task, episodes.past_width)
    assert isinstance(space, gym.spaces.Box)
    assert actions.n == task.n_actions
    lowest = highest = episodes.observation.copy()
    # half of the learners always do the same: counts and streaks go as far as they can
    for action in random_actions(task, learners, task.horizon):
        assert space.contains(episodes.observation[0])
        assert (episodes.observation >= space.low).all()
        assert (episodes.observation <= space.high).all()
        action[: learners // 2] = 0
        episodes.step(action)
        lowest = np.minimum(lowest, episodes.observation)
        highest = np.maximum(highest, episodes.observation)
    assert (lowest >= space.low).all()
    assert (highest <= space.high).all()
    assert episodes.over.all()
    # the bounds are no looser than they must be: somebody gets there
    for feature in {
        "attempts",
        "days_since",
        "item_attempts",
        "item_days_since",
        "budget_left",
        "last_correct",
    } & set(task.features):
        top = highest[:, task.layout.columns(feature)].max()
        assert top == pytest.approx(space.high[task.layout.columns(feature)].max(), rel=1e-4)
