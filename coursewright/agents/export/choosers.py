"""The graph of each rule that can be written as a tutor file."""

from functools import singledispatch
from typing import Any

from torch import nn

from coursewright.agents.bandits.zpdes import ZpdesRule
from coursewright.agents.export.dated import Calendar
from coursewright.agents.export.memoryless import (
    AnyOne,
    AtFringe,
    ByIndex,
    ByItem,
    BySkill,
    InTurn,
    MostWorth,
    NearestChance,
)
from coursewright.agents.export.mindful import Leitner, Zpdes
from coursewright.agents.rule import AnyAllowed
from coursewright.agents.rules.baselines import RoundRobinRule
from coursewright.agents.rules.expected_gain import ExpectedGainRule
from coursewright.agents.rules.in_order import ItemRule, SkillRule
from coursewright.agents.rules.index import IndexRule
from coursewright.agents.rules.outer_fringe import OuterFringeRule
from coursewright.agents.rules.target_success import NearestChanceRule
from coursewright.agents.schedulers.calendar import CalendarRule
from coursewright.agents.schedulers.leitner import LeitnerRule
from coursewright.envs.task import Task
from coursewright.errors import InputError


@singledispatch
def chooser(rule: Any, task: Task) -> nn.Module:
    """The graph of a rule of this task, from a `Sight` to items `[batch]`.

    The graph of a rule that remembers takes its memory too, and gives the next one; it has a buffer `start
    [columns]`, the memory of a new learner.  Raises `InputError` for a rule that has no graph.
    """
    raise InputError(f"policy = {type(rule).__name__}: this rule cannot be written as a tutor file")


@chooser.register
def _(rule: AnyAllowed, task: Task) -> nn.Module:
    return AnyOne()


@chooser.register
def _(rule: RoundRobinRule, task: Task) -> nn.Module:
    return InTurn()


@chooser.register
def _(rule: SkillRule, task: Task) -> nn.Module:
    return BySkill(rule, task)


@chooser.register
def _(rule: ItemRule, task: Task) -> nn.Module:
    return ByItem(rule, task)


@chooser.register
def _(rule: ExpectedGainRule, task: Task) -> nn.Module:
    return MostWorth(rule, task)


@chooser.register
def _(rule: IndexRule, task: Task) -> nn.Module:
    return ByIndex(rule, task)


@chooser.register
def _(rule: NearestChanceRule, task: Task) -> nn.Module:
    if rule.by_mind:
        raise InputError("policy = target_success: a tutor file knows the tutor's table, and no other model")
    return NearestChance(rule, task)


@chooser.register
def _(rule: OuterFringeRule, task: Task) -> nn.Module:
    return AtFringe(rule, task)


@chooser.register
def _(rule: LeitnerRule, task: Task) -> nn.Module:
    return Leitner(rule, task)


@chooser.register
def _(rule: ZpdesRule, task: Task) -> nn.Module:
    return Zpdes(rule, task)


@chooser.register
def _(rule: CalendarRule, task: Task) -> nn.Module:
    return Calendar(rule, task)
