"""A composed configuration against every signature, before a folder, a tracker or a training exists."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from coursewright.agents.tracker import SILENT
from coursewright.agents.tutor_words import is_tutor
from coursewright.errors import InputError, absent, reject, unknown
from coursewright.scripts.compose import options
from coursewright.scripts.elsewhere import TAUGHT, asked_price, chosen, refuse_both, refuse_bound
from coursewright.scripts.experiment import settled
from coursewright.scripts.given_policy import refuse_broken, refuse_misfit, refuse_no_tutor, refuse_other_goal
from coursewright.scripts.launching import refuse_absent_cluster
from coursewright.scripts.learners import MOVED, found_again
from coursewright.scripts.making import agent_of, comparing_of, made, recipe_of, refusal_at
from coursewright.scripts.memory import refuse_too_much
from coursewright.scripts.own_log import refuse_columns, refuse_no_log
from coursewright.scripts.plain import Plain, as_if_running, own_part, plain_of, refuse_missing, targets_of
from coursewright.scripts.products import (
    mark_of,
    refuse_other_log,
    refuse_other_policy,
    refuse_other_tutor,
    tutor_mark,
)
from coursewright.scripts.recorded import (
    STORED,
    WEIGHTS,
    finished,
    finished_below,
    no_policy,
    read_run,
)
from coursewright.scripts.run_directory import refuse_other_settings
from coursewright.scripts.settings import SETTINGS, Simulate
from coursewright.scripts.signatures import TARGET, fields, fields_of, refuse_misfits
from coursewright.scripts.trust import trusted_of
from coursewright.scripts.unfitted import even, unfitted_mind

if TYPE_CHECKING:
    from coursewright.envs.task import Task

RULES = ("rules", "schedulers", "bandits", "planners")  # rooms of agents that choose by a rule
TUNING = ("learners", "base")  # options of those among them that tune themselves, or the rule below them
LATE = ("figures",)  # their library takes a second to import
FITTED = "fitted"  # a tutor that is fitted where the task is new


class Checker:
    """Checks the jobs of one command line; parts that several of them share are checked once."""

    def __init__(self, verb: str, loader: ConfigLoader) -> None:
        self.verb = verb
        self.loader = loader
        self.done: set[str] = set()

    def check(self, config: DictConfig) -> None:
        """Refuse a job that could not run.

        Raises `InputError`: one line with the setting's full path, its value and the allowed values.
        """
        with as_if_running(config):
            refuse_missing(config, self.verb)
            if config.hydra.mode == RunMode.MULTIRUN:
                self._once(_launcher, {TARGET: config.hydra.launcher[TARGET]})
            whole = self._settled(config)
            if self.verb == "tune" and config.hydra.mode != RunMode.MULTIRUN:
                refuse_other_settings(Path(str(config.hydra.run.dir)), own_part(whole))
            plain = plain_of(whole)
            for check, needed in FIRST.get(self.verb, ()):
                self._once(check, {name: plain.get(name) for name in needed})
            self._once(_settings, plain)
            nodes = {name: node for name, node in plain.items() if isinstance(node, dict | list)}
            late = {name: nodes.pop(name) for name in LATE if name in nodes}
            for name, node in nodes.items():
                self._once(_nodes, {name: node})
            for check, needed in THINGS[self.verb]:
                self._once(check, {name: plain.get(name) for name in needed})
            for name, node in late.items():
                self._once(_nodes, {name: node})

    def _settled(self, config: DictConfig) -> DictConfig:
        """The configuration with an experiment's settings for the chosen agent."""
        if self.verb not in ("train", "tune") or not config.agents:
            return config
        given = OmegaConf.to_container(config.agents) if OmegaConf.is_config(config.agents) else config.agents
        refuse_misfits({"agents": given}, fields(SETTINGS[self.verb]))
        return settled(config, config.hydra.overrides.task, options(self.loader, "agent"))

    def _once(self, check: "Check", part: Plain) -> None:
        key = f"{check} {part}"
        if key not in self.done:
            check(part, self)
            self.done.add(key)


Check = Callable[[Plain, Checker], object]  # refuses a part of a verb's configuration


def _launcher(part: Plain, checker: Checker) -> None:
    refuse_absent_cluster(part[TARGET])


def _settings(plain: Plain, checker: Checker) -> None:
    settings = SETTINGS[checker.verb]
    known = fields(settings) or {}
    refuse_misfits({name: value for name, value in plain.items() if name in known}, known)
    settings(**{name: plain.get(name) for name in known})


def _nodes(part: Plain, checker: Checker) -> None:
    """Make everything that is cheap to make, from the innermost on, so that a refusal has its place."""
    for at, node in targets_of(part):
        refuse_misfits(node, fields_of(node[TARGET]), at)
        made(node, at)


def _task(part: Plain, checker: Checker) -> "Task":
    """The task as it will be, with a neutral tutor where one would have to be fitted."""
    recipe = recipe_of(OmegaConf.create({name: part[name] for name in TASK}))
    with _at_the_task(part):
        bare = recipe.without_tutor()
    mind = None if part["tutor"] in (None, FITTED) else unfitted_mind(part["tutor"], bare, checker.loader)
    with _at_the_task(part):
        task = recipe.with_tutor(even(bare.course).parameters, mind)
    refuse_too_much(part, task)
    for name in part.get("agent", {}).get("features") or ():
        if name not in task.layout.features:
            raise unknown("agent.features", name, task.layout.features)
    return task


@contextmanager
def _at_the_task(part: Plain) -> Iterator[None]:
    """Report an error at the setting that makes the task."""
    try:
        yield
    except Exception as error:
        raise refusal_at(error, part["task"], "task") from error


def _able(part: Plain, checker: Checker) -> None:
    """The task, and a rule on it that neither trains nor tunes itself: such a one refuses at once.

    The others may have a method `refuse(task)`, which is cheap.
    """
    task, agent = _task(part, checker), agent_of(OmegaConf.create({**part["agent"]}))
    if (refuse := getattr(agent, "refuse", None)) is not None:
        refuse(task)
    room = type(agent).__module__.removeprefix("coursewright.agents.").partition(".")[0]
    if room not in RULES or any(hasattr(agent, name) for name in TUNING):
        return
    try:
        agent(task, 0, SILENT)
    except InputError as error:
        if error.field != "tutor":
            raise
        raise reject("tutor", part["tutor"], str(error).partition(": must be ")[2]) from error


def _name(part: Plain, checker: Checker) -> None:
    """Refuse the name of an agent whose options make another one of it, unless it is a name of one's own."""
    agent: Any = OmegaConf.create(part["agent"])
    true = getattr(agent_of(agent), "name", None)
    chosen, known = part["choices"].get("agent"), options(checker.loader, "agent")
    if part["name"] == chosen and true != chosen in known and true in known:
        raise reject("agent", chosen, f"{true}, which it is with these options (agent={true})")


def _agents(part: Plain, checker: Checker) -> None:
    for name, agent in part["policies"].items() if "policies" in part else [("agent", part["agent"])]:
        at = f"policies.{name}" if "policies" in part else name
        device = getattr(agent_of(OmegaConf.create(agent), at), "device", "cpu")
        if device not in ("cpu", "auto"):  # which cards there are, torch alone knows
            from coursewright.agents.learning.training import place

            try:
                place(device)
            except InputError as error:
                raise error.at(at, ["device"]) from error


def _space(part: Plain, checker: Checker) -> None:
    from coursewright.scripts.trials import space_of

    space_of(part["space"], part["agent"])


def _runs(part: Plain, checker: Checker) -> None:
    """All that is read of the runs, where runs are given; else a task for the rules alone."""
    named = chosen() if part["runs"] is not None else ()
    if part["policy"] is not None:
        if part["runs"] is not None and "task" not in named:
            told = "null beside runs, whose tasks are their own, unless simulator= and task= are named"
            raise reject("policy", part["policy"], told)
        for file in _files(part):
            refuse_misfit(str(file), _task(part, checker))
    if part["runs"] is None:
        _task(part, checker)
        return
    from coursewright.scripts.studies import read_studies

    places = [part["runs"]] if isinstance(part["runs"], str) else part["runs"]
    folders = finished_below([Path(place) for place in places])
    trusted = trusted_of(part["trust"])
    if "task" in named:
        refuse_bound(folders, trusted, _task(part, checker))
        return
    other = OmegaConf.create({name: part[name] for name in TAUGHT}) if named else None
    price = asked_price(OmegaConf.create(part["task"]))
    for study in read_studies(folders, trusted, part["policies"], False, part[MOVED], other, price):
        _named(part, [*study.trained, *part["policies"]])


def _named(part: Plain, known: Sequence[str]) -> None:
    """Refuse a reference or a baseline that nobody is; no reference stands for the tuned rule."""
    for name in ("reference", "baseline"):
        if part[name] is not None and part[name] not in known:
            raise unknown(name, part[name], known)


def _files(part: Plain) -> dict[Path, str]:
    """The files of policies beside the rules, and their names."""
    if part["policy"] is None:
        return {}
    from coursewright.scripts.studies import names_of

    return names_of(part["policy"], part["policies"])


def _comparing(part: Plain, checker: Checker) -> None:
    comparing_of(OmegaConf.create(part))
    if part["runs"] is None:
        _named(part, [*part["policies"], *_files(part).values()])


def _log(part: Plain, checker: Checker) -> None:
    refuse_no_log(part["log"])
    refuse_columns(part["log"], checker.verb == "replay")


def _run(part: Plain, checker: Checker) -> None:
    refuse_both(part["run"])
    if part["whole"]:
        refuse_other_tutor(part["to"], tutor_mark(part))
    else:
        refuse_other_policy(part["to"])
    if part["run"] is None:
        if not part["whole"]:
            raise reject("whole", False, "true, for a rule has no network (run=FOLDER has one)")
        _able(part, checker)
        return
    folder = Path(part["run"])
    found_again(read_run(folder, trusted_of(part["trust"])), folder, moved=part[MOVED])
    if part["whole"] and finished(folder):  # which a rule's may be as well
        return
    if not (folder / WEIGHTS).is_file() and not (folder / STORED).is_file():  # which `export` explains
        raise no_policy("run", folder, WEIGHTS)


def _models(part: Plain, checker: Checker) -> None:
    known = options(checker.loader, "model")
    names = [part["models"]] if isinstance(part["models"], str) else part["models"]
    if not isinstance(names, list):
        return  # the settings refuse it
    for field, name in [("reference", part["reference"]), *(("models", name) for name in names)]:
        if name not in known:
            raise unknown(field, name, known)
    for name in names:
        if names.count(name) > 1:
            raise reject("models", f"[{', '.join(names)}]", f"each model once, and {name} stands there twice")


def _tutor(part: Plain, checker: Checker) -> None:
    if isinstance(part["policy"], str):  # else the settings refuse it
        refuse_no_tutor(part["policy"])
        settings = part["settings"]
        refuse_other_goal(part["policy"], settings.get("goal") if isinstance(settings, dict) else None)


def _simulated(part: Plain, checker: Checker) -> None:
    refuse_other_log(part["to"], mark_of(part))


def _teacher(part: Plain, checker: Checker) -> None:
    """An exported policy, or an agent that makes one without training."""
    given, known = Path(part["policy"]), options(checker.loader, "agent")
    if is_tutor(given):
        refuse_misfit(part["policy"], _task(part, checker))
    elif given.exists():
        refuse_broken(given)
    elif part["policy"] not in known:
        raise absent("policy", given, "a finished run's folder or an exported file", known)
    else:
        from coursewright.agents.stored import Stored

        loaded = checker.loader.load_configuration(f"agent/{given}", [], RunMode.RUN)
        agent = agent_of(loaded.agent, "policy")
        if hasattr(agent, "algorithm") or isinstance(agent, Stored):
            trained = f"the folder of a finished training (coursewright train agent={given})"
            raise reject("policy", given, trained)


TASK = ("simulator", "task", "seeds", "tutor", "choices")
COMPARED = ("learners", "reference", "baseline", "outcomes", "statistics", "aims", "columns", "example")
# Paths, names and columns, before the libraries that read and fit a log are imported, which takes a second
FIRST: dict[str, list[tuple[Check, tuple[str, ...]]]] = {
    "import": [(_log, ("log",))],
    "fit": [(_log, ("log",))],
    "replay": [(_log, ("log",)), (_tutor, ("policy", "settings"))],
    "validate": [(_log, ("log",)), (_models, ("models", "reference"))],
}
# The parts of a verb that have to fit together: a check, and the parts of the configuration it needs
THINGS: dict[str, list[tuple[Check, tuple[str, ...]]]] = {
    "train": [
        (_agents, ("agent",)),
        (_name, ("agent", "name", "choices")),
        (_able, ("agent", "learners", *TASK)),
    ],
    "tune": [
        (_agents, ("agent",)),
        (_name, ("agent", "name", "choices")),
        (_agents, ("policies",)),
        (_space, ("space", "agent")),
        (_able, ("agent", "learners", *TASK)),
    ],
    "evaluate": [
        (_agents, ("policies",)),
        (_runs, ("runs", "policy", MOVED, "trust", "policies", "reference", "baseline", "learners", *TASK)),
        (_comparing, ("runs", "policy", "policies", "seed", "workers", *COMPARED)),
    ],
    "import": [],
    "fit": [],
    "validate": [],
    "replay": [],
    "export": [(_run, ("run", MOVED, "trust", "to", "whole", "agent", "seed", *TASK))],
    "serve": [],
    "simulate": [(_simulated, tuple(fields(Simulate) or ())), (_teacher, ("policy", *TASK)), (_task, TASK)],
}
