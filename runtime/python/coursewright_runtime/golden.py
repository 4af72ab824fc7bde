"""The golden trace of a tutor's words: responses of a made-up learner, and what the file answers to each."""

import json
from collections.abc import Sequence

import numpy as np

from coursewright_runtime.lesson import Array
from coursewright_runtime.tutor import Tutor

CLOSE = 1e-5  # numbers that differ by less, of their size where that exceeds 1, are equal
NAMES = {"observation": "columns", "belief": "skills", "scores": "actions"}  # in the words


def differs(tutor: Tutor) -> str | None:
    """The first difference between file and golden trace, in words; None where there is none."""
    words, golden = tutor.words, tutor.words["golden"]
    state = tutor.new([golden["key"]])
    for step, told in enumerate(golden["responses"]):
        state = np.array(json.loads(json.dumps(state.tolist())), np.float32)
        item, days, minutes = tutor.place[told["item"]], told["days"], told["minutes"]
        found = tutor.run(state, item, told["correct"], days=days, minutes=minutes)
        state, action = found["next_state"], int(found["action"][0])
        where = f"response {step + 1} ({told['item']})"
        if action != told["action"]:
            return f"{where}: action {action} instead of {told['action']}"
        for name in [name for name in NAMES if name in told]:
            if off := _off(found[name][0], told[name], words[NAMES[name]]):
                return f"{where}: {name} of {off}"
    off = _off(state[0], golden["state"], words["state"]["columns"])
    return off and f"after the last response: {off}"


def _off(found: Array, told: Sequence[float], names: Sequence[str]) -> str | None:
    apart = np.abs(found - np.array(told))
    worst = int((apart / np.maximum(1.0, np.abs(told))).argmax())
    close = apart[worst] <= CLOSE * max(1.0, abs(told[worst]))
    return None if close else f"{names[worst]} is off by {apart[worst]:.2g}"
