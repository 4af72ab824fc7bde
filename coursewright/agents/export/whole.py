"""A whole tutor becomes one ONNX file, which is checked against the original, and a JSON file of words.

The ONNX file takes raw responses and gives the next item: it needs neither us nor torch.  The JSON file
names columns, items and skills, and holds a golden trace, by which a runtime in any language is tested.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from coursewright.agents.export.drawing import PIECES
from coursewright.agents.export.policy import session
from coursewright.agents.export.recorder import put, record
from coursewright.agents.export.remembering import HEAD, KEY, Event
from coursewright.agents.export.tutor import FORMAT, INPUTS, NOTHING_ALLOWED, Tutor
from coursewright.agents.export.words import described, digest_of, fingerprint_of, stamp_of
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.rule import RulePolicy
from coursewright.agents.sampling import DISALLOWED
from coursewright.agents.tutor_words import words_of
from coursewright.envs.episodes import Episodes
from coursewright.envs.history import Past
from coursewright.envs.policy import Policy, seen_by
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.files import write_atomically
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.capabilities import restricts
from coursewright.simulators.luck import Keys, Split

EPISODES = 100  # which a file must teach as the original does
TIED = 1e-5  # scores, of their size where that exceeds 1, that differ by less are equal
SHOWS = ("observation", "belief", "scores")
MARK = "mark"  # of the command that wrote a file
GOLDEN = 50  # responses of the golden trace
SHOWN = (1, 2, 5, 10, 20, 50)  # those after which it shows all that the policy sees and makes of it
Arrays = dict[str, Any]


class WholeTutor:
    """A tutor file in use, for a batch of learners: it is told what happened, and tells the next choice.

    Attributes
    ----------
    state : float32 `[batch, columns]`.
    seen : what the last call gave, by name.
    """

    def __init__(self, path: str | Path, key: Keys) -> None:
        self._run = session(Path(path))
        self._takes = {put.name: put for put in self._run.get_inputs()}
        self._gives = [put.name for put in self._run.get_outputs()]
        self.state = np.zeros((len(key), self._takes["state"].shape[1]), np.float32)
        self.state[:, KEY:HEAD] = pieces(key)
        self.seen: Arrays = {}

    def tell(
        self,
        item: Ints,
        correct: Ints,
        taught: Bools,
        past: bool,
        days: Floats,
        minutes: Floats,
        goal: Bools,
        mask: Bools,
    ) -> Ints:
        """The actions `[batch]` after this event of each learner; see `tutor.Tutor.forward`."""
        given = {
            "state": self.state,
            "item": np.asarray(item, np.int64),
            "correct": np.asarray(correct, np.int64),
            "taught": np.asarray(taught, bool),
            "past": np.full(len(item), past),
            "goal": goal,
            "days": np.asarray(days, np.float32),
            "minutes": np.asarray(minutes, np.float32),
            "mask": mask,
        }
        found = self._run.run(None, {name: given[name] for name in self._takes})
        self.seen = dict(zip(self._gives, found, strict=True))
        self.state = self.seen["next_state"]
        action: Ints = self.seen["action"]
        return action

    def look(self, goal: Bools, mask: Bools) -> Ints:
        """The actions `[batch]` where nothing happened; nothing changes."""
        none, nothing = np.full(len(goal), -1), np.zeros(len(goal))
        return self.tell(none, none, nothing > 0, False, nothing, nothing, goal, mask)


def pieces(key: Keys) -> Floats:
    """64-bit keys as a state holds them: `[batch, 4]`, 16 bits each, the lowest first."""
    parts = [(key >> np.uint64(16 * place)) & np.uint64(0xFFFF) for place in range(PIECES)]
    return np.stack(parts, axis=1).astype(np.float64)


def write(
    policy: Policy, task: Task, path: str | Path, scored: dict[str, Any] | None = None, mark: str = ""
) -> None:
    """Write the tutor that `policy` makes on `task` as `path` (ONNX), and the same in words beside it.

    `scored` is how it did, for the words; `mark` is that of the command, by which it may replace the file.

    Raises
    ------
    InputError : a policy or a task that has no graph, or a path that cannot be written.
    RuntimeError : the file does not teach as the original; nothing is left at `path`.
    """
    task = seen_by(task, policy)
    if not policy.respects_mask and isinstance(policy, RulePolicy):
        raise InputError(f"policy = {policy.name}: it chooses what is not allowed, which no host can show")
    tutor = Tutor(policy, task).eval()
    examples = _example(tutor, task, 2), _example(tutor, task, 3)
    try:
        model = record(tutor, examples, INPUTS, tutor.outputs, {"stamp": tutor.records.stamp})
    except NotImplementedError as error:  # a network of one's own may do what no file can
        raise InputError(f"policy: its network cannot be written as a tutor file ({error})") from error
    told = _marked(model, described(policy, task, tutor), mark)

    def part(at: Path) -> None:
        at.write_bytes(model.SerializeToString())
        returns = compare(at, policy, task)
        words = told | {"scored": scored or _score_of(returns), "golden": golden(at, task)}
        model.metadata_props.add(key="digest", value=digest_of(words))
        at.write_bytes(model.SerializeToString())
        write_atomically(words_of(path), lambda to: _written(to, words))

    write_atomically(path, part, field="to")


def _marked(model: onnx.ModelProto, told: dict[str, Any], mark: str) -> dict[str, Any]:
    """Give the file its stamp, format and mark; the words with their part of it."""
    fingerprint = fingerprint_of(model.graph.SerializeToString(), told)
    stamp = stamp_of(fingerprint)
    told = {"format": FORMAT, "stamp": stamp, "fingerprint": fingerprint} | told
    put(model, "stamp", torch.tensor(float(stamp)))
    about = {"format": json.dumps(FORMAT), "stamp": json.dumps(stamp), MARK: mark}
    onnx.helper.set_model_props(model, about)
    return told


def _score_of(returns: Floats) -> dict[str, Any]:
    """The score of a policy that no run has scored."""
    return {
        "return": float(returns.mean()),
        "standard_error": float(returns.std(ddof=1) / np.sqrt(len(returns))),
        "learners": len(returns),
        "of": "the original, on the learners that the file was compared on; they may have served to tune it",
    }


def mark_in(path: Path) -> str | None:
    """The mark of the command that wrote a tutor file; None where it is no tutor's."""
    try:
        found = session(path).get_modelmeta().custom_metadata_map
    except InputError:
        return None
    return str(found.get(MARK, "")) if "stamp" in found else None


def _written(to: Path, told: dict[str, Any]) -> None:
    """One line for each entry, and for each item of the course and each response."""
    lines = []
    for name, value in told.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(part, ensure_ascii=False) for part in value) + "\n ]"
        lines.append(f" {json.dumps(name)}: {text}")
    to.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _example(tutor: Tutor, task: Task, batch: int) -> tuple[torch.Tensor | Event, ...]:
    course = task.course
    whole, flag, real = torch.zeros(batch, dtype=torch.int64), torch.ones(batch) > 0, torch.zeros(batch)
    event = Event(whole, whole.clone(), flag, flag.clone(), real, real.clone())
    goal, mask = torch.ones(batch, course.n_skills) > 0, torch.ones(batch, course.n_items) > 0
    return torch.zeros(batch, tutor.width), event, goal, mask


def compare(path: Path, policy: Policy, task: Task, learners: int = EPISODES) -> Floats:
    """Let the file and the original teach the same learners, whole episodes; RuntimeError where they differ.

    Gives the learners' returns, `[learners]`.
    Observations must be equal to the bit (but for a budget in minutes, which come in as float32), choices
    equal or tied.  A network that knows no masks is compared among the allowed actions: hosts show no others.
    """
    episodes, rows = Episodes(task, learners), np.arange(learners)
    episodes.begin(rows, rows, np.zeros(learners, np.int64), Split.TUNE)
    records = episodes.records
    tutor, state = WholeTutor(path, episodes.luck.fate), policy.begin(episodes.luck)
    offered = offered_by(episodes)
    _tell_past(tutor, records.brought, episodes.goal, offered)
    action, returns = tutor.look(episodes.goal, offered), np.zeros(learners)
    while not episodes.over.all():
        running, mask = ~episodes.over, episodes.mask.copy()
        _same_view(tutor.seen["observation"][running], episodes.observation[running], task)
        wanted, after = policy.predict(episodes.observation, state, None, True, mask)
        dead = (action == NOTHING_ALLOWED) & ~mask[:, : task.n_actions - task.stop].any(axis=1)
        action = np.where(dead, wanted, action)  # a turn that the platform refuses
        if isinstance(policy, TrainedPolicy):
            scores = np.where(mask, policy.scores(episodes.observation, mask, state), DISALLOWED)
            _same_scores(tutor.seen["scores"][running], scores[running])
            best = scores.max(axis=1)
            tied = np.abs(best - scores[rows, action]) <= TIED * np.maximum(1.0, np.abs(best))
        else:
            tied = action == wanted
        if not tied[running].all():
            wrong = int(np.sum(~tied[running]))
            raise RuntimeError(f"the tutor file chooses differently in {wrong} of {running.sum()} cases")
        state = after
        reward = episodes.step(np.where(running, action, 0)).reward
        returns += np.where(running, reward, 0.0)
        offered = offered_by(episodes)
        item, correct, minutes, days, taught = records.heard
        worked = taught & (item >= 0)
        action = tutor.tell(item, correct, worked, False, days, minutes, episodes.goal, offered)
    return returns


def offered_by(episodes: Episodes) -> Bools:
    """The items that the learners' platform offers, `[batch, items]`."""
    offered = np.ones((episodes.batch, episodes.task.course.n_items), bool)
    simulator = episodes.task.simulator
    if restricts(simulator):
        simulator.allowed(episodes.state, offered)
    return offered


def _tell_past(tutor: WholeTutor, past: Past, goal: Bools, offered: Bools) -> None:
    none = np.zeros(len(goal))
    for t in range(past.item.shape[1]):
        there = t < past.length
        item = np.where(there, past.item[:, t], -1)
        tutor.tell(item, past.correct[:, t], there & past.taught[:, t], True, none, none, goal, offered)


def _same_view(found: Observation, wanted: Observation, task: Task) -> None:
    apart = np.abs(found - wanted)
    if task.terms.by_minutes and "budget_left" in task.features:
        budget = task.layout.columns("budget_left")
        apart[:, budget] = np.maximum(apart[:, budget] - 1e-6, 0.0)
    if apart.max(initial=0.0) > 0.0:
        column = task.layout.names[int(apart.max(axis=0).argmax())]
        raise RuntimeError(f"the tutor file sees another {column} (apart by {apart.max():.2g})")


def _same_scores(found: Floats, wanted: Floats) -> None:
    apart = np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted))
    if not apart.max(initial=0.0) <= TIED:
        raise RuntimeError(f"the tutor file's scores differ from the original's by {apart.max():.2g}")


def golden(path: Path, task: Task) -> dict[str, Any]:
    """The first responses of a made-up learner who is taught by the file, and what it answers to each.

    After those of `SHOWN` the observation, the belief and the scores stand there too, to six digits.
    """
    rng, key = np.random.default_rng(0), np.array([20261128], np.uint64)
    tutor, course = WholeTutor(path, key), task.course
    goal, mask = np.ones((1, course.n_skills), bool), np.ones((1, course.n_items), bool)
    action, trace = tutor.look(goal, mask), []
    for step in range(GOLDEN):
        item = int(action[0]) % course.n_items if action[0] >= 0 else int(rng.integers(course.n_items))
        correct = int(rng.integers(-1, 2))
        days = round(float(rng.exponential(2.0)), 3) if task.longest_gap > 0.0 else 0.0
        minutes = round(float(course.minutes[item]), 3)
        given = (
            np.array([item]),
            np.array([correct]),
            np.array([True]),
            False,
            np.array([days]),
            np.array([minutes]),
        )
        action = tutor.tell(*given, goal, mask)
        event = {"item": course.items[item], "correct": correct, "days": days, "minutes": minutes}
        shown = [name for name in SHOWS if name in tutor.seen and step + 1 in SHOWN]
        rows = {name: _rounded(tutor.seen[name][0]) for name in shown}
        trace.append(event | {"action": int(action[0])} | rows)
    return {"key": int(key[0]), "responses": trace, "state": [float(x) for x in tutor.state[0]]}


def _rounded(row: Floats) -> list[float]:
    """Numbers to six digits, and whole ones in the shortest form."""
    return [int(x) if float(x).is_integer() else float(f"{x:.6g}") for x in row]
