"""Coursewright: learn what to teach next, on simulated learners that were fitted to real logs."""

__version__ = "0.1.0"


def register_environments() -> None:
    """Register `coursewright/BKT-v0` and `coursewright/KSS-v0`; Gymnasium's plugin entry point.

    Only names are given, so that `import gymnasium` stays as quick as it was.
    """
    from gymnasium.envs.registration import register, registry

    for name, task in (("BKT", "bkt_v0"), ("KSS", "kss_v0")):
        if f"coursewright/{name}-v0" not in registry:
            register(
                id=f"coursewright/{name}-v0",
                entry_point=f"coursewright.envs.shipped:{task}",
                vector_entry_point=f"coursewright.envs.shipped:{task}_vector",
            )
