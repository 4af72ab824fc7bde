"""From a command line to the configuration of every job, by Hydra's own machinery, and nothing is run.

A setting that a signature has and a YAML file leaves out is set like any other: `task.goal=learner`.  Hydra
wants a `+` there, so the word that is handed on to it says `++`.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import setup_globals
from hydra.errors import ConfigCompositionException, HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from coursewright.errors import InputError, reject, unknown, unsettable
from coursewright.scripts.line import Line, refuse_groups, without_nulls
from coursewright.scripts.manual import groups
from coursewright.scripts.names import ALWAYS, EXCLUDED, job_folder
from coursewright.scripts.settings import SETTINGS
from coursewright.scripts.signatures import TARGET, fields, fields_of, free_below

CONFIGS = "pkg://coursewright.configs"
SEVERAL = ("experiment",)  # groups of which a line may choose several files


@dataclass(frozen=True)
class Composed:
    """The meaning of a line: the words for Hydra, and the configurations of its jobs, one after the other.

    A configuration is good until the next one is asked for.  `several` says whether the jobs are a sweep's.
    """

    words: Sequence[str]
    jobs: Iterable[DictConfig]
    several: bool


def loader_of(line: Line) -> ConfigLoader:
    """Hydra's reader of the configurations, the folder of `--config-dir` first."""
    setup_globals()
    path = create_config_search_path(CONFIGS)
    if line.flags.config_dir is not None:
        folder = f"file://{Path(line.flags.config_dir).resolve()}"
        path.prepend("command-line", folder, SearchPathQuery(provider="schema"))
    return ConfigLoaderImpl(path)


@cache
def options(loader: ConfigLoader, group: str) -> list[str]:
    """The files of a group, none where there is no such group; Hydra looks for them anew each time."""
    return loader.get_group_options(group)


def compose(line: Line, loader: ConfigLoader) -> Composed:
    """Every job of a line; a name that nothing reads is refused."""
    refuse_groups(line)
    line = without_nulls(line)
    _refuse_choices(line, loader)
    name = line.flags.config_name or line.verb
    line = _replacing(line, loader, name)
    words, mode = list(line.words), RunMode.MULTIRUN if line.flags.multirun else RunMode.RUN
    try:
        if any(
            given.is_sweep_override() for given in line.given
        ):  # which the whole's configuration leaves out
            words = _settable(line, loader, name)
        whole = loader.load_configuration(name, words, mode, validate_sweep_overrides=False)
    except (ConfigCompositionException, ValueError, TypeError):  # the latter are for a name below a list
        words = _settable(line, loader, name)  # raises where a name is the reason
        whole = loader.load_configuration(name, words, mode, validate_sweep_overrides=False)
    _refuse_nothing(line, whole)
    whole.hydra.mode = whole.hydra.mode or mode
    line = replace(line, words=words, given=OverridesParser.create(loader).parse_overrides(words))
    if whole.hydra.mode != RunMode.MULTIRUN:
        _refuse_several(line.given)
        return Composed(words, [whole], several=False)
    sweeper = whole.hydra.sweeper
    if str(sweeper[TARGET]).rpartition(".")[2] != "BasicSweeper":  # which jobs it starts, it alone knows
        return Composed(words, [], several=True)
    params = [f"{key}={value}" for key, value in (sweeper.params or {}).items()]
    task = [str(given.input_line) for given in line.given if not given.is_hydra_override()]
    given = OverridesParser.create(loader).parse_overrides([*params, *task])
    (batch,) = BasicSweeper.split_arguments(given, None)
    if shared := _shared(whole, batch, loader):
        words = [*words, f"{EXCLUDED}=[{','.join(map(repr, shared))}]"]
        OmegaConf.set_readonly(whole.hydra, False)
        whole.hydra.job.config.override_dirname.exclude_keys = shared
    return Composed(words, _jobs(whole, batch, loader), several=True)


def _replacing(line: Line, loader: ConfigLoader, name: str) -> Line:
    """The line, in which a mapping with another `_target_` replaces what stood there: nothing is merged."""
    plain = [o for o in line.given if not o.is_sweep_override() and _is_plain(o, loader)]
    made = {str(o.input_line): address for o in plain if (address := _address(o.value())) is not None}
    if not made:
        return line
    others = [str(o.input_line) for o in line.given if o not in plain and not o.is_sweep_override()]
    words: list[str] = []
    try:
        base = loader.load_configuration(name, others, RunMode.RUN)
        for override in line.given:
            key, word = str(override.key_or_group), str(override.input_line)
            there: Any = OmegaConf.select(base, key) if word in made else None
            other = OmegaConf.is_dict(there) and there.get(TARGET) != made[word]
            words += [f"~{key}", f"++{word}"] if other else [word]
    except (HydraException, OmegaConfBaseException, ValueError, TypeError):  # which is told later on
        return line
    return replace(line, words=words, given=OverridesParser.create(loader).parse_overrides(words))


def _address(value: Any) -> Any:
    """The `_target_` of a mapping; None for any other value."""
    return value.get(TARGET) if isinstance(value, dict) else None


def _shared(whole: DictConfig, batch: Sequence[Sequence[str]], loader: ConfigLoader) -> list[str]:
    """The settings that all jobs of a sweep share, which the names of their folders leave out.

    None are left out in a sweep that was begun with full names, or for a single job.
    """
    job, sweep = whole.hydra.job.config.override_dirname, whole.hydra.sweep
    if len(batch) < 2 or job.exclude_keys:
        return []
    parser = OverridesParser.create(loader)
    parsed = {word: parser.parse_override(word) for word in {word for words in batch for word in words}}
    if not OmegaConf.is_interpolation(sweep, "dir"):
        full = (get_overrides_dirname([parsed[word] for word in words], **job) for words in batch)
        if any((Path(sweep.dir) / job_folder(name)).is_dir() for name in full):
            return []
    common = set.intersection(*map(set, batch))
    keys = [str(parsed[word].key_or_group) for word in batch[0] if word in common]
    return sorted(key for key in keys if key not in ALWAYS)


def _jobs(whole: DictConfig, batch: Sequence[Sequence[str]], loader: ConfigLoader) -> Iterator[DictConfig]:
    """The configuration of each job; those that choose the same files share one, for composing is slow."""
    parser = OverridesParser.create(loader)
    parsed = {word: parser.parse_override(word) for word in {word for job in batch for word in job}}
    plain = {word for word, override in parsed.items() if _is_value(override, loader)}
    composed: dict[tuple[str, ...], DictConfig] = {}
    for job in batch:
        chosen = tuple(word for word in job if word not in plain)
        if chosen not in composed:
            composed[chosen] = loader.load_sweep_config(whole, list(job))
        config = composed[chosen]
        for word in job:
            if word in plain:
                OmegaConf.update(config, str(parsed[word].key_or_group), parsed[word].value())
        config.hydra.overrides.task = list(job)
        config.hydra.job.override_dirname = get_overrides_dirname(
            [parsed[word] for word in job], **whole.hydra.job.config.override_dirname
        )
        config.hydra.mode = RunMode.MULTIRUN
        yield config


def _settable(line: Line, loader: ConfigLoader, name: str) -> list[str]:
    """The line's words with `++` where a signature has a setting that the configuration lacks.

    Raises `InputError` for a setting that does not exist.
    """
    plain = [o for o in line.given if _is_plain(o, loader)]
    others = [str(o.input_line) for o in line.given if o not in plain and not o.is_sweep_override()]
    bases = [
        loader.load_configuration(name, [*others, *chosen], RunMode.RUN) for chosen in _choices(line, loader)
    ]
    words = []
    for override in line.given:
        word, path = str(override.input_line), str(override.key_or_group).split(".")
        if override in plain and path[0] != "hydra":
            below = list(_below(path, override.value()))
            lacking = [base for base in bases if not all(_has(base, end) for end in below)]
            for end in below:
                refused = [b for b in lacking if not (_has(b, end) or can_be_set(b, end, line.verb))]
                if refused and len(refused) == len(bases):
                    raise _unknown(refused[0], end, line.verb, loader)
            if path[0] == "space" and bases and all(_of_another_kind(base, override) for base in bases):
                words.append(f"~{override.key_or_group}")  # a range and a list of choices do not merge
            word = f"++{word}" if lacking or words[-1:] == [f"~{override.key_or_group}"] else word
        words.append(word)
    return words


def _of_another_kind(base: DictConfig, override: Override) -> bool:
    """True where a list is given for a mapping, or the other way round."""
    node, value = OmegaConf.select(base, str(override.key_or_group)), override.value()
    kinds = [type_ for type_ in (list, dict) if isinstance(value, type_)]
    return (OmegaConf.is_dict(node) and kinds == [list]) or (OmegaConf.is_list(node) and kinds == [dict])


def _below(path: list[str], value: Any) -> Iterator[list[str]]:
    """The paths of the values in a mapping that is given for `path`; `path` itself for any other value.

    A mapping with a `_target_` is one value, whose settings are those of what it names.
    """
    if isinstance(value, dict) and value and _address(value) is None:
        for name, entry in value.items():
            yield from _below([*path, str(name)], entry)
    else:
        yield path


def _choices(line: Line, loader: ConfigLoader) -> Iterator[list[str]]:
    """The choices of groups that a sweep goes through: one list of words for each of its jobs."""
    swept = [o for o in line.given if o.is_sweep_override() and not _is_plain(o, loader)]
    (batch,) = BasicSweeper.split_arguments(swept, None)
    yield from batch


def _is_plain(override: Override, loader: ConfigLoader) -> bool:
    """True for `a.b=value`: neither a choice among files nor an addition or a removal."""
    if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
        return False
    return not options(loader, str(override.key_or_group))


def _is_value(override: Override, loader: ConfigLoader) -> bool:
    """True where it replaces one value by another, and leaves nothing of the one before."""
    added = override.is_add() or override.is_delete() or override.package is not None
    chosen = added or options(loader, str(override.key_or_group))
    return not chosen and not isinstance(override.value(), dict)


def _has(config: Any, path: Sequence[str]) -> bool:
    for name in path:
        if not OmegaConf.is_dict(config) or name not in config:
            return False
        config = config._get_node(name)
    return True


def can_be_set(config: DictConfig, path: Sequence[str], verb: str) -> bool:
    """True where a path that the configuration lacks can be set: the nearest `_target_` above it decides."""
    wanted: Mapping[str, Any] | None = fields(SETTINGS[verb])
    node: Any = config
    start = 0
    for place, name in enumerate(path):
        node = node._get_node(name) if OmegaConf.is_dict(node) and name in node else None
        if OmegaConf.is_dict(node) and not OmegaConf.is_missing(node, TARGET) and TARGET in node:
            wanted, start = fields_of(node[TARGET]), place + 1
            if wanted is None:
                return True
    left = path[start:]
    return wanted is not None and bool(left) and left[0] in wanted and free_below(wanted[left[0]], left[1:])


def _unknown(config: DictConfig, path: Sequence[str], verb: str, loader: ConfigLoader) -> InputError:
    """The error for a path that leads nowhere: its first part that does not exist, and the names that do."""
    node: Any = config
    above = 0
    while above < len(path) - 1 and OmegaConf.is_dict(node) and path[above] in node:
        node, above = node._get_node(path[above]), above + 1
    place = ".".join(path[: above + 1])
    if above == 0:
        own = list(dict.fromkeys([*(fields(SETTINGS[verb]) or ()), *groups(verb)]))
        return unsettable(place, own, whole=f"coursewright {verb} --help")
    if not OmegaConf.is_dict(node):
        return unsettable(place, [])
    made = TARGET in node and not OmegaConf.is_missing(node, TARGET)
    known = fields_of(node[TARGET]) if made else None
    names = [str(name) for name in (node if known is None else known)]
    others = _readers(path, loader) if above == 1 else []
    for at in (path[:above], []):  # such as a setting of the model that was sought below it
        if len(path) > above + 1 and path[-1] in (names if at else config):
            return InputError(f"{place}: no such setting (did you mean {'.'.join([*at, path[-1]])}?)", place)
    shown = [name for name in names if not name.startswith("_")]
    return unsettable(place, shown, others, whole=f"coursewright {verb} --help")


def _readers(path: Sequence[str], loader: ConfigLoader) -> list[str]:
    """The choices of the group `path[0]` that take the setting `path[1]`, such as `log=file`."""
    group, setting = path[:2]
    found = []
    for name in options(loader, group):
        node = _written(f"{group}/{name}", loader)
        if OmegaConf.is_dict(node) and TARGET not in node:  # it stands in a file that this one builds on
            with warnings.catch_warnings(action="ignore"):  # which order counts, where it stands alone
                node = loader.load_configuration(f"{group}/{name}", [], RunMode.RUN).get(group)
        if OmegaConf.is_dict(node) and TARGET in node and setting in (fields_of(node[TARGET]) or ()):
            found.append(f"{group}={name}")
    return found


def _written(name: str, loader: ConfigLoader) -> Any:
    """A file's own text; composing each of fifty files takes seconds."""
    source = next(source for source in loader.get_sources() if source.is_config(name))
    return source.load_config(name).config


def _refuse_choices(line: Line, loader: ConfigLoader) -> None:
    """Refuse a choice among files that is no name, such as null."""
    for override in line.given:
        files = options(loader, str(override.key_or_group))
        values = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
        for value in values if files and not override.is_delete() else []:
            listed = isinstance(value, list) and value and override.key_or_group in SEVERAL
            names = value if isinstance(value, list) and listed else [value]
            if not all(
                isinstance(name, str) and name and not {"", ".", ".."} & set(name.split("/"))
                for name in names
            ):
                shown = str(override.input_line).partition("=")[2]
                raise unknown(str(override.key_or_group), shown, files)


def _refuse_nothing(line: Line, config: DictConfig) -> None:
    """Refuse `policies={}`, which Hydra takes for "and nothing more"."""
    for override in line.given:
        if override.value() == {}:
            kept = OmegaConf.select(config, str(override.key_or_group))
            if kept:
                names = ", ".join(f"~{override.key_or_group}.{name}" for name in list(kept)[:2])
                raise reject(str(override.key_or_group), "{}", f"given; to remove something: {names}, ...")


def _refuse_several(given: Sequence[Override]) -> None:
    for override in given:
        if override.is_sweep_override():
            value = str(override.input_line).partition("=")[2]
            allowed = f"one value; a list is [{value}], and a sweep over several wants -m"
            raise reject(str(override.key_or_group), value, allowed)
