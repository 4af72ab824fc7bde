"""The golden trace of a tutor's words: responses of a made-up learner, and what the file answers to each."""

import json

import numpy as np

from coursewright_runtime.tutor import Tutor

CLOSE = 1e-5  # states that differ by less are equal


def differs(tutor: Tutor) -> str | None:
    """The first difference between file and golden trace, in words; None where there is none."""
    golden = tutor.words["golden"]
    state = tutor.new([golden["key"]])
    for step, told in enumerate(golden["responses"]):
        state = np.array(json.loads(json.dumps(state.tolist())), np.float32)
        item, days, minutes = tutor.place[told["item"]], told["days"], told["minutes"]
        found = tutor.run(state, item, told["correct"], days=days, minutes=minutes)
        state, action = found["next_state"], int(found["action"][0])
        if action != told["action"]:
            return f"response {step + 1} ({told['item']}): action {action} instead of {told['action']}"
    apart = np.abs(state[0] - np.array(golden["state"], np.float32))
    worst = int(apart.argmax())
    if apart[worst] <= CLOSE:
        return None
    return f"after the last response: {tutor.words['state']['columns'][worst]} is off by {apart[worst]:.2g}"
