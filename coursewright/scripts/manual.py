"""Help, lists and tab completion, read off the YAML files and their comments; nothing heavy is imported."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CONFIGS = Path(__file__).resolve().parents[1] / "configs"

ENTRY = re.compile(r"((?:  )?)(\w+):(?: +([^# ].*?))?(?: +# (.*))?")  # two levels
CHOICE = re.compile(r"  - (?:override /)?(\w+): (\w+)(?: +# .*)?")
WIDTH, COLUMNS, LONG = 34, 110, 20  # of names and values, of a page, of a value that is shown

# The names of the groups in `coursewright list`
LISTS = {
    "agents": "agent",
    "simulators": "simulator",
    "tasks": "task",
    "models": "model",
    "logs": "log",
    "experiments": "experiment",
    "sweeps": "sweep",
    "spaces": "tune",
    "trackers": "tracker",
}

FLAGS = """flags
  -m, --multirun    a sweep: agent=ppo,dqn seed=0,1 are four jobs; all are checked before one starts
  --cfg job         show the composed configuration, and run nothing
  --config-dir DIR  YAML files of your own beside those of the package
  ~NAME             leave something out, such as ~policies.thompson"""


class Setting(NamedTuple):
    """A line of a YAML file: its name, the value that it has there, and the comment beside it."""

    name: str
    value: str
    comment: str


def names(group: str) -> list[str]:
    """The files of a group."""
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


def first_line(path: Path) -> str:
    """The first comment of a YAML file, which describes it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ") and not line.startswith("# @")]
    return comments[0] if comments else ""


def listed(group: str | None) -> str:
    """The members of a group, a line each; the groups where none is named."""
    if group is None:
        return "\n".join(f"  coursewright list {name:<13}{len(names(of))}" for name, of in LISTS.items())
    of = LISTS[group]
    wide = max(map(len, names(of)))
    return "\n".join(f"{name:<{wide}}  {first_line(CONFIGS / of / f'{name}.yaml')}" for name in names(of))


def groups(verb: str) -> dict[str, str]:
    """The groups that a verb reads, and its default from each."""
    text = (CONFIGS / f"{verb}.yaml").read_text(encoding="utf-8")
    return {found[1]: found[2] for line in text.splitlines() if (found := CHOICE.fullmatch(line))}


def settings(path: Path, at: str = "") -> Iterator[Setting]:
    """The settings of a YAML file, those that it takes from another one of its folder included."""
    above, whole = "", path.read_text(encoding="utf-8")
    if whole.startswith("# @package _global_"):
        at = ""
    for line in whole.splitlines():
        if above == "defaults" and (named := re.fullmatch(r"  - (\w+)", line)) and named[1] != "_self_":
            yield from settings(path.with_name(f"{named[1]}.yaml"), at)
        if (entry := ENTRY.fullmatch(line)) is None:
            continue
        indent, name, value, comment = entry.groups(default="")
        above = above if indent else name
        inner = f"{above}.{name}" if indent else name
        if above not in ("defaults", "hydra", "choices") and not name.startswith("_"):
            yield Setting(f"{at}{inner}", value, comment)


def comment_on(path: str, verb: str, chosen: Mapping[str, str]) -> str:
    """The comment on a setting of a `verb`, in its own file or that of the `chosen` one of a group; or ""."""
    group, _, name = path.partition(".")
    inner = CONFIGS / group / f"{chosen.get(group)}.yaml"
    own = settings(inner, f"{group}.") if name and inner.is_file() else settings(CONFIGS / f"{verb}.yaml")
    return next((setting.comment for setting in own if setting.name == path), "")


def manual(verb: str, words: Sequence[str] = ()) -> str:
    """The text that `coursewright VERB --help` prints; choices among the words are followed."""
    chosen = groups(verb)
    chosen |= {key: value for key, _, value in (word.partition("=") for word in words) if key in chosen}
    lines = [first_line(CONFIGS / f"{verb}.yaml"), "", f"usage: coursewright {verb} [name=value ...]", ""]
    if chosen:
        lines += ["groups: one of each is chosen (`coursewright list agents` says what each is)"]
        lines += [_filled(f"{group}={name}", ", ".join(names(group))) for group, name in chosen.items()] + [
            ""
        ]
    lines += ["settings", *_lines(settings(CONFIGS / f"{verb}.yaml"))]
    for group, name in chosen.items():
        file = CONFIGS / group / f"{name}.yaml"
        if file.is_file() and group not in ("experiment", "sweep"):
            own = _lines(settings(file, f"{group}."))
            lines += ["", f"settings of {group}={name}", *own] if own else []
    return "\n".join([*lines, "", FLAGS])


def _lines(given: Iterable[Setting]) -> list[str]:
    """A line for each setting; a file's comment on it counts more than that of the file below."""
    last = {setting.name: setting for setting in given}
    return [
        _filled(f"{name}={setting.value if len(setting.value) < LONG else '...'}", setting.comment)
        for name, setting in last.items()
        if setting.value
    ]


def _filled(left: str, right: str) -> str:
    gap = " " * (WIDTH + 2)
    text = textwrap.fill(right, COLUMNS, initial_indent=gap, subsequent_indent=gap)
    return f"  {left:<{WIDTH}}{text.removeprefix(gap)}".rstrip()


def completions(verbs: Sequence[str], line: str, whole: bool) -> list[str]:
    """The words that may stand at the end of a command line.

    With `whole` each is a word; else the part after its `=`, for bash takes that for a word of its own.
    """
    words = line.split(" ")[1:]
    last = words[-1] if words else ""
    if len(words) < 2:
        found = [*verbs]
    elif words[0] == "list":
        found = [*LISTS]
    elif words[0] not in verbs or not (CONFIGS / f"{words[0]}.yaml").is_file():
        found = []
    else:
        found = _words(words[0], words[1:-1], last)
    found = [word for word in dict.fromkeys(found) if word.startswith(last)]
    if whole:
        return found
    ended = [word if word.endswith("=") else f"{word} " for word in found]
    return [word.partition("=")[2] if "=" in last else word for word in ended]


def _words(verb: str, before: Sequence[str], last: str) -> list[str]:
    chosen = groups(verb)
    key, equals, _ = last.partition("=")
    if equals:
        return [f"{key}={name}" for name in names(key)] if key in chosen else []
    chosen |= {name: value for name, _, value in (word.partition("=") for word in before) if name in chosen}
    files = [(CONFIGS / group / f"{name}.yaml", f"{group}.") for group, name in chosen.items()]
    own = [setting.name for file, at in files if file.is_file() for setting in settings(file, at)]
    top = [setting.name for setting in settings(CONFIGS / f"{verb}.yaml")]
    return [f"{name}=" for name in [*chosen, *top, *own]]


SCRIPTS = {
    "bash": """_coursewright() {
    local IFS=$'\\n'
    COMPREPLY=($(coursewright --complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
}
complete -o default -o nospace -F _coursewright coursewright""",
    "zsh": """autoload -Uz compinit && compinit
_coursewright() {
    local -a found
    found=(${(f)"$(coursewright --complete zsh "${BUFFER[1,CURSOR]}" 2>/dev/null)"})
    compadd -S '' -a found || _files
}
compdef _coursewright coursewright""",
    "fish": "complete -c coursewright -a '(coursewright --complete fish (commandline -cp))'",
}
