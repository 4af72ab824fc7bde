"""A verb's command line: its flags and settings, before anything is composed of them."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.types import Override

from coursewright.errors import InputError, absent, reject
from coursewright.scripts.manual import LISTS, groups
from coursewright.scripts.settings import SETTINGS
from coursewright.scripts.signatures import fields
from coursewright.scripts.words import read_word

LAUNCHER = "hydra/launcher"
LAUNCHED = ("train", "tune", "evaluate")  # verbs whose jobs may run elsewhere


@dataclass(frozen=True)
class Line:
    """A verb's command line: Hydra's flags, and the settings in its grammar."""

    verb: str
    flags: Namespace
    words: Sequence[str]
    given: Sequence[Override]

    @property
    def runs(self) -> bool:
        """True where something is to be run, rather than shown."""
        return not (self.flags.cfg or self.flags.info or self.flags.hydra_help or self.flags.shell_completion)

    @property
    def arguments(self) -> list[str]:
        """The flags, as they are typed."""
        named = {name: value for name, value in vars(self.flags).items() if value and name != "overrides"}
        return [
            "-m"
            if name == "multirun"
            else f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
            for name, value in named.items()
        ]


def read_line(verb: str, arguments: Sequence[str]) -> Line:
    """The flags and settings among a verb's arguments.

    Raises `InputError` for a flag that does not exist and for a word that is no setting.
    """
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[assignment,method-assign]
    flags, words = parser.parse_known_intermixed_args([a for a in arguments if a != "--version"])
    words = [*flags.overrides, *words]
    flags.version = "--version" in arguments
    if flags.help or flags.version:
        return Line(verb, flags, (), ())
    for flag, remedy in (("config_path", "--config-dir=FOLDER adds one"), ("experimental_rerun", "resume=")):
        if getattr(flags, flag) is not None:
            raise reject(f"--{flag.replace('_', '-')}", getattr(flags, flag), f"left out ({remedy})")
    if flags.config_dir is not None and not Path(flags.config_dir).is_dir():
        raise absent("--config-dir", flags.config_dir, "a folder of YAML files of your own")
    parsed = []
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        parsed.append(read_word(verb, word, following, several=flags.multirun))
    _refuse_twice(parsed)
    flags.multirun = flags.multirun or _launched(verb, parsed)
    if flags.multirun:
        _refuse_one_folder(parsed)
    return Line(verb, flags, [str(override.input_line) for override in parsed], parsed)


def without_nulls(line: Line) -> Line:
    """The line without `experiment=null`: that is how a group is left out, and Hydra has no word for it."""
    optional = [group for group, name in groups(line.verb).items() if name == "null"]
    kept = [
        o
        for o in line.given
        if o.is_sweep_override() or o.key_or_group not in optional or o.value() is not None or o.is_delete()
    ]
    return replace(line, words=[str(o.input_line) for o in kept], given=kept)


def refuse_groups(line: Line) -> None:
    """Refuse to leave out a setting that the verb needs, and to choose from a group that it does not read."""
    known = fields(SETTINGS[line.verb]) or {}
    read = groups(line.verb)
    for override in line.given:
        name = str(override.key_or_group)
        if override.is_delete() and override.package is None and name in known:
            remedy = " (tracker=none tracks nothing)" if name == "tracker" else ""
            raise InputError(f"~{name}: {line.verb} cannot do without it{remedy}", name)
        ours = line.flags.config_name is None and name not in known and name not in read
        if ours and name in LISTS.values() and override.package is None:
            remedy = "; give models=[NAME, ...]" if (line.verb, name) == ("validate", "model") else ""
            raise InputError(f"{name}: {line.verb} reads no {name}{remedy}; it reads {', '.join(read)}", name)


def _launched(verb: str, given: Sequence[Override]) -> bool:
    """True where a launcher is chosen, which Hydra would pass over in silence where there is no sweep.

    Raises `InputError` for a verb whose work is done here in any case.
    """
    chosen = [override for override in given if override.key_or_group == LAUNCHER]
    if chosen and verb not in LAUNCHED:
        value = str(chosen[-1].input_line).partition("=")[2]
        raise reject(LAUNCHER, value, f"left out: {verb} works here ({', '.join(LAUNCHED)} take one)")
    return bool(chosen)


def _refuse_one_folder(given: Sequence[Override]) -> None:
    """Refuse the folder of a single run in a sweep, where Hydra would pass over it in silence."""
    for override in given:
        if override.key_or_group == "hydra.run.dir":
            value = str(override.input_line).partition("=")[2]
            allowed = "left out of what a launcher or a sweep runs (hydra.sweep.dir=FOLDER names its folder)"
            raise reject("hydra.run.dir", value, allowed)


def _refuse_twice(given: Sequence[Override]) -> None:
    """Refuse two choices from one group.  Of a setting's two values the last counts."""
    values: dict[str, str] = {}
    for override in given:
        if override.is_delete() or override.key_or_group not in LISTS.values():
            continue
        name, value = override.get_key_element().lstrip("+"), str(override.input_line).partition("=")[2]
        if values.setdefault(name, value) != value:
            raise InputError(f"{name} = {value}: given twice (also {values[name]}); give one of them", name)


def _refuse(message: str) -> None:
    raise InputError(f"arguments: {' '.join(message.split())} (coursewright VERB --help)")
