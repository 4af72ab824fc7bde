"""Rules that ignore what the learner answers: random, round-robin, and a fixed share for each skill."""

from dataclasses import dataclass

from coursewright.agents.choosing import Turns, allowed_items, first_turns, next_items, uniform_items, unnamed
from coursewright.agents.rules.in_order import Order, SkillRule, skill_order
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.luck import Luck


@dataclass(frozen=True)
class UniformRandom:
    """A uniform action (never the stop): of all, or, with `respects_mask`, of the allowed ones."""

    n_actions: int
    respects_mask: bool

    def begin(self, luck: Luck) -> Turns:
        """No turn taken."""
        return first_turns(luck)

    def predict(
        self,
        observation: Observation,
        state: Turns | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Turns]:
        """Items `[batch]`; nothing of the observation is read."""
        batch = len(observation)
        turns = self.begin(unnamed(batch)) if state is None else state
        mask = action_masks if self.respects_mask else None
        item = uniform_items(turns, allowed_items(mask, batch, self.n_actions))
        return item, turns.after(item)


@dataclass(frozen=True)
class RoundRobin:
    """The next allowed item in the course's order, starting again after the last one."""

    n_items: int
    respects_mask: bool = True

    def begin(self, luck: Luck) -> Turns:
        """No turn taken."""
        return first_turns(luck)

    def predict(
        self,
        observation: Observation,
        state: Turns | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Turns]:
        """Items `[batch]`; nothing of the observation is read."""
        batch = len(observation)
        turns = self.begin(unnamed(batch)) if state is None else state
        last = turns.item.copy()
        if episode_start is not None:
            last[episode_start] = -1
        item = next_items(last, allowed_items(action_masks, batch, self.n_items))
        return item, turns.after(item)


def uniform_random(task: Task, seed: int, tracker: Tracker) -> UniformRandom:
    """Any item, allowed or not: a disallowed choice costs the step and teaches nothing."""
    return UniformRandom(task.n_actions - task.stop, respects_mask=False)


def random_legal(task: Task, seed: int, tracker: Tracker) -> UniformRandom:
    """Any allowed item."""
    return UniformRandom(task.n_actions - task.stop, respects_mask=True)


def round_robin(task: Task, seed: int, tracker: Tracker) -> RoundRobin:
    """Every allowed item in turn, whatever the goal."""
    return RoundRobin(task.course.n_items)


def topological(task: Task, seed: int, tracker: Tracker) -> SkillRule:
    """The goal skills in prerequisite order, ceil(T / number of goal skills) practices each.

    T is the largest number of steps that an episode can have.  Without a graph the order is by the
    tutor's P(L0), the highest first.  Where no goal skill with practices left is allowed, the first
    allowed prerequisite of one is practised, on the same terms; where there is none either, a
    uniform allowed item.

    Raises `InputError` where there is neither a graph nor a tutor, and where the task lacks the
    features `attempts` and `goal`.
    """
    order: Order = "topological" if task.course.prerequisites.any() else "highest_prior"
    return SkillRule(
        name="topological",
        task=task,
        feature="attempts",
        level=float(task.horizon),
        order=skill_order(task, order),
        shared=True,
        goal_first=True,
    )
