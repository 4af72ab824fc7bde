"""The graph of each rule that can be written as a tutor file."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from coursewright.agents.bandits.arms import BanditRule
from coursewright.agents.bandits.linear import LinearRule
from coursewright.agents.bandits.riarit import RiaritRule
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
from coursewright.agents.export.pulling import Linear, Pulling, Riarit
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

GRAPHS: Mapping[type, Callable[[Any, Task], nn.Module]] = {
    AnyAllowed: lambda rule, task: AnyOne(),
    RoundRobinRule: lambda rule, task: InTurn(),
    SkillRule: BySkill,
    ItemRule: ByItem,
    ExpectedGainRule: MostWorth,
    IndexRule: ByIndex,
    NearestChanceRule: NearestChance,
    OuterFringeRule: AtFringe,
    LeitnerRule: Leitner,
    ZpdesRule: Zpdes,
    BanditRule: Pulling,
    LinearRule: Linear,
    RiaritRule: Riarit,
    CalendarRule: Calendar,
}


def chooser(rule: Any, task: Task) -> nn.Module:
    """The graph of a rule of this task, from a `Sight` to items `[batch]`.

    The graph of a rule that remembers takes its memory too, and gives the next one; it has a buffer `start
    [columns]`, the memory of a new learner.  Raises `InputError` for a rule that has no graph.
    """
    make = GRAPHS.get(type(rule))
    if make is None:
        raise InputError(f"policy = {type(rule).__name__}: this rule cannot be written as a tutor file")
    return make(rule, task)
