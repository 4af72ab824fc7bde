"""The timing of steps, delays as part of the action, retention tests, and answers that were helped."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from coursewright.agents.label import actions_of
from coursewright.agents.logs import log_of
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.gym import TeachingEnv
from coursewright.envs.rewards import post_test
from coursewright.envs.rollout import rollout
from coursewright.envs.schedule import Fixed, RandomGaps, Sessions
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Luck, Seeds, Split, identify
from small_tasks import begun, small_bkt, small_task


def luck_at(step: int, learners: int = 5) -> Luck:
    luck = identify(Seeds(), np.arange(learners), 0, np.zeros(learners, np.int64))
    luck.step[:] = step
    return luck


def gaps(schedule, steps: int, learners: int = 5) -> np.ndarray:
    """`[steps, learners]`: the pause after each step."""
    out = np.zeros((steps, learners))
    for t in range(steps):
        schedule.gaps(luck_at(t + 1, learners), out[t])
    return out


def test_sessions_pause_after_their_last_step():
    pauses = gaps(Sessions(steps=3, per_day=2, within=0.01), 7)
    assert pauses[:, 0].tolist() == [0.01, 0.01, 0.5, 0.01, 0.01, 0.5, 0.01]
    assert (gaps(Sessions(steps=1, days_between=3.0), 4) == 3.0).all()


def test_random_gaps_have_their_mean_and_belong_to_the_learner():
    pauses = gaps(RandomGaps(mean=2.0), 200, 500)
    assert pauses.mean() == pytest.approx(2.0, abs=4 * 2.0 / np.sqrt(pauses.size))
    assert (pauses[:, :7] == gaps(RandomGaps(mean=2.0), 200, 7)).all()
    assert gaps(RandomGaps(mean=2.0, longest=1.5), 200).max() == 1.5


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Fixed(-1.0), "task.days"),
        (lambda: Sessions(steps=0), "task.days.steps"),
        (lambda: Sessions(steps=2, per_day=0.0), "task.days.per_day"),
        (lambda: Sessions(steps=2, within=np.nan), "task.days.within"),
        (lambda: RandomGaps(mean=np.inf), "task.days.mean"),
        (lambda: replace(small_task(), delays=[1.0, -2.0]), "task.delays[1]"),
        (lambda: replace(small_task(), delays=[1.0, 1.0]), "task.delays"),
    ],
)
def test_bad_times_name_their_field(make, field):
    with pytest.raises(InputError, match=field.replace("[", r"\[").replace(".", r"\.")):
        make()


def walk(task: Task, actions: np.ndarray):
    """Run `actions [steps, learners]`; the days after each step, and the episodes."""
    episodes = begun(task, actions.shape[1])
    days = []
    for action in actions:
        episodes.step(action)
        days.append(episodes.days.copy())
    return np.array(days), episodes


def test_a_chosen_delay_comes_on_top_of_the_schedule():
    task = replace(small_task(), days=0.5, delays=[0.0, 2.0, 10.0])
    n = task.course.n_items
    assert task.n_actions == 3 * n
    assert actions_of(task)[n + 1] == "b1 then 2 days"
    days, episodes = walk(task, np.array([[0, n + 1, 2 * n + 2]] * 2))
    assert days.tolist() == [[0.5, 2.5, 10.5]] * 2
    assert episodes.last.tolist() == [0, 1, 2]
    assert episodes.state.now.tolist() == [1.0, 5.0, 21.0]


def test_one_delay_of_zero_is_the_task_without_delays():
    task = replace(small_task(), days=0.5)
    actions = np.random.default_rng(0).integers(0, task.course.n_items, (12, 9))
    for delays in ([0.0], [0.0, 4.0]):
        with_delays = replace(task, delays=delays)
        (_, one), (_, other) = walk(task, actions), walk(with_delays, actions)
        assert np.array_equal(one.memory, other.memory)
        assert np.array_equal(one.after, other.after)


def test_masks_cover_every_delay_and_the_stop_comes_last():
    task = replace(small_task(), unlock_after=1, delays=[0.0, 1.0], stop=True)
    n = task.course.n_items
    episodes = begun(task, 4)
    assert episodes.mask.shape == (4, 2 * n + 1)
    for _ in range(6):
        episodes.step(np.zeros(4, np.int64))
        assert np.array_equal(episodes.mask[:, :n], episodes.mask[:, n : 2 * n])
        assert episodes.mask[:, -1].all()
    assert (episodes.mask[:, :n].sum(axis=1) > 1).any()
    episodes.step(np.full(4, 2 * n))
    assert episodes.over.all()
    assert (episodes.days == 0.0).all()


def test_observations_stay_within_bounds_with_delays():
    task = replace(small_task(), days=RandomGaps(3.0, longest=9.0), delays=[0.0, 30.0])
    env = TeachingEnv(task)
    rng = np.random.default_rng(1)
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        over = False
        while not over:
            observation, _, over, _, _ = env.step(int(rng.integers(task.n_actions)))
            assert env.observation_space.contains(observation)


def test_a_rollout_records_the_days_and_its_log_has_them():
    task = replace(small_task(), days=Sessions(steps=2, per_day=1), delays=[0.0, 5.0])
    policy = UniformRandom()(task, 0, SilentTracker())
    rolled = rollout(task, policy, 30)
    assert set(np.unique(rolled.days)) == {0.0, 1.0, 5.0, 6.0}
    assert (rolled.item < task.course.n_items).all()
    table = log_of(task, rolled, Split.EVALUATE, "test").table
    time = table["time"].to_numpy().reshape(30, -1)
    pauses = np.diff(time, axis=1)
    expected = rolled.days
    assert pauses == pytest.approx(np.maximum(expected[:, :-1], 1e-6), abs=1e-6)


def forgetful() -> Task:
    """One skill that everybody knows and loses with probability one half a day; no guessing, no slips."""
    certain = BktParameters(prior=[1.0], learn=[0.0], guess=[0.0], slip=[0.0], forget=[0.5])
    return Task(Bkt(Course.of(1), certain), steps=1, features=["attempts"])


@pytest.mark.parametrize("days", [0.0, 1.0, 3.0])
def test_a_retention_test_is_a_test_after_so_many_days(days):
    learners = 20_000
    task = replace(forgetful(), reward=lambda *step: post_test(*step, answers=1, days=days))
    episodes = begun(task, learners)
    kept = episodes.state.until.copy()
    reward, over = episodes.step(np.zeros(learners, np.int64))
    assert over.all()
    p = 0.5**days
    assert reward.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / learners) + 1e-12)
    assert np.array_equal(episodes.state.until, kept), "looking ahead changes nobody"


def test_a_retention_test_refuses_negative_days():
    task = replace(forgetful(), reward=lambda *step: post_test(*step, days=-1.0))
    with pytest.raises(InputError, match=r"reward\.days"):
        begun(task, 2).step(np.zeros(2, np.int64))


@dataclass(frozen=True, eq=False)
class Helped(Bkt):
    """BKT learners whose every answer to item 0 was helped."""

    assists = True

    def practise(self, state, item, taught, luck, out):
        super().practise(state, item, taught, luck, out)
        out.assisted[:] = item == 0


def test_a_helped_answer_is_no_evidence():
    plain = small_bkt()
    helped = Helped(plain.course, plain.parameters, rho=0.3)
    task = replace(small_task(), simulator=helped, unlock_after=1, days=0.0)
    episodes = begun(task, 50)
    columns = task.layout.columns
    before = episodes.memory.copy()
    mask = episodes.mask.copy()
    for _ in range(5):
        episodes.step(np.zeros(50, np.int64))
    for feature in ("attempts", "successes", "streak"):
        assert (episodes.memory[:, columns(feature)][:, 0] == 0.0).all()
    tutor = task.tutor
    belief = before[:, columns("belief")][:, 0].astype(float)
    for _ in range(5):
        belief = belief * (1 - np.asarray(tutor.forget)[0, 0]) + (1 - belief) * tutor.learn[0, 0]
    assert episodes.memory[:, columns("belief")][:, 0] == pytest.approx(belief, abs=1e-6)
    assert np.array_equal(mask, episodes.mask), "nothing is unlocked by helped answers"
    episodes.step(np.ones(50, np.int64))
    assert episodes.memory[:, columns("attempts")][:, 1].sum() == 50
