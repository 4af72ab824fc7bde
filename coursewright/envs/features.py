"""The features that a tutor may see: one record each, which all other code reads.

Columns, kernels' places, bounds and a network's scale are read off `FEATURES`.  A feature
of your own is one more `Feature`, with a plain function that keeps it (see `Feature.update`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np

from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation

Axis = Literal["skill", "item", "shared"]
NO_CAP = 3.0e38  # finite, so that it survives every file format
MOST_STABLE = 36_500.0  # days
LEAST_PRICE, MOST_PRICE = 1e-6, 1e6  # of a minute; lower ones look like the first


class Limits(NamedTuple):
    """The limits of an episode: in steps, in entries of a visible past, and in days."""

    steps: float
    warm_up: float
    days: float


class Scale(NamedTuple):
    """The scale of a feature x for a network: min(x, cap) times factor, or ln(1 + x) where `logged`."""

    cap: float = NO_CAP
    factor: float = 1.0
    logged: bool = False


AS_IT_IS, LONG_TIME = Scale(), Scale(logged=True)


class Event(NamedTuple):
    """One response (or pause) in each row of a batch, as a feature's `update` is told of it.

    `item [batch]` is -1 where nothing was given: then only `days` pass.  `correct` is 1, 0, or -1 where
    nothing was asked; `minutes` the time spent; `days` those passed afterwards; `taught` is True where the
    item was accepted.  `touched [batch, skills]` (or `[batch, items]`, or `[batch, 1]`, as the feature's axis
    says) is True at the item's places.  `past` says that all this happened before the episode.
    """

    item: Ints
    correct: Ints
    minutes: Floats
    days: Floats
    taught: Bools
    touched: Bools
    past: bool


Update = Callable[[Observation, Event], Observation | None]


@dataclass(frozen=True)
class Feature:
    """One feature of an observation.

    Attributes
    ----------
    name : its name for tasks, columns and policies.
    axis : a value per skill, per item, or one for all.
    update : for a feature of your own, the function that keeps it: it changes `values` (`[batch, skills]`,
        `[batch, items]` or `[batch, 1]`) in place after each response.  Row i may depend on row i alone, and
        nothing may be remembered elsewhere.  None: one of `FEATURES`, which kernels keep.
    needs : features that must be there too.
    lowest, highest : the bounds; `highest` may be a function of the episode's `Limits`.
    start : the value before the first event.
    scale : its scale for a network.
    """

    name: str
    axis: Axis
    update: Update | None = None
    needs: Sequence[str] = ()
    lowest: float = 0.0
    highest: float | Callable[[Limits], float] = 1.0
    start: float = 0.0
    scale: Scale = AS_IT_IS

    def __post_init__(self) -> None:
        if not self.name or "[" in self.name:
            raise reject("task.features.name", repr(self.name), "a name without '['")
        if self.axis not in get_args(Axis):
            raise unknown(f"task.features.{self.name}.axis", self.axis, get_args(Axis))
        if self.update is not None and not callable(self.update):
            raise reject(
                f"task.features.{self.name}.update", repr(self.update), "a function of values and event"
            )
        if not self.lowest <= self.start <= self.bound(Limits(np.inf, np.inf, np.inf)):
            raise reject(f"task.features.{self.name}.start", self.start, "between lowest and highest")

    def bound(self, limits: Limits) -> float:
        """The highest value within these limits."""
        return self.highest(limits) if callable(self.highest) else self.highest


def _steps(limits: Limits) -> float:
    return limits.steps


def _warm_up(limits: Limits) -> float:
    return limits.warm_up


def _days(limits: Limits) -> float:
    return limits.days * (1.0 + 1e-7 * limits.steps)  # a float32 sum rounds at every step


def _log_steps(limits: Limits) -> float:
    return float(np.log1p(limits.steps))


def _log_warm_up(limits: Limits) -> float:
    return float(np.log1p(limits.warm_up))


# The order is that of the columns: first a skill's, then an item's, then the rest.
FEATURES = (
    Feature("attempts", "skill", highest=_steps),
    Feature("successes", "skill", highest=_steps),
    Feature("log_attempts", "skill", needs=("attempts",), highest=_log_steps),
    Feature("log_successes", "skill", needs=("successes",), highest=_log_steps),
    Feature("log_failures", "skill", needs=("attempts", "successes"), highest=_log_steps),
    Feature("streak", "skill", highest=_steps, scale=Scale(cap=6.0, factor=0.5)),
    Feature("belief", "skill"),
    Feature("goal", "skill"),
    Feature("warmup_right", "skill", highest=_warm_up),
    Feature("warmup_wrong", "skill", highest=_warm_up),
    Feature("log_warmup_right", "skill", needs=("warmup_right",), highest=_log_warm_up),
    Feature("log_warmup_wrong", "skill", needs=("warmup_wrong",), highest=_log_warm_up),
    Feature("days_since", "skill", highest=_days, scale=LONG_TIME),
    Feature("last_item", "item"),
    Feature("item_attempts", "item", highest=_steps, scale=LONG_TIME),
    Feature("item_days_since", "item", highest=_days, scale=LONG_TIME),
    Feature("last_correct", "shared", lowest=-1.0),
    Feature("budget_left", "shared", start=1.0),
)
NAMES = tuple(feature.name for feature in FEATURES)
# The beliefs of a tutor's mind (`mind.Mind`), which writes them.
BELIEFS = (
    Feature("expected_mastery", "skill"),
    Feature("chance", "item"),
    Feature("gain", "item", lowest=-1.0),
    Feature("stability", "item", highest=MOST_STABLE, scale=LONG_TIME),  # days
)
# The terms on which a learner is taught, written once, when the record begins.
LOG_PRICE = Feature(
    "log_price",
    "shared",
    lowest=float(np.log(LEAST_PRICE)),
    highest=float(np.log(MOST_PRICE)),
    scale=Scale(factor=0.2),
)
SHIPPED = {feature.name: feature for feature in (*FEATURES, *BELIEFS, LOG_PRICE)}


def chosen(features: Sequence[str | Feature]) -> tuple[Feature, ...]:
    """The records of features given by name or as records.

    Raises `InputError` for an unknown name, one given twice, or a feature without those that it needs.
    """
    records = tuple(_record(place, given) for place, given in enumerate(features))
    names = [record.name for record in records]
    for record in records:
        for needed in record.needs:
            if needed not in names:
                raise reject(
                    "task.features", f"{record.name!r} without {needed!r}", f"given together with {needed!r}"
                )
    if len(set(names)) < len(names):
        raise reject("task.features", tuple(names), "without repetitions")
    return records


def _record(place: int, given: str | Feature) -> Feature:
    if isinstance(given, str):
        if given not in SHIPPED:
            raise unknown("task.features", given, tuple(SHIPPED))
        return SHIPPED[given]
    if not isinstance(given, Feature):
        raise reject(f"task.features[{place}]", given, "a name or a Feature (in YAML, with `_convert_: all`)")
    if given.update is None or given.name in SHIPPED:
        raise reject(f"task.features[{place}]", given.name, "a feature with a name and an update of its own")
    return given
