"""Recall as a task, and the rules that keep it high."""

import math
from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.planners.oracle_threshold import OracleThreshold
from coursewright.agents.schedulers.informed_threshold import InformedThreshold
from coursewright.agents.schedulers.leitner import Leitner
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tuning import CHANCES
from coursewright.envs.policy import Oracle
from coursewright.envs.rewards import mean_log_recall, mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.schedule import RandomGaps
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.dhp import Dhp
from coursewright.simulators.memory.laws import DeepTutorDash, DeepTutorHlr, Efc
from memory_learners import chances, enrolled, step
from small_tasks import begun, random_actions

TRACKER = SilentTracker()
FEATURES = ("attempts", "successes", "days_since", "last_item", "last_correct", "budget_left")


def recall_task(law=None, items=6, reward=mean_recall, **changes) -> Task:
    simulator = DeepTutor(law or Efc(), Course.of(items))
    return Task(
        **{"simulator": simulator, "steps": 40, "days": 5.0, "reward": reward, "features": FEATURES} | changes
    )


RULES = {
    "informed": lambda task: InformedThreshold(recall=0.3, draws=5)(task, 0, TRACKER),
    "oracle": lambda task: OracleThreshold(recall=0.3)(task, 0, TRACKER),
    "leitner": lambda task: Leitner(arrival=0.4)(task, 0, TRACKER),
    "sm2": lambda task: Sm2()(task, 0, TRACKER),
}


# Rewards


@pytest.mark.parametrize(
    ("reward", "of"), [(mean_recall, lambda p: p), (mean_log_recall, lambda p: np.log(1e-9 + p))]
)
def test_a_step_pays_recall_after_its_days(reward, of) -> None:
    task = recall_task(reward=reward)
    episodes = begun(task, 50)
    state, luck = enrolled(task.simulator, 50)
    paid = []
    for action in random_actions(task, 50, 40):
        paid.append(episodes.step(action).reward)
        step(task.simulator, state, luck, action, days=5.0)
        p = chances(task.simulator, state)
        assert (p[np.arange(50), action] == 1.0).all()  # the item just shown has age 0
        np.testing.assert_allclose(paid[-1], of(p).mean(axis=1), rtol=1e-5)


def test_only_the_goal_counts() -> None:
    task = recall_task(Efc(decay=0.1, decay_sd=0.0), goal=["1", "4"], steps=8)
    episodes = begun(task, 3)
    outcome = episodes.step(np.full(3, 1))
    p = chances(task.simulator, episodes.state)
    np.testing.assert_allclose(outcome.reward, (1.0 + p[:, 4]) / 2, rtol=1e-6)


def test_nothing_remembered_costs_the_log_of_1e_9() -> None:
    task = recall_task(reward=mean_log_recall, simulator=Dhp(Course.of(2)), steps=1)
    outcome = begun(task, 1).step(np.array([0]))
    p = 2.0 ** (-5 / -(1 / np.log2(0.925 - 0.05 * np.arange(1, 11))))  # by difficulty, after five days
    expected = (np.log(1e-9 + p) + math.log(1e-9)) / 2
    assert np.abs(expected - outcome.reward[0]).min() < 1e-5


# Rules


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("law", [Efc(), DeepTutorHlr(), DeepTutorDash(window=7)])
def test_rows_do_not_depend_on_the_batch(name, law) -> None:
    task = recall_task(law)
    policy = RULES[name](task)
    assert isinstance(policy, Oracle) == (name == "oracle")
    together, apart = rollout(task, policy, 30), rollout(task, policy, 30, chunk=7)
    assert (together.item == apart.item).all()
    assert len(np.unique(together.item)) == 6


@pytest.mark.parametrize("name", RULES)
def test_rules_choose_what_is_allowed_and_change_nothing_they_were_given(name) -> None:
    task = recall_task()
    policy = RULES[name](task)
    episodes = begun(task, 9)
    if isinstance(policy, Oracle):
        policy.watch(episodes)
    mask = np.random.default_rng(1).random((9, 6)) < 0.4
    mask[:, 3] = True
    state = None
    for start in (np.ones(9, bool), np.zeros(9, bool), np.arange(9) == 4):
        first, after = policy.predict(episodes.observation, state, start, True, mask)
        again, _ = policy.predict(episodes.observation, state, start, True, mask)
        assert (first == again).all()
        assert mask[np.arange(9), first].all()
        state = after
        episodes.step(first)


@pytest.mark.parametrize("name", ["informed", "oracle", "sm2"])  # Leitner's draws go on with the turns
def test_a_new_episode_starts_from_nothing(name) -> None:
    # A row that begins anew chooses as the same learner alone: its earlier events do not matter.
    task = recall_task()
    policy = RULES[name](task)
    episodes = begun(task, 4)
    if isinstance(policy, Oracle):
        policy.watch(episodes)
    state = policy.begin(episodes.luck)
    for t in range(10):
        item, state = policy.predict(episodes.observation, state, np.full(4, t == 0))
        episodes.step(item)
    rows, none = np.array([1, 2]), np.zeros(2, np.int64)
    episodes.begin(rows, np.array([21, 22]), none, Split.EVALUATE)
    start = np.array([False, True, True, False])
    items = []
    for _ in range(12):
        item, state = policy.predict(episodes.observation, state, start)
        items.append(item[rows])
        episodes.step(item)
        start = np.zeros(4, bool)
    assert (rollout(task, policy, 2, first=21).item[:, :12] == np.array(items).T).all()


def test_the_oracle_takes_what_is_nearest_and_the_weakest_at_0() -> None:
    task = recall_task(items=8)
    episodes = begun(task, 200)
    for aim in (0.0, 0.4):
        policy = OracleThreshold(recall=aim)(task, 0, TRACKER)
        policy.watch(episodes)
        item, _ = policy.predict(episodes.observation)
        away = np.abs(chances(task.simulator, episodes.state) - aim)
        assert (away[np.arange(200), item] == away.min(axis=1)).all()
    with pytest.raises(InputError, match="watch"):
        OracleThreshold(recall=0.5)(task, 0, TRACKER).predict(episodes.observation)


@pytest.mark.slow
def test_targets_are_tuned_on_the_reward_at_hand() -> None:
    for reward, best in ((mean_recall, 0.25), (mean_log_recall, 0.0)):
        task = replace(recall_task(items=30, reward=reward), steps=200)
        policy = OracleThreshold(learners=40)(task, 0, TRACKER)
        assert policy.policy.rule.recall == best
        assert len(policy.policy.tuned.trials) == len(CHANCES)
        assert max(policy.policy.tuned.trials, key=lambda trial: trial.score).setting == f"recall={best:g}"


def test_the_informed_rule_believes_what_bayes_says() -> None:
    # One learner, two items, and the posterior mean worked out over the same candidates by hand.
    task = recall_task(DeepTutorHlr(), items=2, steps=10)
    policy = InformedThreshold(recall=0.5, draws=4)(task, 0, TRACKER)
    episodes = begun(task, 1)
    belief = policy.begin(episodes.luck)
    candidates, luck = (
        policy.begin(episodes.luck).memory.candidates,
        identify(Seeds(), np.arange(4), 0, np.zeros(4, np.int64)),
    )
    weight = np.full((4, 2), 0.25)
    for _ in range(10):
        item, belief = policy.predict(episodes.observation, belief)
        p = chances(task.simulator, candidates)
        expected = (weight * p).sum(axis=0)
        assert item[0] == np.abs(expected - 0.5).argmin()
        np.testing.assert_allclose((belief.memory.weight * belief.memory.p).sum(axis=0), expected, rtol=1e-9)
        episodes.step(item)
        right = int(episodes.response.correct[0])
        weight[:, item[0]] *= p[:, item[0]] if right else 1 - p[:, item[0]]
        weight /= weight.sum(axis=0)
        task.simulator.learn(candidates, np.full(4, item[0]), np.ones(4, bool), np.full(4, right))
        task.simulator.elapse(candidates, np.full(4, 5.0), luck)


def test_the_informed_rule_learns_who_the_learner_is() -> None:
    task = recall_task(Efc(decay_sd=2.0), items=4, steps=60)
    policy = InformedThreshold(recall=0.0, draws=64)(task, 0, TRACKER)
    episodes = begun(task, 300)
    belief = policy.begin(episodes.luck)
    prior = np.log(belief.memory.candidates.trait).mean(axis=0)
    for _ in range(60):
        item, belief = policy.predict(episodes.observation, belief)
        episodes.step(item)
    logs = np.log(belief.memory.candidates.trait).reshape(300, 64, 4)
    weight = belief.memory.weight.reshape(300, 64, 4)
    found, truth = (weight * logs).sum(axis=1), np.log(episodes.state.trait)
    assert np.mean((found - truth) ** 2) < 0.3 * np.mean((prior - truth) ** 2)


def test_rules_follow_the_calendar() -> None:
    task = recall_task(days=RandomGaps(mean=2.0), steps=30)
    informed, plan = RULES["informed"](task), Sm2()(task, 0, TRACKER)
    episodes = begun(task, 40)
    belief, kept, now = informed.begin(episodes.luck), plan.begin(episodes.luck), np.zeros(40)
    for _ in range(30):
        item, belief = informed.predict(episodes.observation, belief)
        _, kept = plan.predict(episodes.observation, kept)
        np.testing.assert_allclose(
            belief.memory.candidates.now.reshape(40, -1), np.repeat(now[:, None], 5, axis=1), rtol=1e-6
        )
        np.testing.assert_allclose(kept.memory.now, now, rtol=1e-6)
        kept = kept._replace(item=item)
        episodes.step(item)
        now += episodes.days
    assert now.std() > 1.0


UNASKED = 0.0


def watch_answers(policy, task, answers):
    """Items that a rule asks one learner who answers so."""
    seen = np.zeros((1, task.layout.width), np.float32)
    luck = identify(Seeds(), np.arange(1), Split.EVALUATE, np.zeros(1, np.int64))
    state, items = policy.begin(luck), []
    for answer in [*answers, None]:
        item, state = policy.predict(seen, state, np.full(1, not items))
        items.append(int(item[0]))
        if answer is not None:
            seen[:, task.layout.columns("last_correct")] = answer if answer is UNASKED else 2.0 * answer - 1.0
            seen[:, task.layout.columns("days_since")] = task.days
    return items, state


def test_sm2_intervals() -> None:
    # One item, asked every day: intervals of 1, 6 and 6 x 2.5 days; a wrong answer starts it anew.
    task = recall_task(items=1, days=1.0)
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [True, True, True])
    assert (state.memory.own.interval[0, 0], state.memory.due[0, 0], state.memory.own.ease[0, 0]) == (
        15.0,
        17.0,
        2.5,
    )
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [True, True, False])
    assert (state.memory.own.interval[0, 0], state.memory.due[0, 0]) == (1.0, 3.0)
    assert state.memory.own.ease[0, 0] == pytest.approx(2.5 + 0.1 - 3 * (0.08 + 3 * 0.02))
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [False, True, True, True])
    assert state.memory.own.interval[0, 0] == pytest.approx(6 * 2.18)
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [False] * 9)
    assert state.memory.own.ease[0, 0] == 1.3


def test_sm2_takes_nothing_from_what_asks_nothing() -> None:
    # A new item that was only shown comes back after the first interval; a known one after its own.
    task = recall_task(items=1, days=1.0)
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [UNASKED])
    assert (state.memory.own.passed[0, 0], state.memory.own.interval[0, 0], state.memory.due[0, 0]) == (
        0,
        1.0,
        1.0,
    )
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [True, True, UNASKED])
    assert (state.memory.own.passed[0, 0], state.memory.own.interval[0, 0], state.memory.due[0, 0]) == (
        2,
        6.0,
        8.0,
    )
    assert state.memory.own.ease[0, 0] == 2.5
    _, state = watch_answers(Sm2()(task, 0, TRACKER), task, [UNASKED, True])
    assert (state.memory.own.passed[0, 0], state.memory.own.interval[0, 0]) == (1, 1.0)


def test_leitner_takes_nothing_from_what_asks_nothing() -> None:
    # An item that was only shown stays in its box and goes to the end of the queue.
    task = recall_task(items=3)
    eager = Leitner(arrival=1.0)(task, 0, TRACKER)
    items, state = watch_answers(eager, task, [UNASKED, UNASKED, True, UNASKED])
    assert items == [0, 1, 2, 0, 1]
    assert state.memory.box.tolist() == [[0, 0, 1]]


def test_the_informed_rule_takes_nothing_from_what_asks_nothing() -> None:
    task = recall_task(items=2)
    _, state = watch_answers(RULES["informed"](task), task, [UNASKED])
    assert (state.memory.weight == 1 / 5).all()
    assert (state.memory.candidates.now == 5.0).all()


def test_sm2_reviews_what_is_due_before_what_is_new() -> None:
    task = recall_task(items=3, days=1.0)
    items, _ = watch_answers(Sm2(new_first=False)(task, 0, TRACKER), task, [True] * 4)
    # day 0: item 0, due on day 1 and then on day 7; day 2: item 1, due on day 3, then on day 9
    assert items == [0, 0, 1, 1, 2]
    items, _ = watch_answers(Sm2(new_first=False)(task, 0, TRACKER), task, [False] * 4)
    assert items == [0, 0, 0, 0, 0]
    items, _ = watch_answers(Sm2()(task, 0, TRACKER), task, [False, True, True, True])
    assert items == [0, 1, 2, 0, 1]
    two = recall_task(items=2, days=1.0)
    items, _ = watch_answers(Sm2(new_first=False)(two, 0, TRACKER), two, [True] * 5)
    assert items == [0, 0, 1, 1, 0, 1]  # nothing is due on day 4: the item of day 7 is due soonest


def test_leitner_boxes() -> None:
    task = recall_task(items=3)
    eager = Leitner(arrival=1.0)(task, 0, TRACKER)
    items, state = watch_answers(eager, task, [True, False, True])
    assert items[:3] == [0, 1, 2]
    assert state.memory.box.tolist() == [[1, 1, 1]]
    shy = Leitner(arrival=0.0)(task, 0, TRACKER)  # a first item must come from somewhere
    items, state = watch_answers(shy, task, [True] * 5)
    assert items == [0] * 6
    assert state.memory.box.tolist() == [[5, 0, 0]]
    _, state = watch_answers(shy, task, [True] * 4 + [False] * 2)
    assert state.memory.box.tolist() == [[2, 0, 0]]
    _, state = watch_answers(shy, task, [False] * 4)
    assert state.memory.box.tolist() == [[1, 0, 0]]


def test_leitner_draws_boxes_in_proportion_and_takes_the_oldest() -> None:
    task = recall_task(items=5)
    policy = Leitner(arrival=0.25)(task, 0, TRACKER)
    n = 40_000
    luck = identify(Seeds(), np.arange(n), Split.EVALUATE, np.zeros(n, np.int64))
    state = policy.begin(luck)
    state.memory.box[:] = [0, 1, 1, 4, 4]
    state.memory.since[:] = [0, 7, 3, 2, 9]
    item, _ = policy.predict(np.zeros((n, task.layout.width), np.float32), state)
    expected = np.array([0.25, 0, 0.5, 0.25, 0])  # .75 is shared 1 : 1/sqrt(4)
    share = np.bincount(item, minlength=5) / n
    assert (np.abs(share - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)).all()


def test_arrival_is_tuned() -> None:
    policy = Leitner(learners=50)(recall_task(steps=30), 0, TRACKER)
    assert policy.rule.arrival == 0.9  # six items, thirty steps: unseen items fade
    assert len(policy.tuned.trials) == 8


@pytest.mark.parametrize("rule", [InformedThreshold(), Leitner(), Sm2()])
def test_a_task_without_answers_is_refused(rule) -> None:
    with pytest.raises(InputError, match="last_correct"):
        rule(recall_task(features=("attempts",)), 0, TRACKER)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda task: InformedThreshold(recall=1.5)(task, 0, TRACKER), "agent.recall = 1.5"),
        (lambda task: InformedThreshold(recall=0.5, draws=0)(task, 0, TRACKER), "agent.draws = 0"),
        (lambda task: OracleThreshold(learners=0)(task, 0, TRACKER), "agent.learners = 0"),
        (lambda task: Leitner(arrival=-0.1)(task, 0, TRACKER), "agent.arrival = -0.1"),
        (lambda task: Leitner(learners=0)(task, 0, TRACKER), "agent.learners = 0"),
    ],
)
def test_wrong_options_are_named(make, field) -> None:
    with pytest.raises(InputError, match=field):
        make(recall_task())


def test_informed_recall_needs_a_memory_model() -> None:
    simulator = Bkt(Course.of(1), BktParameters([0.2], [0.2], [0.2], [0.1]))
    with pytest.raises(InputError, match="memory model"):
        InformedThreshold(recall=0.5)(recall_task(simulator=simulator), 0, TRACKER)


def test_a_chance_called_learn_makes_no_memory_model():
    from coursewright.simulators.knowledge.knowledge_space import KnowledgeSpace

    task = Task(simulator=KnowledgeSpace(Course.of(3)), steps=4, features=FEATURES)
    assert isinstance(task.simulator.learn, float)
    with pytest.raises(InputError, match="of informed_threshold = KnowledgeSpace: must be a memory model"):
        InformedThreshold()(task)
