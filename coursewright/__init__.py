"""Coursewright: learn what to teach next, on simulated learners that were fitted to real logs.

Importing the package registers its environments with Gymnasium, by name only: nothing is compiled
and no heavy library is imported until one of them is made.
"""

from gymnasium.envs.registration import register

__version__ = "0.1.0"

for _id, _task in (("coursewright/BKT-v0", "bkt"), ("coursewright/KSS-v0", "kss")):
    register(
        id=_id,
        entry_point=f"coursewright.envs.shipped:{_task}_env",
        vector_entry_point=f"coursewright.envs.shipped:{_task}_vector_env",
    )
