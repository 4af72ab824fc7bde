"""A trained network as bytes, to be compared with another training of the same seed."""

from coursewright.agents.learning.trained import TrainedPolicy


def bits(policy: TrainedPolicy) -> list[bytes]:
    """Weights and the optimiser's state, one entry per array."""
    kept = []
    for part in policy.model.get_parameters().values():
        states = part["state"].values() if "state" in part else [part]
        kept += [value.numpy().tobytes() for state in states for value in state.values()]
    return kept
