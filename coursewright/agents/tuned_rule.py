"""The tuned rule of a task: the best, on tuning learners, of every family of rules that applies to it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological
from coursewright.agents.rules.outer_fringe import OuterFringe
from coursewright.agents.rules.target_success import TargetSuccess
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.schedulers.anki import AnkiSm2
from coursewright.agents.schedulers.cost_adr import CostAdr
from coursewright.agents.schedulers.fixed_interval import FixedInterval
from coursewright.agents.schedulers.fsrs import FsrsRetention, RecallThreshold
from coursewright.agents.schedulers.leitner import ARRIVALS, Leitner
from coursewright.agents.schedulers.memorize import Memorize
from coursewright.agents.schedulers.memrise import Memrise
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.agents.schedulers.ssp_mmc import SspMmc
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import CHANCES, LEARNERS, Tuning, check_learners, halved
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject

Make = Callable[[Task], RulePolicy]  # an agent, whose options are its fields

TUNED_RULE, MASTERY = "tuned_rule", "mastery"  # the agent's name, and that of its first family
FRINGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
DAYS = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0)
LADDERS = (0.25, 0.5, 1.0, 2.0)  # of Memrise's own days
KEPT_BY_A_LAPSE = (0.0, 0.25, 0.5)
RETENTIONS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
RECALLS = (0.5, 0.7, 0.9)
PRICES = (0.0, 64.0, 256.0)
WEIGHTS_OF_REVIEWS = (1.0, 30.0, 1000.0)  # MEMORIZE's q
GOALS = (30.0, 90.0, 365.0)  # stabilities, days


def families(task: Task, learners: int) -> Iterator[tuple[str, list[Make]]]:
    """The families of rules for tasks of this kind, each with its settings: at most 60.

    Where days pass there are schedulers too, among them those that think by FSRS with its published weights.
    Rules that reason by a model that was fitted are no part of it.
    """
    yield MASTERY, [TunedMastery(learners)]
    yield "fixed order", [RoundRobin(), Topological(), RandomLegal()]
    yield "outer fringe", [OuterFringe(level) for level in FRINGES]
    yield "target success", [TargetSuccess(target) for target in CHANCES]
    if task.kind == "memory":
        yield "boxes", [Leitner(arrival) for arrival in ARRIVALS]
        yield "calendar", list(_calendars())
        yield "memory", list(_memories())


def _calendars() -> Iterator[Make]:
    for new_first in (False, True):
        yield Sm2(new_first)
        for share in KEPT_BY_A_LAPSE:
            yield AnkiSm2(share, new_first=new_first)
        for days in DAYS:
            yield FixedInterval(days, new_first)
        for scale in LADDERS:
            yield Memrise(tuple(scale * day for day in Memrise().days), new_first)


def _memories() -> Iterator[Make]:
    for new_first in (False, True):
        for order in ("recall", "day"):
            for retention in RETENTIONS:
                yield FsrsRetention(retention, new_first, order)
            for price in PRICES:
                yield CostAdr(price, new_first=new_first, order=order)
            for goal in GOALS:
                yield SspMmc(goal, new_first, order)
        for recall in RECALLS:
            yield RecallThreshold(recall, new_first)
        for q in WEIGHTS_OF_REVIEWS:
            yield Memorize(q, new_first)


def _able(agents: Iterable[Make], task: Task) -> Iterator[tuple[str, RulePolicy]]:
    """The settings, in words, of those agents that can do the task, and their policies."""
    for agent in agents:
        try:
            yield repr(agent), agent(task)
        except InputError:  # such as a scheduler where no answer is shown
            continue


@dataclass(frozen=True)
class TunedRule:
    """The best of all families of rules that apply, each tuned over at most 60 settings on `learners`.

    A family's settings are screened by the first 500 tuning learners, its best 12 meet all, and the best
    of the families' winners is the rule.  Nothing depends on the seed.
    """

    learners: int = LEARNERS

    def __post_init__(self) -> None:
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy, with its tuned settings in `policy.tuned`.

        Raises `InputError` where no family can do the task.
        """
        plain = replace(task, mind=None)
        tuning = Tuning(plain, tracker)
        winners = []
        for family, agents in families(plain, self.learners):
            able = [(f"{family}: {setting}", policy) for setting, policy in _able(agents, plain)]
            for _, policy in able:
                tuning.include(() if policy.tuned is None else policy.tuned.trials)
            if able:
                winners.append(halved(tuning, able, self.learners))
        if not winners:
            raise reject("task.features", list(task.layout.features), "a list that some rule can go by")
        best = winners[int(np.argmax([tuning.trial(name, self.learners).score for name, _ in winners]))]
        shown = replace(best[1].task, mind=task.mind)
        return replace(best[1], name=TUNED_RULE, task=shown, tuned=tuning.tuned(best[0], self.learners))
