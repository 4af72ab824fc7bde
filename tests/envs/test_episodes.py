"""Running episodes against a slow tutor's notebook kept by hand, one learner at a time."""

import copy
import math
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coursewright import simulators
from coursewright.envs.belief import CERTAIN
from coursewright.envs.episodes import Episodes
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal
from coursewright.errors import InputError
from coursewright.simulators.capabilities import restricts
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Split, identify
from places import SUPPORT
from plain_simulator import Levels
from small_tasks import ALL_FEATURES, begun, random_actions, small_parameters, small_task

LEARNERS = 30
TASK = small_task()
LOCKED = replace(TASK, unlock_after=1, steps=25)
TASKS = {
    "everything": TASK,
    "locked": LOCKED,
    "two successes": replace(TASK, unlock_after=2, steps=40),
    "minutes and stop": replace(TASK, steps=None, minutes=26.0, stop=True, unlock_after=1),
    "blame each": replace(TASK, blame="each"),
    "random goals": replace(TASK, goal=RandomGoal(1, 4), days=0.0),
    "forgetting at practice": replace(TASK, simulator=replace(TASK.simulator, forgetting="opportunity")),
    "kss": replace(kss(15), features=ALL_FEATURES, days=0.5),
    "kss locked": replace(kss(15), unlock_after=1),
    "bkt": bkt(steps=20),
    "bkt masked": bkt(mask=True, steps=20),
}


class Notebook:
    """The notes that a tutor of one learner may take, from the definitions."""

    def __init__(self, task, goal, past=()):
        self.task, self.course, skills = task, task.course, task.course.skills
        self.count = {name: dict.fromkeys(skills, 0) for name in ("attempts", "successes", "streak")}
        self.past = {name: dict.fromkeys(skills, 0) for name in ("warmup_right", "warmup_wrong")}
        self.days = dict.fromkeys(skills, 0.0)
        self.given = {
            name: dict.fromkeys(self.course.items, 0.0) for name in ("item_attempts", "item_days_since")
        }
        self.belief = dict(zip(skills, task.beliefs[:, 0], strict=True))
        self.goal = dict(zip(skills, goal, strict=True))
        self.last_item, self.last_correct, self.left = None, 0, 1.0
        for item, correct in past:
            for skill in self.skills_of(item):
                self.past["warmup_right" if correct else "warmup_wrong"][skill] += 1
            self.believe(item, correct, taught=True)
            self.last_item, self.last_correct = item, 1 if correct else -1

    def skills_of(self, item):
        return [self.course.skills[k] for k in np.flatnonzero(self.course.q_matrix[item])]

    def believe(self, item, correct, taught):
        table, skills = self.task.tutor, self.skills_of(item)
        p = {}
        for name in ("learn", "forget", "guess", "slip"):
            p[name] = dict(zip(self.course.skills, np.asarray(getattr(table, name))[0], strict=True))
        shown = {
            k: self.belief[k] * (1 - p["slip"][k]) + (1 - self.belief[k]) * p["guess"][k] for k in skills
        }
        together = math.prod(shown.values())
        for k in skills:
            b, right = self.belief[k], 1 - p["slip"][k]
            if correct == 1:
                b = b * right / shown[k]
            elif correct == 0 and self.task.blame == "each":
                b = b * p["slip"][k] / (1 - shown[k])
            elif correct == 0:
                b = b * (1 - right * together / shown[k]) / (1 - together)
                b = float(np.float32(b)) if len(skills) > 1 else b
            if taught:
                b = b * (1 - p["forget"][k]) + (1 - b) * p["learn"][k]
            self.belief[k] = float(np.float32(min(b, CERTAIN)))  # as an observation holds it

    def see(self, item, correct, taught, left):
        for skill in self.skills_of(item):
            if correct >= 0:
                self.count["attempts"][skill] += 1
                self.count["successes"][skill] += correct
                self.count["streak"][skill] = self.count["streak"][skill] + 1 if correct else 0
            self.days[skill] = 0.0
        name = self.course.items[item]
        self.given["item_attempts"][name] += correct >= 0
        self.given["item_days_since"][name] = 0.0
        if self.task.tutor is not None:
            self.believe(item, correct, taught)
        for skill in self.course.skills:
            self.days[skill] += self.task.days
        for name in self.course.items:
            self.given["item_days_since"][name] += self.task.days
        if taught:
            self.last_item = item
        self.last_correct = 0 if correct < 0 else 1 if correct else -1
        self.left = max(0.0, left)

    def columns(self):
        attempts, successes = self.count["attempts"], self.count["successes"]
        found = {
            **self.count,
            **self.past,
            **self.given,
            "belief": self.belief,
            "goal": self.goal,
            "days_since": self.days,
        }
        found["log_failures"] = {k: math.log1p(attempts[k] - successes[k]) for k in attempts}
        for name in ("attempts", "successes", "warmup_right", "warmup_wrong"):
            found[f"log_{name}"] = {k: math.log1p(n) for k, n in found[name].items()}
        flat = {f"{name}[{k}]": value for name, table in found.items() for k, value in table.items()}
        for i, item in enumerate(self.course.items):
            flat[f"last_item[{item}]"] = i == self.last_item
        return flat | {"last_correct": self.last_correct, "budget_left": self.left}

    def observation(self):
        flat = self.columns()
        return np.array([flat[name] for name in self.task.layout.names], float)

    def unlocked(self, item):
        """True where each prerequisite of the item's skills, but for those it needs, has its successes."""
        needed = np.flatnonzero(self.course.q_matrix[item])
        before = np.flatnonzero(self.course.prerequisites[:, needed].any(axis=1))
        names = [self.course.skills[p] for p in before if p not in needed]
        return all(self.count["successes"][name] >= self.task.unlock_after for name in names)


def notebooks(task, episodes):
    """One notebook a row, with the warm-up that a KSS learner brings."""
    if not isinstance(task.simulator, Kss):
        return [Notebook(task, goal) for goal in episodes.goal]
    luck = identify(task.seeds, episodes.number, Split.EVALUATE, episodes.episode)
    state = task.simulator.empty(episodes.batch)
    past = task.simulator.enrol(state, np.arange(episodes.batch), luck)
    pairs = [
        list(zip(past.item[i, :n].tolist(), past.correct[i, :n].tolist(), strict=True))
        for i, n in enumerate(past.length)
    ]
    return [Notebook(task, goal, pair) for goal, pair in zip(episodes.goal, pairs, strict=True)]


@pytest.mark.parametrize("name", TASKS)
def test_the_history_is_what_a_tutor_would_write_down(name) -> None:
    task = TASKS[name]
    episodes = begun(task, LEARNERS)
    books = notebooks(task, episodes)
    spent, over = np.zeros(LEARNERS), np.zeros(LEARNERS, bool)
    refused = 0
    for action in random_actions(task, LEARNERS, task.horizon):
        offered = np.ones((LEARNERS, task.n_actions), bool)
        if restricts(task.simulator):
            task.simulator.allowed(episodes.state, offered)
        for i, book in enumerate(books):
            np.testing.assert_allclose(episodes.observation[i], book.observation(), atol=2e-6)
            unlocked = [book.unlocked(item) for item in range(task.course.n_items)]
            offered[i, : task.course.n_items] &= unlocked
        assert np.array_equal(episodes.mask, offered)
        episodes.step(action)
        for i, book in enumerate(books):
            if over[i]:
                continue
            stopped = action[i] == task.course.n_items
            if not stopped:
                assert bool(episodes.refused[i]) is not bool(offered[i, action[i]])
                refused += episodes.refused[i]
                spent[i] += 1 if task.steps else task.course.minutes[action[i]]
                correct, left = int(episodes.response.correct[i]), 1 - spent[i] / task.budget
                book.see(int(action[i]), correct, bool(offered[i, action[i]]), left)
            over[i] = stopped or spent[i] >= task.budget
        assert np.array_equal(episodes.over, over)
    assert over.all()
    assert (refused > 0) == task.masked


def test_unlocked_items_stay_unlocked() -> None:
    episodes = begun(LOCKED, 50)
    seen = episodes.mask.copy()
    assert seen.tolist() == [[item == "a1" for item in LOCKED.course.items]] * 50
    for action in random_actions(LOCKED, 50, 25):
        episodes.step(action)
        assert (episodes.mask >= seen).all()
        seen = episodes.mask.copy()
    assert seen.sum() > 200


# Disallowed actions


def test_a_disallowed_action_is_a_no_op_that_costs_the_step() -> None:
    task = replace(LOCKED, days=0.0)
    layout, item, skill = task.layout, task.course.item("e1"), task.course.skill("e")
    episodes = begun(task, 400)
    first = task.course.item("a1")
    episodes.step(np.full(400, first))
    before, state = episodes.memory.copy(), [array.copy() for array in episodes.state]
    assert not episodes.mask[:, item].any()
    outcome = episodes.step(np.full(400, item))
    assert episodes.refused.all()
    assert not outcome.reward.any()
    # the learner answers, and nothing is learned
    assert set(episodes.response.correct) == {0, 1}
    assert all(np.array_equal(now, then) for now, then in zip(episodes.state, state, strict=True))
    # the attempt is recorded, the step is spent, and the last accepted item is the one before
    assert (episodes.memory[:, layout.columns("attempts")][:, skill] == 1).all()
    assert (episodes.memory[:, layout.columns("last_item")].argmax(axis=1) == first).all()
    assert (episodes.luck.step == 2).all()
    # the belief takes the answer but no learning
    belief = before[:, layout.columns("belief")][:, skill].astype(float)
    _, _, _, s, right, wrong, g = task.beliefs[skill]
    answer = episodes.response.correct == 1
    known, unknown = np.where(answer, right, s), np.where(answer, g, wrong)
    after = belief * known / (belief * known + (1 - belief) * unknown)
    np.testing.assert_allclose(episodes.memory[:, layout.columns("belief")][:, skill], after, rtol=1e-6)


def test_strict_tasks_refuse_and_say_what_is_allowed() -> None:
    episodes = begun(replace(LOCKED, strict=True), 3)
    message = r"action of row 1 = 4 \(item e1\): must be allowed: \['a1'.*\]"
    with pytest.raises(InputError, match=message) as error:
        episodes.step(np.array([0, 4, 0]))
    assert "e1" not in str(error.value).split("allowed:")[1]
    assert episodes.luck.step.tolist() == [0, 0, 0]
    episodes.step(np.array([0, 0, 0]))


def test_strict_tasks_let_ended_rows_alone() -> None:
    task = replace(LOCKED, strict=True, stop=True)
    episodes = begun(task, 2)
    episodes.step(np.array([7, 0]))
    episodes.step(np.array([4, 0]))  # row 0 has stopped: its action does not matter
    assert episodes.over.tolist() == [True, False]


@pytest.mark.parametrize("action", [-1, 7, 10**6])
def test_actions_out_of_range(action) -> None:
    with pytest.raises(InputError, match=rf"action of row 2 = {action}: must be a whole number in \[0, 7\)"):
        begun(TASK, 3).step(np.array([0, 0, action]))


def test_a_batch_has_learners() -> None:
    with pytest.raises(InputError, match="batch = 0"):
        Episodes(TASK, 0)


# Ends


def test_stopping() -> None:
    task = replace(TASK, stop=True)
    episodes = begun(task, 3)
    episodes.step(np.array([0, 1, 2]))
    before = episodes.memory.copy()
    outcome = episodes.step(np.array([7, 1, 7]))
    assert outcome.over.tolist() == [True, False, True]
    assert outcome.reward[[0, 2]].tolist() == [0.0, 0.0]
    assert episodes.luck.step.tolist() == [1, 2, 1]  # to stop is not a step
    assert np.array_equal(episodes.memory[[0, 2]], before[[0, 2]])
    assert episodes.mask[:, 7].all()


def test_ended_rows_ignore_what_follows() -> None:
    task = replace(TASK, steps=None, minutes=4.0)
    episodes = begun(task, 2)
    episodes.step(np.array([6, 0]))
    assert episodes.over.tolist() == [True, False]
    before = episodes.memory[0].copy()
    state = [array[0].copy() for array in episodes.state]
    outcome = episodes.step(np.array([1, 1]))
    assert outcome.reward[0] == 0.0
    assert np.array_equal(episodes.memory[0], before)
    assert np.array_equal(episodes.observation[0], before)
    assert all(np.array_equal(a[0], b) for a, b in zip(episodes.state, state, strict=True))


class Changed:
    """A simulator whose every practice is followed by `then(item, luck, response)`."""

    def __init__(self, inner, then) -> None:
        self.inner, self.then = inner, then

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def practise(self, state, item, taught, luck, out) -> None:
        self.inner.practise(state, item, taught, luck, out)
        self.then(item, luck, out)


def test_learners_who_drop_out_do_not_take_the_next_one_along() -> None:
    def quit_at_2(item, luck, out) -> None:
        out.ended[(item >= 0) & (luck.number == 1) & (luck.step == 2)] = True

    task = replace(TASK, simulator=Changed(TASK.simulator, quit_at_2))
    episodes = begun(task, 3)
    for t in range(4):
        over = episodes.step(np.full(3, t)).over
        assert over.tolist() == [False, t >= 2, False]
    assert episodes.luck.step.tolist() == [4, 3, 4]
    episodes.begin(np.array([1]), np.array([5]), np.array([0]), Split.EVALUATE)
    assert not episodes.step(np.full(3, 0)).over.any()


def test_where_nothing_was_asked_nothing_was_attempted() -> None:
    def lecture(item, luck, out) -> None:
        out.correct[luck.step == 1] = -1

    task = replace(TASK, simulator=Changed(TASK.simulator, lecture), days=0.0)
    episodes = begun(task, 60)
    book = [Notebook(task, goal) for goal in episodes.goal]
    for t in range(3):
        episodes.step(np.full(60, 5))
        for i in range(60):
            book[i].see(5, int(episodes.response.correct[i]), True, 1 - (t + 1) / 12)
            np.testing.assert_allclose(episodes.observation[i], book[i].observation(), atol=2e-6)
    attempts = episodes.memory[:, task.layout.columns("attempts")]
    assert attempts.tolist() == [[0.0, 2.0, 2.0, 0.0, 0.0]] * 60
    assert episodes.luck.step.tolist() == [3] * 60


def test_learners_quicker_than_the_course_says_end_at_the_horizon() -> None:
    def quick(item, luck, out) -> None:
        out.minutes[:] = 1e-6

    task = replace(TASK, simulator=Changed(TASK.simulator, quick), steps=None, minutes=6.0)
    episodes = begun(task, 2)
    for t in range(task.horizon):
        assert episodes.step(np.zeros(2, np.int64)).over.tolist() == [t == task.horizon - 1] * 2


def test_days_between_steps() -> None:
    # Regardless of which other columns there are: first wide shared columns, then none at all.
    for features in (("attempts", "days_since", "last_item"), ("attempts", "goal", "streak", "days_since")):
        task = replace(TASK, tutor=None, features=features, days=2.0)
        episodes = begun(task, 2)
        where = task.layout.columns("days_since")
        episodes.step(np.array([0, 4]))
        assert episodes.observation[:, where].tolist() == [[2.0] * 5] * 2
        episodes.step(np.array([1, 5]))
        assert episodes.observation[:, where].tolist() == [[4, 2, 4, 4, 4], [4, 2, 2, 4, 4]]
        assert episodes.state.now.tolist() == [4.0, 4.0]
        if "last_item" in features:
            assert episodes.observation[:, task.layout.columns("last_item")].argmax(axis=1).tolist() == [1, 5]
            assert episodes.observation[:, task.layout.columns("last_item")].sum() == 2


def test_days_cost_mastery() -> None:
    gain = {}
    for days in (0.0, 5.0):
        task = replace(TASK, days=days, features=["attempts"], tutor=None, steps=10)
        episodes = begun(task, 2000)
        for action in random_actions(task, 2000, 10):
            episodes.step(action)
        gain[days] = (episodes.after - episodes.start).mean()
    assert gain[5.0] < gain[0.0] - 0.1


# Rows and copies


def played(task, learners, first=0, steps=None, actions=None):
    """Everything that a run shows, row by row."""
    episodes = begun(task, learners, first)
    actions = (
        random_actions(task, 40, task.horizon)[:, first : first + learners] if actions is None else actions
    )
    found = {"observation": [episodes.observation], "mask": [episodes.mask.copy()]}
    found |= {"reward": [], "over": [], "correct": [], "after": [episodes.after.copy()]}
    for action in actions[:steps]:
        reward, over = episodes.step(action)
        found["observation"].append(episodes.observation)
        found["mask"].append(episodes.mask.copy())
        found["reward"].append(reward.copy())
        found["over"].append(over.copy())
        found["correct"].append(episodes.response.correct.copy())
        found["after"].append(episodes.after.copy())
    state = {f"state.{name}": array for name, array in episodes.state._asdict().items()}
    return {name: np.array(values) for name, values in found.items()} | state


def rows_of(found, rows):
    return {k: v[rows] if k.startswith("state.") else v[:, rows] for k, v in found.items()}


def assert_same(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name


@pytest.mark.parametrize("name", TASKS)
def test_a_row_does_not_depend_on_its_neighbours(name) -> None:
    whole = played(TASKS[name], 40)
    for first, learners in ((0, 1), (39, 1), (11, 7), (17, 23)):
        assert_same(played(TASKS[name], learners, first), rows_of(whole, slice(first, first + learners)))


def test_beginning_some_rows_again_leaves_the_others_alone() -> None:
    task = TASKS["minutes and stop"]
    one, other = begun(task, 20), begun(task, 20)
    actions = random_actions(task, 20, 10)
    for action in actions[:5]:
        one.step(action)
        other.step(action)
    rows = np.array([3, 4, 11])
    one.begin(rows, rows + 100, np.zeros(3, np.int64), Split.EVALUATE)
    rest = np.setdiff1d(np.arange(20), rows)
    for action in actions[5:]:
        for name in ("observation", "mask", "after", "over"):
            assert np.array_equal(getattr(one, name)[rest], getattr(other, name)[rest]), name
        one.step(action)
        other.step(action)
    # and the new rows are who they would be anywhere
    fresh = begun(task, 12, first=100)
    for action in actions[5:]:
        fresh.step(action[:12])
    assert np.array_equal(one.observation[[3, 4, 11]], fresh.observation[[3, 4, 11]])


@pytest.mark.parametrize("name", ["locked", "minutes and stop", "kss", "kss locked"])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_goes_on_as_the_original_would(name, duplicate) -> None:
    task = TASKS[name]
    original = begun(task, 20)
    actions = random_actions(task, 20, 12)
    for action in actions[:4]:
        original.step(action)
    twin = duplicate(original)
    for action in actions[4:]:
        mine, theirs = original.step(action), twin.step(action)
        assert np.array_equal(mine.reward, theirs.reward)
        assert np.array_equal(original.observation, twin.observation)
        assert np.array_equal(original.mask, twin.mask)


@pytest.mark.parametrize("name", TASKS)
def test_a_snapshot_brings_everything_back(name) -> None:
    task = TASKS[name]
    episodes = begun(task, 20)
    actions = random_actions(task, 20, task.horizon)
    for action in actions[:3]:
        episodes.step(action)
    kept = episodes.snapshot()
    first = [episodes.step(action).reward.copy() for action in actions[3:]]
    handed_out = episodes.observation
    copied = handed_out.copy()
    episodes.restore(kept)
    assert np.array_equal(handed_out, copied), "an observation belongs to its receiver"
    again = [episodes.step(action).reward.copy() for action in actions[3:]]
    assert np.array_equal(first, again)
    assert np.array_equal(episodes.observation, copied)


def test_observations_handed_out_are_not_touched_again() -> None:
    episodes = begun(TASK, 5)
    kept = [episodes.observation]
    copies = [kept[0].copy()]
    for action in random_actions(TASK, 5, 12):
        episodes.step(action)
        kept.append(episodes.observation)
        copies.append(episodes.observation.copy())
    assert all(np.array_equal(a, b) for a, b in zip(kept, copies, strict=True))


def test_the_rooms_readme_shows_the_plain_simulator() -> None:
    toy = (SUPPORT / "plain_simulator.py").read_text(encoding="utf-8")
    readme = Path(simulators.__file__).parent / "README.md"
    assert toy.split('"""\n', 1)[1].strip() in readme.read_text(encoding="utf-8")


def test_a_plain_simulator_runs() -> None:
    course = replace(bkt().course, skills=bkt().course.skills)
    task = replace(bkt(steps=15), simulator=Levels(course, fading=0.05), days=0.5, unlock_after=1)
    whole = played(task, 40)
    assert_same(played(task, 9, first=8), rows_of(whole, slice(8, 17)))
    assert whole["reward"].any()


# Compiled and plain


def scenario() -> dict[str, np.ndarray]:
    """A little of everything that is compiled."""
    found = {}
    for name in TASKS:
        if not name.startswith("bkt"):
            task = replace(TASKS[name], seeds=TASKS[name].seeds._replace(population=3))
            shown = played(task, 6, first=2, steps=12)
            found |= {f"{name}/{key}": value for key, value in shown.items()}
    return found


def test_compiled_kernels_do_what_their_source_says(tmp_path) -> None:
    code = (
        "import numba, numpy as np; assert numba.config.DISABLE_JIT; np.seterr(over='ignore')\n"
        f"import sys; sys.path[:0] = {[str(SUPPORT), str(Path(__file__).parent)]!r}\n"
        f"import test_episodes; np.savez({str(tmp_path / 'plain.npz')!r}, **test_episodes.scenario())"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, check=True)
    compiled = scenario()
    with np.load(tmp_path / "plain.npz") as plain:
        assert set(plain) == set(compiled)
        for name in plain:
            if plain[name].dtype.kind in "biu":
                assert np.array_equal(plain[name], compiled[name]), name
            else:
                single = plain[name].dtype == np.float32
                np.testing.assert_allclose(
                    plain[name], compiled[name], rtol=1e-6 if single else 1e-12, atol=1e-12, err_msg=name
                )


def test_the_tutor_may_be_wrong_about_everything() -> None:
    # belief reads the tutor's table alone: other learners, same answers, same beliefs
    task = replace(TASK, simulator=replace(TASK.simulator, rho=1.0, learn_sd=0.0))
    one, other = begun(TASK, 50), begun(task, 50)
    same = np.ones(50, bool)
    for action in random_actions(TASK, 50, 6):
        one.step(action)
        other.step(action)
        same &= one.response.correct == other.response.correct
    assert 5 < same.sum() < 50
    where = TASK.layout.columns("belief")
    assert np.array_equal(one.observation[same, where], other.observation[same, where])
    assert small_parameters().n_draws == 1
