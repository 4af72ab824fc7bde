"""The settings among which an agent is tuned: a range or a list of choices for each of its options."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from coursewright.errors import InputError, reject, unsettable

Settings = dict[str, Any]  # option -> value
RANGE = ("low", "high", "log")
FORM = "{low: NUMBER, high: NUMBER, log: true or false} or a list of choices"


@dataclass(frozen=True)
class Space:
    """The options of an agent that are tuned, each with its distribution in Optuna.

    Choices may be lists or null, which Optuna's categories may not: they are kept as JSON.
    """

    options: Mapping[str, BaseDistribution]

    @classmethod
    def of(cls, given: Mapping[str, Any], whole: Mapping[str, bool], at: str = "space.agent") -> "Space":
        """The space that a mapping of options describes; `whole` names those that are whole numbers.

        Raises `InputError` for anything but a range of two numbers and a list of different choices.
        """
        if not given:
            raise reject(at, "{}", f"given; each option is {FORM}")
        return cls({name: _one(f"{at}.{name}", node, whole.get(name, False)) for name, node in given.items()})

    def extremes(self, option: str) -> Sequence[Any]:
        """The values of an option that show whether it may be tuned so: both ends, or every choice."""
        found = self.options[option]
        if isinstance(found, CategoricalDistribution):
            return [json.loads(str(choice)) for choice in found.choices]
        assert isinstance(found, FloatDistribution | IntDistribution)
        return [found.low, found.high]

    def encoded(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings as Optuna keeps them; those that are outside the space are left out."""
        found = {}
        for name, kind in self.options.items():
            if name not in settings:
                continue
            value = settings[name]
            if isinstance(kind, CategoricalDistribution):
                value = json.dumps(value)
                fits = value in kind.choices
            else:
                assert isinstance(kind, FloatDistribution | IntDistribution)
                number = isinstance(value, int | float) and not isinstance(value, bool)
                fits = number and kind.low <= value <= kind.high
            if fits:
                found[name] = value
        return found

    def decoded(self, params: Mapping[str, Any]) -> Settings:
        """The settings that Optuna's parameters stand for, in the order of the space."""
        return {
            name: json.loads(params[name]) if isinstance(kind, CategoricalDistribution) else params[name]
            for name, kind in self.options.items()
        }


def _one(at: str, node: Any, whole: bool) -> BaseDistribution:
    if isinstance(node, list):
        choices = [json.dumps(choice) for choice in node]
        if len(choices) < 2 or len(set(choices)) < len(choices):
            raise reject(at, node, "a list of at least two different choices")
        return CategoricalDistribution(choices)
    if not isinstance(node, Mapping):
        raise reject(at, node, FORM)
    for name in node:
        if name not in RANGE:
            raise unsettable(f"{at}.{name}", RANGE)
    for name in ("low", "high"):
        if name not in node:
            raise InputError(f"{at}.{name}: must be given; the option is {FORM}", f"{at}.{name}")
        _refuse_no_number(f"{at}.{name}", node[name], whole)
    low, high, log = node["low"], node["high"], node.get("log", False)
    if not isinstance(log, bool):
        raise reject(f"{at}.log", log, "true or false")
    if not low < high:
        raise reject(f"{at}.high", high, f"above low ({low})")
    if log and low <= 0:
        raise reject(f"{at}.low", low, "above 0 where log is true")
    return IntDistribution(low, high, log=log) if whole else FloatDistribution(low, high, log=log)


def _refuse_no_number(at: str, value: Any, whole: bool) -> None:
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise reject(at, value, "a whole number" if whole else "a finite number")
