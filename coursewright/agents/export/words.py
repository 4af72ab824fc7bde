"""A tutor file in words: what goes in and out, what its columns mean, who made it, and its fingerprint."""

import json
import struct
from hashlib import sha256
from typing import Any
from zlib import crc32

import numpy as np

from coursewright.agents.bandits.linear_policy import LinearPolicy
from coursewright.agents.export.settings import settings_of
from coursewright.agents.export.tutor import FOREIGN, NOTHING_ALLOWED, Tutor, rule_of
from coursewright.agents.label import actions_of, versions
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.made_for import made_for
from coursewright.agents.rule import RulePolicy
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task

INPUT_WORDS = {
    "state": "float32 [batch, width]: the next_state of the last call; zeros, and the key, for a new learner",
    "item": "int64 [batch]: the item that was given, -1 where nothing happened since the last call",
    "correct": "int64 [batch]: 1 right, 0 wrong, -1 where nothing was asked or the answer was helped",
    "taught": "bool [batch]: the learner worked through the item, so that it taught something",
    "past": "bool [batch]: it happened before the lessons began",
    "goal": "bool [batch, skills]: what the learner is to know",
    "days": "float32 [batch]: days that have passed since the event, up to the next choice",
    "minutes": "float32 [batch]: minutes that the item took",
    "mask": "bool [batch, items]: the items that the host can show now",
}
OUTPUT_WORDS = {
    "next_state": "float32 [batch, width]: to be kept, and given to the next call",
    "observation": "float32 [batch, columns]: what the policy sees",
    "scores": "float32 [batch, actions]: -1e8 where an action is not allowed",
    "action": f"int64 [batch]: {NOTHING_ALLOWED}: nothing is allowed, {FOREIGN}: another tutor's state",
    "belief": "float32 [batch, skills]: the chance that a skill is known",
    "chance": "float32 [batch, items]: the chance of a right answer",
    "next_item": "int64 [batch]: the item of the action, -1 where there is none",
    "wait": "float32 [batch]: days to wait after that item",
    "stop": "bool [batch]: the lessons are to end",
}
FORMULAS = {
    "attempts": "answers on a skill",
    "successes": "right answers on a skill",
    "log_attempts": "ln(1 + attempts)",
    "log_successes": "ln(1 + successes)",
    "log_failures": "ln(1 + attempts - successes)",
    "streak": "right answers on a skill in a row, up to now",
    "belief": "P(skill is known): Bayes' rule after an answer, then b (1 - forget) + (1 - b) learn",
    "goal": "1 where the skill is part of the goal",
    "warmup_right": "right answers on a skill before the lessons",
    "warmup_wrong": "other answers on a skill before the lessons",
    "log_warmup_right": "ln(1 + warmup_right)",
    "log_warmup_wrong": "ln(1 + warmup_wrong)",
    "days_since": "days since the skill was practised, or since the lessons began",
    "last_item": "1 at the item that taught last",
    "item_attempts": "answers on an item",
    "item_days_since": "days since the item was given, or since the lessons began",
    "last_correct": "1 right, -1 wrong, 0 nothing asked",
    "budget_left": "1 - spent / budget, 0 at the least",
}

FREE = ("licence", "scored", "labels")  # words that a host may change, wherever they stand
NO_LOG = "none: no log of learners stands behind this course"


def described(policy: Policy, task: Task, tutor: Tutor) -> dict[str, Any]:
    """The file in words: what goes in and out, and who made it."""
    course = task.course
    table = task.tutor if "belief" in task.features else None
    return {
        "made_by": _maker(policy),
        "versions": versions(),
        "licence": course.licence or NO_LOG,
        "state": {"width": tutor.width, "columns": tutor.columns, "new": "zeros, and the learner's key"}
        | ({"memory": tutor.memory} if tutor.memory else {}),
        "inputs": INPUT_WORDS,
        "outputs": {name: OUTPUT_WORDS[name] for name in tutor.outputs},
        "columns": list(task.layout.names),
        "features": {name: FORMULAS[name] for name in task.layout.features},
        "actions": list(actions_of(task)),
        **made_for(task),
        "tutor": None
        if table is None
        else {
            name: np.broadcast_to(getattr(table, name), (1, course.n_skills))[0].tolist()
            for name in ("prior", "learn", "guess", "slip", "forget")
        },
    }


def fingerprint_of(graph: bytes, told: dict[str, Any]) -> str:
    """The fingerprint of a tutor, 64 hex digits: of its graph, and of all that is told of it but versions."""
    lasting = {name: value for name, value in told.items() if name != "versions"}
    return sha256(graph + json.dumps(lasting, sort_keys=True).encode()).hexdigest()


def stamp_of(fingerprint: str) -> int:
    """The mark of the states that this tutor writes, a whole number from 1 to 2^24 - 1."""
    return 1 + int(fingerprint[:6], 16) % (2**24 - 1)


def digest_of(words: dict[str, Any]) -> str:
    """The CRC-32 of a tutor's words but those of `FREE`, eight hex digits, by which its ONNX file knows them.

    It is that of their JSON without spaces, in UTF-8, where an object is the list of its pairs in the order
    of its names, and a number the 16 hex digits of its float64: languages write numbers differently.
    """
    text = json.dumps(_plain(words), ensure_ascii=False, separators=(",", ":"))
    return f"{crc32(text.encode()):08x}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return [[name, _plain(value[name])] for name in sorted(value) if name not in FREE]
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return struct.pack(">d", value).hex() if type(value) in (int, float) else value


def _maker(policy: Policy) -> dict[str, Any]:
    if isinstance(policy, TrainedPolicy):
        label = policy.label
        return {"agent": label.agent, "seed": label.seed, "steps": label.steps}
    rule = type(rule_of(policy)).__name__
    settings = {"settings": told} if (told := settings_of(rule_of(policy))) else {}
    if isinstance(policy, LinearPolicy):
        return {
            "agent": policy.label.agent,
            "seed": policy.label.seed,
            "steps": policy.label.steps,
            "rule": rule,
        }
    assert isinstance(policy, RulePolicy)
    tuned = {} if policy.tuned is None else {"tuned": policy.tuned.setting}
    return {"agent": policy.name, "rule": rule} | settings | tuned
