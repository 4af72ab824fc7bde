"""Runs that teach others than the learners of their training.

`evaluate runs=FOLDER simulator=NAME` keeps the task of each run and takes other learners of its course.  With
`task=NAME` besides it takes another task altogether, for policies that can serve it.  `task.price=VALUE`
alone keeps their task and charges another price of a minute, for policies that are shown it.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.envs.features import BELIEFS
from coursewright.envs.price import Price, check_price
from coursewright.errors import reject
from coursewright.scripts.making import made
from coursewright.scripts.recorded import POLICY, read_run
from coursewright.simulators.knowledge.parameters import BktParameters

if TYPE_CHECKING:
    from coursewright.envs.task import Task

log = logging.getLogger(__name__)

NAMED = ("simulator", "task")
OWN = ("seeds", "tutor")  # which a run brings with its task
HAS = ("agent", "simulator", "task", "tutor")  # which a run has
PRICE = "task.price"  # which a policy may be read at another of
TAUGHT = ("simulator", "choices")  # the parts of a command that other learners come from
TOLD_BY_A_TUTOR = {"belief", *(feature.name for feature in BELIEFS)}


def chosen() -> tuple[str, ...]:
    """The parts that the command line, which Hydra has read, names for its runs: learners, or a task too.

    Raises `InputError` where it names a task alone, or something of one of the two: the rest would be a
    default, and not that of the runs.  So it does for seeds or a tutor without a task: theirs count.
    """
    if not HydraConfig.initialized():
        return ()
    words = [word.lstrip("+~") for word in HydraConfig.get().overrides.task]
    named = tuple(name for name in NAMED if any(word.startswith(f"{name}=") for word in words))
    if "task" not in named:
        words = [word for word in words if not word.startswith(f"{PRICE}=")]
    first = {re.split(r"[.=@]", word)[0]: word for word in words}
    for name in OWN:
        if name in first and "task" not in named:
            field, _, value = first[name].partition("=")
            theirs = "left out beside runs, which have their own; with simulator= and task= named it counts"
            raise reject(field, value, theirs)
    touched = [name for name in NAMED if name in first]
    for name in touched:
        missing = next((other for other in ("simulator", name) if other not in named), None)
        if missing is not None:
            own = "runs have learners and a task of their own"
            both = f"{own}; to read them on others, name simulator= and task="
            raise reject(missing, None, f"named where {name} is: {both}")
    return named


def asked_price(task: Any) -> Price:
    """The price of a minute that the command line names for its runs, in the composed `task`; None: theirs.

    Raises `InputError` for a price that is none.
    """
    if not HydraConfig.initialized():
        return None
    words = [word.lstrip("+~") for word in HydraConfig.get().overrides.task]
    if any(word.startswith("task=") for word in words) or not any(w.startswith(f"{PRICE}=") for w in words):
        return None
    price: Any = OmegaConf.to_container(task.price) if OmegaConf.is_config(task.price) else task.price
    if price is None:
        raise reject(PRICE, None, "a price, where runs are to be read at another one than theirs")
    check_price(price, ())
    return price  # type: ignore[no-any-return]


def with_price(run: DictConfig, folder: Path, price: Price, tell: bool = False) -> DictConfig:
    """The record of the run in `folder` with another price of a minute, which its policy is shown.

    A warning may `tell` of prices beyond those of its training.
    """
    if run.task.get("price") is None:
        raise reject(PRICE, price, f"left out: the policy of runs = {folder} was trained without a price")
    if tell and (doubt := beyond(run, price)):
        log.warning("%s: %s", folder, doubt)
    result = run.copy()
    with open_dict(result):
        result.task.price = price
        result.study = f"{result.study}, price {'-'.join(f'{end:g}' for end in _ends(price))}"
    return result


def beyond(run: DictConfig, price: Price) -> str | None:
    """A warning where a price lies beyond those of the run's training."""
    own = _ends(run.task.price)
    if own[0] <= _ends(price)[0] and _ends(price)[-1] <= own[-1]:
        return None
    trained = " to ".join(f"{end:g}" for end in own)
    return f"its training had prices of {trained}: what it does at others it did not learn"


def _ends(price: Any) -> list[float]:
    return [float(end) for end in price] if OmegaConf.is_list(price) or isinstance(price, list) else [price]


def refuse_both(run: str | None) -> None:
    """Refuse a run beside what it has itself, and neither a run nor a rule."""
    words = [word.lstrip("+~") for word in HydraConfig.get().overrides.task]
    named = [name for name in HAS if any(word.startswith((f"{name}=", f"{name}.")) for word in words)]
    if run is None and "agent" not in named:
        allowed = "the folder of a finished training, or agent=NAME simulator=NAME task=NAME for a rule"
        raise reject("run", None, f"given: {allowed}")
    if run is not None and named:
        raise reject(named[0], "given", f"left out where run = {run} is: a run has an {', a '.join(HAS)}")


def refuse_bound(folders: Sequence[Path], trusted: Sequence[str], task: "Task") -> None:
    """Refuse runs whose network cannot serve this task."""
    from coursewright.agents.export.policy import OnnxPolicy

    for folder in folders:
        read_run(folder, trusted, "runs")
        if (folder / POLICY).is_file():
            OnnxPolicy(folder / POLICY, task)


def with_learners(run: DictConfig, folder: Path, config: DictConfig) -> DictConfig:
    """The record of the run in `folder` with the learners of the command; its task, seeds and tutor stay.

    The study has the name that the command has without runs, so all its runs meet in one comparison.  Raises
    `InputError` where the learners are taught other skills.
    """
    theirs, ours = (
        BktParameters.read(folder / "tutor.csv").skills,
        made(config.simulator, "simulator").course.skills,
    )
    if ours != theirs:
        told = f"one with the {len(theirs):,} skills of runs = {folder} (here are {len(ours):,})"
        course = "a policy knows its own course; one that serves any is read with task= named too"
        raise reject("simulator", config.choices.simulator, f"{told}: {course}")
    result = run.copy()
    with open_dict(result):
        result.simulator = OmegaConf.create(OmegaConf.to_container(config.simulator, resolve=True))
        result.choices.simulator = str(config.choices.simulator)
        result.study = f"{result.choices.simulator}-{result.choices.task}"
    return result


def sees_a_tutor(run: DictConfig) -> bool:
    """True where the run's observations hold beliefs, which the tutor of its training has."""
    features = run.task.get("features")
    return features is None or any(name in TOLD_BY_A_TUTOR for name in features if isinstance(name, str))
