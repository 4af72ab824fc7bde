"""The one rollout loop: the same for every chunk size, equal to single environments, and its counts."""

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
import pytest

from coursewright.agents.rule import AnyAllowed, RulePolicy
from coursewright.envs.gym import TeachingEnv
from coursewright.envs.rewards import post_test, time_to_mastery
from coursewright.envs.rollout import NEVER, Group, Rollout, rollout, traces
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import POLICY, Seeds, Split, uniforms
from plain_simulator import Levels
from small_tasks import small_task
from toy_policies import Shuffle

CHAIN = Course.of(20, prerequisites=[[0, 1], [1, 2]])
PLAIN = replace(bkt(steps=14), simulator=Levels(CHAIN, 0.03), unlock_after=1, days=1.0)
TASKS = {
    "bkt": bkt(steps=25),
    "bkt masked": bkt(mask=True, steps=25),
    "kss": kss(12),
    "plain": PLAIN,
    "everything": replace(
        small_task(), steps=None, minutes=21.0, stop=True, unlock_after=1, goal=RandomGoal(1, 4)
    ),
    "post-test": replace(small_task(), reward=post_test),
}


class Anything:
    """Uniform over all actions, a stop now and then included."""

    respects_mask = False

    def __init__(self, task) -> None:
        self.items, self.stop = task.course.n_items, task.stop

    def begin(self, luck):
        return luck

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        draw, stop = np.empty(len(observation)), np.empty(len(observation))
        uniforms(state.fate, state.step, POLICY, draw)
        uniforms(state.fate, state.step, POLICY + 1, stop)
        return np.where(self.stop & (stop < 0.05), self.items, (draw * self.items).astype(np.int64)), state


def assert_same(one: Rollout, other: Rollout) -> None:
    for field in fields(Rollout):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


def part(done: Rollout, rows: slice) -> Rollout:
    return Rollout(**{f.name: getattr(done, f.name)[rows] for f in fields(Rollout)})


@pytest.mark.parametrize("name", TASKS)
def test_chunks_do_not_matter(name) -> None:
    task = TASKS[name]
    for policy in (Anything(task), Shuffle(task.course.n_items, legal=True)):
        whole = rollout(task, policy, 60, chunk=1000, with_mastery=True)
        assert len(whole) == 60
        assert whole.number.tolist() == list(range(60))
        for chunk in (1, 7):
            assert_same(rollout(task, policy, 60, chunk=chunk, with_mastery=True), whole)
        some = rollout(task, policy, 13, first=20, with_mastery=True)
        assert_same(some, part(whole, slice(20, 33)))


@pytest.mark.parametrize("name", TASKS)
def test_a_row_is_a_single_environment(name) -> None:
    task = TASKS[name]
    done = rollout(task, Anything(task), 8, split=Split.TUNE)
    env = TeachingEnv(task, Split.TUNE)
    for i in range(8):
        env.reset(seed=i)
        returned, steps, refused, minutes = 0.0, 0, 0, 0.0
        for t in range(task.horizon):
            stopped = done.item[i, t] < 0
            action = task.course.n_items if stopped else done.item[i, t]
            _, reward, over, truncated, info = env.step(int(action))
            assert not truncated
            returned += reward
            if not stopped:
                steps, refused = steps + 1, refused + (not info["allowed"])
                minutes += task.course.minutes[action]
                assert done.correct[i, t] == env.episodes.response.correct[0]
            assert done.curve[i, t + 1] == np.float32(returned)
            if over:
                break
        assert over
        assert (done.returned[i], done.steps[i], done.refused[i]) == (returned, steps, refused)
        assert done.minutes[i] == minutes
        weight = env.episodes.goal[0] / env.episodes.goal[0].sum()
        assert done.start[i] == pytest.approx((weight * env.episodes.start[0]).sum(), rel=1e-12)
        assert done.end[i] == pytest.approx((weight * env.episodes.after[0]).sum(), rel=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_what_is_counted(name) -> None:
    task = TASKS[name]
    done = rollout(task, Anything(task), 50, with_mastery=True)
    horizon = task.horizon
    assert done.curve.shape == (50, horizon + 1)
    assert done.mastery.shape == (50, horizon + 1, task.course.n_skills)
    assert (done.curve[:, 0] == 0).all()
    np.testing.assert_allclose(done.curve[:, -1], done.returned, rtol=1e-6)
    for i in range(50):
        items = done.item[i][done.item[i] >= 0]
        assert done.steps[i] == len(items)
        assert (done.item[i, len(items) :] == -1).all()
        assert (done.correct[i, len(items) :] == -1).all()
        assert set(done.correct[i, : len(items)]) <= {0, 1}
        assert done.minutes[i] == pytest.approx(task.course.minutes[items].sum())
        nothing_new = [
            all(done.mastery[i, t, k] >= task.mastered_at for k in np.flatnonzero(task.course.q_matrix[item]))
            for t, item in enumerate(items)
        ]
        assert done.over_practice[i] == sum(nothing_new)
        # after the end everything stays as it was
        assert (done.curve[i, len(items) + 1 :] == done.curve[i, -1]).all()
        assert (done.mastery[i, len(items) + 1 :] == done.mastery[i, -1]).all()
    assert done.over_practice.sum() > 0
    assert (done.refused.sum() > 0) == task.masked


def test_budgets_in_minutes_end_at_different_steps() -> None:
    assert len(set(rollout(TASKS["everything"], Anything(TASKS["everything"]), 60).steps)) > 4


def test_mastery_is_kept_only_on_request() -> None:
    assert rollout(TASKS["bkt"], Anything(TASKS["bkt"]), 5).mastery.size == 0


def test_policies_that_respect_masks_are_run_strictly() -> None:
    task = TASKS["bkt masked"]
    liar = Shuffle(20)
    assert rollout(task, liar, 20).refused.sum() > 0
    liar.legal = True
    liar.predict = lambda observation, state, *_: (np.full(len(observation), 19), state)
    with pytest.raises(InputError, match=r"action of row 0 = 19 .*must be allowed"):
        rollout(task, liar, 20)
    assert rollout(TASKS["bkt"], liar, 20).refused.sum() == 0  # nothing restricts: nothing to refuse
    with pytest.raises(InputError, match="must be allowed"):
        rollout(replace(task, strict=True), Shuffle(20), 20)


def test_a_policy_always_gets_a_mask_a_full_one_where_nothing_restricts() -> None:
    seen = {}

    class Nosy(Anything):
        def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
            seen[self.name] = bool(action_masks.all())
            return super().predict(observation, state)

    for name in ("bkt", "bkt masked", "kss", "everything"):
        policy = Nosy(TASKS[name])
        policy.name = name
        rollout(TASKS[name], policy, 3)
    assert seen == {"bkt": True, "bkt masked": False, "kss": False, "everything": False}


def test_episode_start_marks_the_first_step_only() -> None:
    marks = []

    class Nosy(Anything):
        def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
            marks.append((episode_start.copy().tolist(), deterministic))
            return super().predict(observation, state)

    rollout(bkt(steps=3), Nosy(bkt(steps=3)), 2, deterministic=False)
    assert marks == [([True, True], False), ([False, False], False), ([False, False], False)]


def test_oracles_are_given_the_episodes() -> None:
    class Oracle(Anything):
        def watch(self, episodes) -> None:
            self.episodes = episodes

        def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
            return self.episodes.after.argmin(axis=1), state

    task = TASKS["bkt"]
    told = rollout(task, Oracle(task), 60, chunk=25)
    unfinished = (told.start < 1) & (told.end < 1)
    assert unfinished.sum() > 30
    assert not told.over_practice[unfinished].any()  # it always found something that was not known
    assert rollout(task, Anything(task), 60).over_practice[unfinished].all()


def test_splits_are_different_people_and_policies_meet_the_same_ones() -> None:
    task, policy = TASKS["bkt"], Anything(TASKS["bkt"])
    evaluated = rollout(task, policy, 200)
    trained = rollout(task, policy, 200, split=Split.TRAIN)
    assert not np.array_equal(evaluated.start, trained.start)
    other = rollout(task, Shuffle(20, purpose=5), 200)
    assert np.array_equal(other.start, evaluated.start)
    assert not np.array_equal(other.item, evaluated.item)
    luckier = rollout(replace(task, seeds=Seeds(0, 1)), policy, 200)
    assert np.array_equal(luckier.start, evaluated.start)
    assert not np.array_equal(luckier.returned, evaluated.returned)


def test_traces_are_the_chunks_with_their_finished_episodes() -> None:
    task, policy = TASKS["everything"], Anything(TASKS["everything"])
    parts = list(traces(task, policy, Group(25, chunk=10), with_mastery=True))
    assert [len(part.run) for part in parts] == [10, 10, 5]
    assert_same(parts[2].run, rollout(task, policy, 5, first=20, with_mastery=True))
    for run, episodes in parts:
        assert episodes.over.all()
        assert np.array_equal(episodes.after, run.mastery[:, -1])
        assert np.array_equal(episodes.number, run.number)


def test_the_whole_goal_is_reached_when_its_last_skill_is() -> None:
    learners = Levels(Course.of(3), 0.05)
    task = replace(bkt(steps=8), simulator=learners, tutor=None, features=("attempts",), mastered_at=0.3)
    (trace,) = traces(task, Anything(task), Group(50), with_mastery=True)
    goal, mastery, reached = trace.episodes.goal, trace.run.mastery, trace.run.reached
    for i in range(50):
        whole = (mastery[i][:, goal[i]] >= task.mastered_at).all(axis=1)
        assert reached[i] == (int(np.argmax(whole)) if whole.any() else NEVER)
    assert 0 < (reached != NEVER).sum() < 50


@pytest.mark.parametrize(("field", "arguments"), [("learners", {"learners": 0}), ("chunk", {"chunk": 0})])
def test_what_is_refused(field, arguments) -> None:
    with pytest.raises(InputError, match=f"{field} = 0: must be a whole number >= 1"):
        rollout(TASKS["bkt"], Anything(TASKS["bkt"]), **({"learners": 3} | arguments))


def test_rewards_after_the_end_are_not_counted() -> None:
    # time_to_mastery goes on saying -1 for rows that are over while others run
    task = replace(TASKS["everything"], reward=time_to_mastery)
    done = rollout(task, Anything(task), 60, with_mastery=True)
    stopped = (done.steps < task.horizon) & (done.minutes < task.budget)
    assert (-done.returned <= done.steps + stopped).all()
    assert stopped.any()


def test_what_is_no_policy_is_refused_in_a_line():
    class Chooser:
        respects_mask = True

        def predict(self, observation, *others):
            return np.zeros(len(observation), np.int64), None

    with pytest.raises(InputError, match=r"^policy = Chooser: must be a policy, which has begin"):
        rollout(kss(5), Chooser(), 3)


class Shown(NamedTuple):
    belief: np.ndarray


class Keeping:
    """A rule that goes by the belief of the step before, of which it keeps what it was shown."""

    needs = ("belief",)

    def __init__(self, copies: bool) -> None:
        self.copies = copies

    def begin(self, luck):
        return Shown(np.zeros((len(luck.fate), bkt().course.n_skills), np.float32))

    def choose(self, seen, memory):
        belief = seen["belief"].copy() if self.copies else seen["belief"]
        return memory.belief.argmin(axis=1), Shown(belief)


def test_a_rule_that_keeps_its_observation_keeps_it_as_it_was():
    task = bkt(steps=25)
    wanted, found = (
        rollout(task, RulePolicy("keeping", task, Keeping(copies)), 50) for copies in (True, False)
    )
    assert_same(found, wanted)


def test_nothing_is_copied_for_who_only_glances():
    """On 3,000 words the copies took two thirds of a rule's teaching."""
    task, shown = bkt(steps=3), []

    class Noting(AnyAllowed):
        def choose(self, seen, memory):
            shown.append(seen.observation)
            return super().choose(seen, memory)

    rollout(task, RulePolicy("noting", task, Noting()), 50)
    assert len(shown) == 3
    assert all(seen is shown[0] for seen in shown)
