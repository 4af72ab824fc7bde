"""Linear bandits across learners: an arm's worth is linear in the features that a tutor sees.

Arms are skills, with a model each ("disjoint", Li, Chu, Langford & Schapire, WWW 2010):

    A = ridge I + sum of x x',    b = sum of r x,    theta = A^-1 b

The context x of an arm holds 1, the features of its skill (scaled as for a network), and those shared by all;
features of items are left out.  A^-1 is kept by Sherman and Morrison's formula and computed anew
from A every `ANEW` updates, since rounding adds up.

An episode's pulls are paid when a whole batch of learners has been taught: A and b do not change before.
So the result depends on the size of the batch.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from coursewright.agents.bandits.arms import best_arm, open_arms
from coursewright.agents.choosing import keep_skill
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import Tracker
from coursewright.agents.training_learners import first_learner
from coursewright.envs.episodes import Episodes
from coursewright.envs.layout import Layout
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import Luck, Split

ANEW = 1000  # updates after which A^-1 is computed from A


class Linear(NamedTuple):
    """The models of all arms.

    `a` and its `inverse` are `[skills, d, d]`, `b` and `theta` are `[skills, d]`, `pulls` counts the updates
    `[skills]`.
    """

    a: Floats
    inverse: Floats
    b: Floats
    theta: Floats
    pulls: Ints


def untaught(skills: int, d: int, ridge: float) -> Linear:
    """Models that have seen nothing: A = ridge I."""
    eye = np.tile(np.eye(d), (skills, 1, 1))
    return Linear(
        ridge * eye, eye / ridge, np.zeros((skills, d)), np.zeros((skills, d)), np.zeros(skills, np.int64)
    )


@kernel
def _update(arm: Ints, x: Floats, reward: Floats, model: Linear, moved: Floats) -> None:
    """Sherman and Morrison: A^-1 -= (A^-1 x)(A^-1 x)' / (1 + x' A^-1 x); `moved [d]` is scratch space."""
    d = x.shape[1]
    for n in range(arm.shape[0]):
        k = arm[n]
        more = 1.0
        for i in range(d):
            moved[i] = 0.0
            for j in range(d):
                moved[i] += model.inverse[k, i, j] * x[n, j]
            more += x[n, i] * moved[i]
        for i in range(d):
            model.b[k, i] += reward[n] * x[n, i]
            for j in range(d):
                model.a[k, i, j] += x[n, i] * x[n, j]
                model.inverse[k, i, j] -= moved[i] * moved[j] / more
        model.pulls[k] += 1


def learn(model: Linear, arm: Ints, x: Floats, reward: Floats) -> None:
    """Take in pulls in order: `arm [n]`, its context `x [n, d]`, its `reward [n]`; then theta follows."""
    for begin in range(0, len(arm), ANEW):
        part = slice(begin, begin + ANEW)
        _update(arm[part], x[part], reward[part], model, np.empty(x.shape[1]))
        if len(arm[part]) == ANEW:
            model.inverse[:] = np.linalg.inv(model.a)
    model.theta[:] = (model.inverse @ model.b[:, :, None])[:, :, 0]


def contexts(layout: Layout, observation: Observation) -> Floats:
    """The context of every arm, `[batch, skills, d]`: 1, its skill's features, the shared ones."""
    batch, skills, stride = len(observation), len(layout.skills), layout.stride
    named = [layout.names[k] for k in (*range(stride), *range(layout.shared, layout.width))]
    out = np.ones((batch, skills, 1 + len(named)))
    out[:, :, 1 : 1 + stride] = observation[:, : skills * stride].reshape(batch, skills, stride)
    out[:, :, 1 + stride :] = observation[:, None, layout.shared :]
    for place, name in enumerate(named, 1):
        scale, column = layout.record(name.partition("[")[0]).scale, out[:, :, place]
        column[:] = np.log1p(column) if scale.logged else np.minimum(column, scale.cap) * scale.factor
    return out


class Explores(Protocol):
    """The addition to an arm's expected reward that makes a training bandit try it."""

    def __call__(self, seen: Seen, spread: Floats) -> Floats:
        """`[batch, skills]`, from `spread`, shaped alike: sqrt(x' A^-1 x)."""
        ...


def none_at_all(seen: Seen, spread: Floats) -> Floats:
    """No exploration: the choice of a bandit that has been trained."""
    return np.zeros_like(spread)


class Pulled(NamedTuple):
    """The `arm [batch]` pulled last (-1: none), and its context `x [batch, d]`."""

    arm: Ints
    x: Floats


@dataclass(frozen=True, eq=False)
class LinearRule:
    """Pulls the open arm with the highest theta' x plus exploration, and asks one of its allowed items."""

    task: Task
    model: Linear
    explores: Explores = none_at_all
    needs: ClassVar[tuple[str, ...]] = ("goal",)

    def begin(self, luck: Luck) -> Pulled:
        """No arm pulled yet."""
        batch = len(luck.fate)
        return Pulled(np.full(batch, -1, np.int64), np.zeros((batch, self.model.b.shape[1])))

    def choose(self, seen: Seen, memory: Pulled) -> tuple[Ints, Pulled]:
        """Items `[batch]`."""
        course, model = self.task.course, self.model
        x = contexts(self.task.layout, seen.observation)
        score = np.einsum("ikd,kd->ik", x, model.theta)
        if self.explores is not none_at_all:
            variance = np.einsum("kid,kid->ik", np.einsum("ikd,kde->kie", x, model.inverse), x.swapaxes(0, 1))
            score += self.explores(seen, np.sqrt(np.maximum(variance, 0.0)))
        arms = np.empty(score.shape, bool)
        open_arms(seen.toward, course.items_of, seen.allowed, arms)
        best_arm(score, arms, course.order, memory.arm)
        memory.x[:] = x[np.arange(len(x)), memory.arm]
        items = np.zeros_like(seen.allowed)
        keep_skill(memory.arm, course.items_of, seen.allowed, items)
        return seen.draw(items, index=2 * course.n_skills), memory


class Plan(NamedTuple):
    """The plan of a training: so many training learners, a batch at a time, each batch with new numbers.

    A pull is paid by the step's reward, and by later ones times `discount` a step: 0 pays progress at once,
    1 pays the rest of the return, a post-test included.
    """

    learners: int
    batch: int
    discount: float
    ridge: float


class Lesson(NamedTuple):
    """The pulls of a batch, `[n]` in the order of steps and then learners, and the mean return."""

    arm: Ints
    x: Floats
    worth: Floats
    returned: float


def train(task: Task, plan: Plan, explores: Explores, seed: int, tracker: Tracker) -> tuple[Linear, int]:
    """The models after all batches, and the number of steps.

    Rewards are divided by their standard deviation in the first batch, so that the exploration has the same
    meaning in every task.
    """
    d = contexts(task.layout, np.zeros((1, task.layout.width), np.float32)).shape[2]
    model, first = untaught(task.course.n_skills, d, plan.ridge), first_learner(seed)
    unit, steps = 0.0, 0
    for begin in range(0, plan.learners, plan.batch):
        numbers = np.arange(begin, min(begin + plan.batch, plan.learners)) + first
        policy = RulePolicy("a linear bandit", task, LinearRule(task, model, explores))
        lesson = taught(task, policy, numbers, plan.discount)
        if not len(lesson.arm):  # nobody was allowed anything
            continue
        unit = unit or float(lesson.worth.std()) or 1.0
        learn(model, lesson.arm, lesson.x, lesson.worth / unit)
        steps += len(lesson.arm)
        tracker.log({"train/return": lesson.returned}, steps)
    return model, steps


def taught(task: Task, policy: RulePolicy, numbers: Ints, discount: float) -> Lesson:
    """Teach these training learners one episode each."""
    batch = len(numbers)
    episodes = Episodes(task, batch)
    episodes.begin(np.arange(batch), numbers, np.zeros(batch, np.int64), Split.TRAIN)
    state, started = policy.begin(episodes.luck), np.ones(batch, bool)
    pulls: list[tuple[Ints, Floats, Floats, Bools]] = []
    while len(pulls) < task.horizon and not episodes.over.all():
        active = ~episodes.over
        action, state = policy.predict(episodes.observation, state, started, True, episodes.mask)
        reward, _ = episodes.step(action)
        gained = np.where(active, reward, 0.0)
        pulls.append((state.memory.arm.copy(), state.memory.x.copy(), gained, active))
        started = np.zeros(batch, bool)
    arm, x, worth, active = (np.array(column) for column in zip(*pulls, strict=True))
    returned = float(worth.sum(axis=0).mean())
    for step in range(len(worth) - 2, -1, -1):
        worth[step] += discount * worth[step + 1]
    kept = active & (arm >= 0)
    return Lesson(arm[kept], np.ascontiguousarray(x[kept]), worth[kept], returned)
