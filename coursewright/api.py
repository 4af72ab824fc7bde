"""The names that `import coursewright as cw` offers: each is imported when it is first used.

The names are those of a session in Python: a task, agents, a comparison.  Everything else is imported
from where it lives.
"""

FACE = {
    "bkt": "coursewright.envs.shipped",
    "kss": "coursewright.envs.shipped",
    "Task": "coursewright.envs.task",
    "Seeds": "coursewright.simulators.luck",
    "read_bkt": "coursewright.simulators.knowledge.tables",
    "Ppo": "coursewright.agents.learning.ppo",
    "RecurrentPpo": "coursewright.agents.learning.recurrent_ppo",
    "A2c": "coursewright.agents.learning.a2c",
    "Trpo": "coursewright.agents.learning.trpo",
    "Dqn": "coursewright.agents.learning.dqn",
    "QrDqn": "coursewright.agents.learning.qr_dqn",
    "Ars": "coursewright.agents.learning.ars",
    "UniformRandom": "coursewright.agents.rules.baselines",
    "RandomLegal": "coursewright.agents.rules.baselines",
    "MasteryThreshold": "coursewright.agents.rules.mastery",
    "NInARow": "coursewright.agents.rules.mastery",
    "TunedMastery": "coursewright.agents.rules.tuned",
    "ExpectedGain": "coursewright.agents.rules.expected_gain",
    "Index": "coursewright.agents.rules.index",
    "Thompson": "coursewright.agents.bandits.thompson",
    "OracleGreedy": "coursewright.agents.planners.oracles",
    "OracleBeam": "coursewright.agents.planners.oracles",
    "rollout": "coursewright.envs.rollout",
    "bound": "coursewright.evaluation.bounds",
    "compare": "coursewright.evaluation.comparison.compare",
    "Comparing": "coursewright.evaluation.comparison.settings",
    "show": "coursewright.evaluation.comparison.table",
}
