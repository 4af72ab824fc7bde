"""A policy beside random choice and the tuned rule, and a check that it listens to its learners.

All meet the same learners of the tuning split, from number `FIRST` on: nobody was trained on them, and no
rule's settings were chosen on them.  The learners of a comparison stay unseen.

The tuned rule is the one that comparisons measure differences from: the best of all families where days pass,
since a mastery rule falls below round-robin there, and the tuned mastery rule elsewhere.
"""

import logging
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from coursewright.agents.planning import cost_of
from coursewright.agents.rule import caveat_of
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tuned_rule import TunedRule
from coursewright.agents.tuning import Tuned
from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Oracle, Policy, attend, seen_by
from coursewright.envs.record import Records
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.statistics import TIE, Estimate, over_learners
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.luck import Split

log = logging.getLogger(__name__)

FIRST = 1_000_000  # of the tuning split: rules are tuned on its first thousands
RANDOM = "random"
LISTENERS = 500  # learners for whom answers are replaced
DEAF = 0.01  # a smaller share of choices that hang on answers is as good as none


class Standing(NamedTuple):
    """The findings at the end of a training.

    Attributes
    ----------
    means : policy -> mean return; the policy itself, random, and the tuned rule where it can do the task.
    ahead : name of another policy -> the paired difference to it.
    tuned : what the rule was tuned to.
    listens : share of choices that hang on answers (`share_that_listens`); nan where nobody can tell.
    caveat : a reason for which a rule may be none for this task; "" for none.
    """

    means: dict[str, float]
    ahead: dict[str, Estimate]
    tuned: Tuned | None
    listens: float
    caveat: str = ""

    @property
    def scores(self) -> dict[str, float]:
        """For a tracker."""
        found = {f"eval/return_{name}": mean for name, mean in list(self.means.items())[1:]}
        for name, estimate in self.ahead.items():
            found |= {f"eval/ahead_of_{name}": estimate.value}
            found |= {f"eval/ahead_of_{name}_low": estimate.low, f"eval/ahead_of_{name}_high": estimate.high}
        return found | {"eval/listens": self.listens}

    @property
    def deaf(self) -> bool:
        """True where the policy ignores the learner."""
        return self.listens < DEAF

    @property
    def warnings(self) -> list[str]:
        """The reasons for doubt, a line each."""
        deaf = f"ignores the learner: {self.listens:.1%} of its choices hang on answers" if self.deaf else ""
        return [line for line in (self._below, deaf, self.caveat) if line]

    @property
    def _below(self) -> str:
        gap = self.ahead.get(RANDOM)
        if gap is None or gap.high >= -TIE:
            return ""
        return (
            f"clearly below random choice: {number(gap.value, True)} {brief(gap.low, gap.high, True)}, paired"
        )


def references(task: Task) -> tuple[str, ...]:
    """The names of the rules that a policy is measured against on such a task, the first that there is."""
    best = ("tuned_rule", "tuned_mastery")
    return best if task.kind == "memory" else best[::-1]


def standing(name: str, policy: Policy, task: Task, learners: int) -> Standing:
    """Let the policy called `name`, random choice and the tuned rule teach the same learners."""
    others: dict[str, Policy] = {RANDOM: UniformRandom()(task)}
    tuned, best = None, references(task)[0]
    agent = TunedRule() if best == "tuned_rule" else TunedMastery()
    try:
        rule = agent(task)
        others[best], tuned = rule, rule.tuned
    except InputError:  # it cannot do this task, so there is nothing to stand beside
        pass
    others = {label: other for label, other in others.items() if label != name}
    begun = time.process_time()
    mine = _returned(task, policy, learners)
    cost = cost_of(name, policy, learners * task.horizon, time.process_time() - begun)
    if cost:
        log.info("%s", cost)
    theirs = {label: _returned(task, other, learners) for label, other in others.items()}
    paired = theirs if learners > 1 else {}
    return Standing(
        means={label: float(values.mean()) for label, values in ({name: mine} | theirs).items()},
        ahead={label: over_learners(mine - values) for label, values in paired.items()},
        tuned=tuned,
        listens=share_that_listens(policy, task, min(learners, LISTENERS)),
        caveat=caveat_of(policy),
    )


def in_a_line(found: Standing, learners: int) -> str:
    """The figures as a person reads them."""
    name, *others = found.means
    parts = [f"{name} {number(found.means[name])}"]
    for other in others:
        part = f"{other} {number(found.means[other])}"
        if other in found.ahead:
            value, low, high = found.ahead[other][:3]
            part += f" ({number(value, signed=True)} {brief(low, high, signed=True)})"
        parts.append(part)
    return f"mean return on {learners:,} new learners: {'; '.join(parts)}"


class Misheard(Records):
    """Records that note a coin's toss in place of each answer."""

    def write(
        self, item: Ints, correct: Ints, minutes: Floats, days: Floats, taught: Bools, ended: Bools
    ) -> None:
        """Note responses whose answers are a coin's."""
        coin = np.random.default_rng(int(self.step.max())).integers(0, 2, self.batch)
        super().write(item, np.where(correct >= 0, coin, correct), minutes, days, taught, ended)


def share_that_listens(policy: Policy, task: Task, learners: int) -> float:
    """The share of a policy's choices that hang on answers.

    The same learners are taught twice with the same luck, once as they are, and once by a tutor who notes the
    toss of a coin in place of each answer.  It is the share of turns, from the second on, at which the two
    tutors choose differently.  A policy that ignores answers has exactly 0, for all else is equal: goals,
    budget, the policy's own draws.  Where answers unlock items, what is allowed is part of what they do.

    nan for an oracle, who reads the learner instead, and where no turn follows another.
    """
    if isinstance(policy, Oracle) or task.horizon < 2:
        return float("nan")
    heard, misheard = (_choices(policy, task, learners, kind) for kind in (Records, Misheard))
    differ = total = 0
    for (mine, there), (other, _) in zip(heard, misheard, strict=False):
        differ += int((there & (mine != other)).sum())
        total += int(there.sum())
    return differ / total if total else float("nan")


def _choices(policy: Policy, task: Task, learners: int, kind: type[Records]) -> Iterator[tuple[Ints, Bools]]:
    """Actions `[learners]` and who is still taught, from the second turn on."""
    episodes = Episodes(seen_by(task, policy), learners, records=kind)
    rows = np.arange(learners)
    episodes.begin(rows, FIRST + rows, np.zeros(learners, np.int64), Split.TUNE)
    attend(policy, episodes)
    state = policy.begin(episodes.luck)
    for turn in range(task.horizon):
        started = np.full(learners, turn == 0)
        choice, state = policy.predict(episodes.observation, state, started, True, episodes.mask)
        action = np.asarray(choice, np.int64)
        if turn:
            yield action, ~episodes.over
        episodes.step(action)


def _returned(task: Task, policy: Policy, learners: int) -> Floats:
    return rollout(task, policy, learners, Split.TUNE, first=FIRST).returned
