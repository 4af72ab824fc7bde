"""The proof of a planner on tuning learners: a fitted model may be wrong, and a gate in it would not tell."""

import logging
from dataclasses import replace

import numpy as np

from coursewright.agents.rule import RulePolicy
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.simulators.luck import Split

FIRST = 500_000  # of the tuning split: the rule was tuned on its first thousands

log = logging.getLogger(__name__)


def proved(planner: RulePolicy, base: RulePolicy, task: Task, learners: int) -> RulePolicy:
    """The planner where it teaches `learners` tuning learners better than its base rule, else that rule.

    Better: by a higher mean return, as settings of rules are chosen.  The rule then has the planner's name,
    and says so in its caveat.  With less than two learners there is no proof, and the planner is returned.
    """
    if learners < 2:
        return planner
    mine, theirs = (rollout(task, one, learners, Split.TUNE, FIRST).returned for one in (planner, base))
    ahead = mine - theirs
    mean, doubt = float(ahead.mean()), float(ahead.std(ddof=1) / np.sqrt(learners))
    words = f"on {learners} tuning learners planning returned {mean:+.4f} over its rule (se {doubt:.4f})"
    log.info("%s: %s", planner.name, words)
    if mean > 0.0:
        return planner
    reason = f"it is the rule that it would plan over: {words}"
    return replace(base, name=planner.name, caveat="; ".join(filter(None, (base.caveat, reason))))
