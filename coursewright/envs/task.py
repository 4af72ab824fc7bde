"""The task: learners, goal, budget, observation, reward and restrictions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

from coursewright.envs.belief import COLUMNS, tutor_table
from coursewright.envs.features import BELIEFS, LOG_PRICE, Feature
from coursewright.envs.layout import Layout
from coursewright.envs.mind import Mind
from coursewright.envs.price import Price, check_price
from coursewright.envs.rewards import mean_gain
from coursewright.envs.schedule import Fixed, Schedule
from coursewright.envs.terms import Terms
from coursewright.envs.view import Reward
from coursewright.errors import reject, whole
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.capabilities import quickest, restricts
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import GOAL, PRICE, Keys, Luck, Seeds, uniform, uniforms
from coursewright.simulators.protocol import Simulator

DEFAULT_FEATURES = (
    "attempts",
    "log_attempts",
    "successes",
    "log_successes",
    "log_failures",
    "streak",
    "belief",
    "goal",
    "last_item",
    "last_correct",
    "budget_left",
)


class RandomGoal(NamedTuple):
    """A goal per learner: between `low` and `high` skills, without replacement."""

    low: int
    high: int

    def draw(self, rows: Ints, luck: Luck, goal: Bools) -> None:
        """Write a goal into `goal [batch, skills]` for each of `rows`, from the learner's own luck."""
        skills = goal.shape[1]
        for i in rows:
            key = luck.learner[i]
            size = self.low + int(uniform(key, 0, GOAL) * (self.high - self.low + 1))
            order = np.argsort([uniform(key, 0, GOAL + 1 + k) for k in range(skills)])
            goal[i] = False
            goal[i, order[:size]] = True


@dataclass(frozen=True, eq=False)
class Task:
    """A teaching task.

    Attributes
    ----------
    simulator : the learners.
    tutor : BKT parameters that the tutor believes in; fitted on training learners' logs, never the
        simulator's own.  Needed for the feature `belief`.
    mind : another learner model, fitted likewise, that the tutor thinks by (see `mind.Mind`); needed for
        the features `expected_mastery`, `chance`, `gain` and `stability` (of memories).
    steps, minutes : the budget; give one.  A step spends its item's minutes; an item that was begun
        within the budget is finished.
    reward : see `rewards`.
    goal : "learner" (each learner's own; all skills for a learner without one), skill names,
        or a `RandomGoal`.
    features : features of the observation: names (see `layout.Layout`), or a `features.Feature` of your own.
    blame : the tutor's account of a wrong answer to an item that needs several skills: "shared" by
        Bayes' rule over all of them, or "each" skill as if asked alone (OATutor's update).
    unlock_after : an item is allowed once each direct prerequisite of its skills (those among its own
        skills apart) has this many successes, and stays allowed; 0: prerequisites restrict nothing.
    days : days that pass after each step, a number or a `schedule.Schedule`; after the last one too, so
        that mastery lost by then is no gain.
    delays : days to wait before the next step, as part of the action: action d * n_items + i is item i and
        then delays[d], on top of the schedule.  Empty: an action is an item.
    stop : True where there is one more action, the last, that ends the episode.
    strict : True where a disallowed action is refused; otherwise it is a no-op that costs the step.
    mastered_at : mastery at or above which a skill counts as mastered.
    price : a charge on the reward for each minute that is spent: a number, or a range [low, high], within
        which each learner has a price, drawn evenly in its logarithm.  A tutor knows it: there is a feature
        `log_price` more.  None: no charge and no feature.
    seeds : the seeds of the learners and of their luck.
    """

    simulator: Simulator[Any]
    tutor: BktParameters | None = None
    mind: Mind[Any] | None = None
    steps: int | None = None
    minutes: float | None = None
    reward: Reward = field(default=mean_gain)
    goal: str | Sequence[str] | RandomGoal = "learner"
    features: Sequence[str | Feature] = DEFAULT_FEATURES
    blame: Literal["shared", "each"] = "shared"
    unlock_after: int = 0
    days: float | Schedule = 0.0
    delays: Sequence[float] = ()
    stop: bool = False
    strict: bool = False
    mastered_at: float = 0.5
    price: Price = None
    seeds: Seeds = field(default_factory=Seeds)

    def __post_init__(self) -> None:
        given = [name for name in ("steps", "minutes") if getattr(self, name) is not None]
        if len(given) != 1:
            raise reject("task.steps, task.minutes", given or "neither", "exactly one budget")
        for name, seed in self.seeds._asdict().items():
            whole(f"seeds.{name}", seed, 0, 2**63 - 1)
        amount = getattr(self, given[0])
        if isinstance(amount, bool) or not isinstance(amount, Real):
            raise reject(f"task.{given[0]}", repr(amount), "a positive, finite number (whole for steps)")
        if not 0 < self.budget < np.inf or (self.steps is not None and int(self.steps) != self.steps):
            raise reject(f"task.{given[0]}", self.budget, "a positive, finite number (whole for steps)")
        if "belief" in self.features and self.tutor is None:
            raise reject("task.tutor", None, "BKT parameters, because task.features holds 'belief'")
        for belief in BELIEFS:
            if belief.name in self.features and self.mind is None:
                raise reject(
                    "tutor", "a table", f"a learner model, because task.features holds {belief.name!r}"
                )
            if belief.name in self.features and self.mind is not None and belief.name not in self.mind.tells:
                kind = type(self.mind).__name__
                told = f"a memory (fsrs, hlr, act_r), because task.features holds {belief.name!r}"
                raise reject("tutor", kind, told)
        if self.tutor is not None and self.tutor.n_skills != self.course.n_skills:
            raise reject(
                "task.tutor", f"{self.tutor.n_skills} skills", f"the course's {self.course.n_skills}"
            )
        if self.blame not in ("shared", "each"):
            raise reject("task.blame", repr(self.blame), "'shared' or 'each'")
        if self.unlock_after < 0 or int(self.unlock_after) != self.unlock_after:
            raise reject("task.unlock_after", self.unlock_after, "a whole number >= 0")
        if self.unlock_after and "successes" not in self.features:
            raise reject("task.features", list(self.features), "a list that holds 'successes' (unlock_after)")
        for place, days in enumerate(self.delays):
            if not 0.0 <= days < np.inf:
                raise reject(f"task.delays[{place}]", days, "a finite number of days >= 0")
        if len(set(self.delays)) < len(self.delays):
            raise reject("task.delays", list(self.delays), "without repetitions")
        if not 0.0 < self.mastered_at <= 1.0:
            raise reject("task.mastered_at", self.mastered_at, "a probability in (0, 1]")
        check_price(self.price, self.features)
        if (
            isinstance(self.goal, RandomGoal)
            and not 1 <= self.goal.low <= self.goal.high <= self.course.n_skills
        ):
            raise reject("task.goal", self.goal, f"1 <= low <= high <= {self.course.n_skills}")
        _ = self.layout, self.schedule
        wanted = np.ones(self.course.n_skills, bool) if self.fixed_goal is None else self.fixed_goal
        idle = np.flatnonzero(wanted & (np.diff(self.course.items_of.start) == 0))
        if len(idle):
            raise reject("task.goal", self.course.skills[idle[0]], "of skills that have an item")

    def __repr__(self) -> str:
        """One line: the budget, the learners, and the course."""
        amount = f"{self.steps} steps" if self.steps is not None else f"{self.minutes} minutes"
        course, learners = self.course, type(self.simulator).__name__
        return f"<Task: {amount}, {learners} learners, {course.n_skills:,} skills, {course.n_items:,} items>"

    @property
    def course(self) -> Course:
        """The learners' course."""
        return self.simulator.course

    @property
    def kind(self) -> Literal["knowledge", "memory", "content"]:
        """Memory where days pass, content where items are of several kinds or formats, else knowledge."""
        if self.longest_gap > 0.0:
            return "memory"
        several = len(set(self.course.kind)) > 1 or len(set(self.course.format)) > 1
        return "content" if several else "knowledge"

    @property
    def budget(self) -> float:
        """The budget in steps, or in minutes where the task counts those."""
        return float(self.steps if self.steps is not None else self.minutes or 0.0)

    @property
    def horizon(self) -> int:
        """The largest number of steps that an episode can have."""
        if self.steps is not None:
            return int(self.steps)
        return int(np.ceil(self.budget / quickest(self.simulator)))

    @property
    def n_actions(self) -> int:
        """One action per item, or per item and delay; and one more with `stop`."""
        return self.course.n_items * max(len(self.delays), 1) + int(self.stop)

    @cached_property
    def schedule(self) -> Schedule:
        """The days that pass after each step, apart from chosen delays."""
        if isinstance(self.days, int | float):
            return Fixed(float(self.days))
        if not isinstance(self.days, Schedule):
            raise reject("task.days", repr(self.days), "a number of days or a schedule")
        return self.days

    @property
    def longest_gap(self) -> float:
        """The most days that can pass between two steps."""
        return self.schedule.longest + max(self.delays, default=0.0)

    def showing(self, *features: str) -> "Task":
        """The same task with these features as well."""
        more = [name for name in features if name not in self.layout.features]
        return replace(self, features=[*self.features, *more]) if more else self

    def item_of(self, action: Ints) -> Ints:
        """The item `[batch]` of each action; -1 for the stop action."""
        n_items = self.course.n_items
        stops = self.stop & (action == self.n_actions - 1)
        return np.asarray(np.where(stops, -1, action % n_items))

    def prices(self, key: Keys) -> Floats | None:
        """The prices `[rows]` of learners with these keys, even in their logarithm; None without a range."""
        if not isinstance(self.price, Sequence):
            return None
        draw = np.empty(len(key))
        uniforms(key, np.zeros(len(key), np.int64), PRICE, draw)
        low, high = np.log(self.price)
        return np.asarray(np.exp(low + draw * (high - low)))

    @property
    def masked(self) -> bool:
        """True where some action may be disallowed."""
        return restricts(self.simulator) or self.unlock_after > 0

    @cached_property
    def layout(self) -> Layout:
        """The named columns of the observation."""
        priced = self.price is not None and LOG_PRICE.name not in self.features
        return Layout.of(self.course, [*self.features, *([LOG_PRICE.name] if priced else [])])

    @cached_property
    def fixed_goal(self) -> Bools | None:
        """`[skills]` where the task names the goal, None where it differs between learners."""
        if isinstance(self.goal, RandomGoal) or self.goal == "learner":
            return None
        goal = np.zeros(self.course.n_skills, bool)
        names = [self.goal] if isinstance(self.goal, str) else self.goal
        for name in names:
            goal[self.course.skill(name)] = True
        if not goal.any():
            raise reject("task.goal", list(names), "at least one skill")
        return goal

    @cached_property
    def beliefs(self) -> Floats:
        """The tutor's table for kernels (see `belief.tutor_table`), zeros without a tutor."""
        if self.tutor is None:
            return np.zeros((self.course.n_skills, COLUMNS))
        table = self.tutor
        forget = np.asarray(table.forget)[0]
        return tutor_table(table.prior[0], table.learn[0], forget, table.guess[0], table.slip[0])

    @cached_property
    def terms(self) -> Terms:
        """The task without its learners: all that a tutor's records need (`record.Records`)."""
        return Terms(
            course=self.course,
            layout=self.layout,
            tutor=self.beliefs,
            mind=self.mind,
            shared_blame=self.blame == "shared",
            unlock_after=int(self.unlock_after),
            delays=max(len(self.delays), 1),
            stop=self.stop,
            budget=self.budget,
            by_minutes=self.minutes is not None,
            horizon=self.horizon,
            price=self.price,
        )
