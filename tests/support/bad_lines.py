"""Bad command lines by the hundred, from a fixed seed: settings of every verb with impossible values.

`bad_lines` makes them, `told` runs one in a child of this process, which has imported everything already.
"""

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import forked

SEED = 20
LONGEST = 60.0  # seconds for one line, on a busy machine

# Values that no setting takes, or that some take and others do not; see SETTINGS.
NUMBERS = ["null", "[]", "[3]", "{}", "nan", "inf", "-inf", "-1", "1.5", "word", "''", "true", "1e11", "[/x]"]
NUMBERS += [
    "\x1b[31m",
    "1,2",
    "{a: 1}",
    "-1e300",
    "'3'",
    "None",
    "[nan]",
    "${nowhere}",
    "${seed",
    "'open",
    "[1,",
]
SHARES = ["null", "[]", "{}", "nan", "inf", "-inf", "-1", "1.5", "word", "''", "true", "[/x]", "1,2", "'0.5'"]
SWITCHES = ["null", "[]", "{}", "nan", "-1", "1.5", "word", "''", "2", "[true]", "yes,no", "'true'"]
LISTS = ["null", "{}", "5", "1.5", "true", "[null]", "[5]", "[{}]", "[[]]", "word", "''", "[/x", "[nan]"]
NODES = ["null", "5", "[]", "word", "''", "true", "[3]", "nan", "{_target_: 5}", "{_target_: nowhere.Thing}"]
NAMES = [
    "nosuch",
    "''",
    "null",
    "5",
    "[]",
    "{}",
    "nan",
    "../kss",
    "a/b/c",
    "[/x]",
    "'\x1b[31m'",
    "1,2",
    "ü",
    "true",
]
FOLDERS = [
    "nowhere",
    "''",
    "null",
    "5",
    "[]",
    "/dev/null/x",
    "x" * 300,
    "/dev/null",
    "'\x00'",
    "{}",
    "a\nb",
    ".",
]
PLACES = ["''", "null", "[]", "/dev/null/x", "x" * 300, "/dev/full", "/dev/null", "{}", "/proc/nothing/here"]

# verb -> words that the verb needs -> setting -> values
SETTINGS: dict[str, dict[str, Sequence[str]]] = {
    "train": {
        "seed": NUMBERS,
        "learners": [*NUMBERS, "0"],
        "tags": LISTS,
        "tutor": [v for v in NAMES if v != "null"],
        "agent": NAMES,
        "simulator": NAMES,
        "task": NAMES,
        "tracker": NAMES,
        "experiment": [v for v in NAMES if v != "null"],
        "sweep": [v for v in NAMES if v != "null"],
        "name": ["[/x]", "a/b", "''", "null", "{}"],
        "study": ["x [bold]", "[1,2]", "null"],
        "seeds.luck": [v for v in NUMBERS if v != "-1"],
        "seeds.population": [v for v in NUMBERS if v != "-1"],
        "agent.steps": NUMBERS,
        "agent.n_steps": [v for v in NUMBERS if v != "null"],
        "agent.learning_rate": [*SHARES[:7], "true", "0", "word"],
        "agent.gamma": SHARES,
        "agent.anneal": SWITCHES,
        "agent.layers": [v for v in LISTS if v != "[5]"],
        "agent.features": ["5", "{}", "''", "[]", "[5]", "nan", "true"],
        "agent.device": ["null", "cudo", "5", "''", "[]", "cuda:99"],
        "task.steps": [*NUMBERS, "0"],
        "task.minutes": ["5", "-1", "nan", "word", "[]"],
        "task.reward": NODES,
        "task.goal": ["null", "5", "[]", "{}", "nan", "nosuch", "true", "[nosuch]"],
        "task.days": ["null", "-1", "nan", "inf", "word", "[]", "{}"],
        "task.delays": ["null", "5", "{}", "[-1]", "[nan]", "[word]", "[1,1]"],
        "task.strict": SWITCHES,
        "task.mastered_at": [*SHARES, "0"],
        "task.blame": ["null", "5", "nobody", "''", "[]"],
        "task.unlock_after": NUMBERS,
        "task.features": [*LISTS, "[nosuch]"],
        "simulator.ready_ability": ["nan", "word", "[]", "null", "true"],
        "tracker.mode": ["null", "5", "nosuch", "[]"],
        "~": [""],
        "~agent": [""],
        "~seed": [""],
        "agents": ["null", "5", "[]", "word"],
        "agents.nosuch.steps": ["5"],
        "agents.maskable_ppo.steps": [v for v in NUMBERS if v != "{}"],
        "hydra.run.dir": PLACES,
        "hydra.launcher.n_jobs": ["word", "[]", "{}"],
        "resume": FOLDERS,
    },
    "evaluate": {
        "runs": [v for v in FOLDERS if v != "null"],
        "learners": [*NUMBERS, "0", "1"],
        "seed": NUMBERS,
        "workers": [*NUMBERS, "0"],
        "example": NUMBERS,
        "reference": NAMES,
        "baseline": NAMES,
        "aims": [*LISTS, "[]", "[nosuch]"],
        "columns": [*LISTS, "[nosuch]", "[gain/nosuch]"],
        "policies": [*NODES, "{}"],
        "policies.random": NODES,
        "policies.ucb.c": [v for v in SHARES if v not in ("null", "1.5")],
        "policies.tuned_mastery.learners": [*NUMBERS, "0"],
        "policies.oracle_beam.kss_width": [*NUMBERS, "0"],
        "policies.thompson.draws": ["5"],
        "outcomes": [*NODES, "{}"],
        "outcomes.gain": NODES,
        "statistics": NODES,
        "figures": NODES,
        "tutor": [v for v in NAMES if v != "null"],
        "~policies.random": [""],
        "task.steps": NUMBERS,
        "seeds": NODES,
        "tracker.mode": ["nosuch"],
    },
    "fit": {
        "draws": NUMBERS,
        "folds": [*NUMBERS, "1"],
        "min_rows": [*NUMBERS, "0"],
        "seed": NUMBERS,
        "out": PLACES,
        "log": NAMES,
        "model": NAMES,
        "model.n_skills": [v for v in NUMBERS if v != "null"],
        "model.min_learners": [v for v in NUMBERS if v != "null"],
        "model.forgetting": SWITCHES,
        "tags": LISTS,
        "log.path": FOLDERS[:1],
        "agent": ["ppo"],
    },
    "validate": {
        "models": [*LISTS, "[]", "[nosuch]"],
        "reference": NAMES,
        "settings": NODES,
        "folds": NUMBERS,
        "worlds": [*NUMBERS, "1"],
        "settings.folds": NUMBERS,
        "settings.replicates": NUMBERS,
        "settings.draws": NUMBERS,
        "settings.min_rows": NUMBERS,
        "model": ["bkt"],
    },
    "import": {
        "to": PLACES,
        "parts": [*NUMBERS, "0"],
        "log.path": FOLDERS,
        "log.columns": LISTS,
        "log.unit": ["5"],
    },
    "tune": {
        "trials": [*NUMBERS, "0"],
        "learners": [*NUMBERS, "0", "1"],
        "evaluated": [*NUMBERS, "0", "1"],
        "retrain": [*NUMBERS, "0", "4"],
        "together": [*NUMBERS, "0"],
        "workers": [*NUMBERS, "0"],
        "seed": NUMBERS,
        "agent": NAMES,
        "space": [*NODES, "{}"],
        "space.agent": NODES,
        "space.agent.epochs": [*NUMBERS, "0"],
        "space.agent.layers": ["[]", "[[8],[8]]", "[[8],word]", "5", "word", "null"],
        "space.agent.entropy.low": ["-1", "1", "nan", "word", "null", "true", "[]"],
        "space.agent.nosuch": ["[1,2]", "5"],
        "agents": ["null", "5", "[]", "word"],
    },
    "export": {"run": FOLDERS, "to": PLACES},
}
FLAGS = [
    "--nosuch",
    "-z",
    "--config-dir=nowhere",
    "--config-name=nowhere",
    "--cfg",
    "--cfg=nowhere",
    "--info=nowhere",
]


# Settings with a value in its plain spelling, and the same in others that are odd and harmless
HARMLESS = [
    ("train", "seed=3", ["seed= 3", "seed=3 ", "++seed=3", "seed=+3"]),
    ("train", "learners=1000", ["learners=1_000", "++learners=1000"]),
    ("train", "agent.steps=64000", ["agent.steps=64_000", "++agent.steps=64000", "agent.steps= 64000"]),
    ("train", "agent.gamma=0.5", ["agent.gamma=.5", "agent.gamma=5e-1", "agent.gamma=0.50"]),
    (
        "train",
        "agent.layers=[64,32]",
        ["agent.layers=[64, 32]", "++agent.layers=[64,32]"],
    ),
    ("train", "agent.anneal=true", ["agent.anneal=True", "agent.anneal=TRUE", "++agent.anneal=true"]),
    ("train", "agent.n_steps=null", ["agent.n_steps=NULL", "agent.n_steps=Null", "++agent.n_steps=null"]),
    ("train", "+task.goal=learner", ["task.goal=learner", "task.goal='learner'", '++task.goal="learner"']),
    ("train", "+task.delays=[0,1]", ["task.delays=[0,1]", "task.delays=[0, 1]"]),
    ("train", "+task.days=0.5", ["task.days=.5", "task.days=0.5", "++task.days=5e-1"]),
    ("train", "+agents.dqn.steps=5", ["agents.dqn.steps=5", "++agents.dqn.steps=5"]),
    ("train", "tags=[a,b]", ["tags=[a, b]", "tags=['a','b']", 'tags=["a",b]']),
    ("train", "name='5'", ["name=5", 'name="5"', "++name='5'"]),
    ("train", "name='a=b'", ["name=a=b", 'name="a=b"']),
    ("train", "study='x (y), z'", ["study=x (y), z", 'study="x (y), z"']),
    ("train", "agent=ppo", ["agent='ppo'", 'agent="ppo"', "agent= ppo"]),
    ("evaluate", "aims=[return]", ["aims=['return']", "aims=[ return ]"]),
    ("evaluate", "policies.ucb.c=2", ["++policies.ucb.c=2", "policies.ucb.c= 2"]),
    ("evaluate", "runs='a/b=c,d e'", ["runs=a/b=c,d e", 'runs="a/b=c,d e"']),
    ("evaluate", "runs=['a=1','b c']", ["runs=[a=1,b c]", 'runs=["a=1","b c"]']),
    ("evaluate", "~policies.thompson", ["~policies.thompson", "~agent@policies.thompson"]),
    ("fit", "out='my (new) learners'", ["out=my (new) learners", 'out="my (new) learners"']),
    ("fit", "log=mapped log.columns.skills='KC(Default)'", ["log=mapped log.columns.skills=KC(Default)"]),
    ("fit", "log=mapped +log.columns.minutes=took", ["log=mapped log.columns.minutes=took"]),
    ("fit", "log=mapped +log.values.correct.yes=1", ["log=mapped log.values.correct.yes=1"]),
    ("import", "to='1e3'", ["to=1e3", 'to="1e3"']),
    ("export", "run='out/a=b,c'", ["run=out/a=b,c", 'run="out/a=b,c"']),
    ("export", "to='true'", ["to=true", 'to="true"']),
]


class Told(NamedTuple):
    """The outcome of a line: its exit code, its words, its seconds, and the files it left behind."""

    code: int
    said: str
    seconds: float
    left: list[str]

    @property
    def fault(self) -> str:
        """The fault of the answer to a line that is wrong; empty where there is none."""
        if self.code != 2:
            return f"exit code {self.code}"
        if "Traceback" in self.said:
            return "a traceback"
        if len(self.said.strip().splitlines()) != 1 or not self.said.startswith("error: "):
            return "not one line"
        if any(ord(letter) < 32 for letter in self.said.strip()):
            return "control characters"
        return f"left behind {self.left}" if self.left else ""


def bad_lines(number: int) -> list[tuple[str, list[str]]]:
    """Verbs with arguments that must be refused, `number` of them, always the same."""
    whole = list(_whole())
    random.Random(SEED).shuffle(whole)
    return whole[:number]


def _whole() -> Iterator[tuple[str, list[str]]]:
    for verb, settings in SETTINGS.items():
        for setting, values in settings.items():
            for value in values:
                if setting != "resume" and "," in value and value[0] not in "[{'":
                    yield verb, [f"{setting}={value}"]
                if setting.startswith("~"):
                    yield verb, [setting]
                else:
                    yield verb, [f"{setting}={value}"]
            if not setting.startswith(("~", "resume", "agents.")):
                yield verb, [_typo(setting) + "=1"]
                yield verb, [setting]
                yield verb, [setting, "3"]
        for flag in FLAGS:
            yield verb, [flag]
    for word in ("=3", "", "+=3", " "):
        for verb in SETTINGS:
            yield verb, [word]
    yield "train", ["agent=ppo", "agent=dqn"]
    yield "evaluate", ["task=kss", "task=mastery"]
    for values in ("-1,0", "0,null", "3,word", "0,[1]"):
        yield "train", ["-m", f"seed={values}"]
    for values in ("ppo,nosuch", "nosuch,dqn", "5,ppo", "ppo,null"):
        yield "train", ["-m", f"agent={values}"]
    yield "train", ["-m", "task=kss,mastery", "task.unlock_after=0,-1"]


def _typo(setting: str) -> str:
    above, dot, last = setting.rpartition(".")
    return f"{above}{dot}{last[1:] if len(last) > 4 else last + 'x'}q"


def told(verb: str, arguments: Sequence[str]) -> Told:
    """Run a line in a child process of this one, in an empty folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        begin = time.monotonic()
        done = forked.coursewright(place, verb, *arguments, patience=LONGEST)
        left = sorted(str(path.relative_to(place)) for path in Path(place).rglob("*"))
        return Told(done.returncode, done.stderr, time.monotonic() - begin, left)
