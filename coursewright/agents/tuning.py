"""Settings chosen on tuning learners, who are met neither in training nor in evaluation."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from coursewright.agents.kept import KeptScores, Score
from coursewright.agents.tracker import Tracker
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.progress import Progress
from coursewright.simulators.luck import Split

Chosen = TypeVar("Chosen", bound=Policy)

LEARNERS = 2000
SCREENED_ON = 500  # the first of these learners, met by every setting
KEPT = 12  # settings a family that then meet all of them
CHANCES = tuple(round(0.05 * step, 2) for step in range(20))  # 0 to .95


Agent = Callable[[Task, int, Tracker], Policy]


class Trial(NamedTuple):
    """One setting that was tried: its mean return on so many tuning learners, with its standard error.

    `steps` of the environment and `seconds` of processor were its cost when it was found, be that by an
    earlier command.
    """

    setting: str
    score: float
    se: float
    learners: int
    steps: int = 0
    seconds: float = 0.0


class Tuned(NamedTuple):
    """The setting that came out best, and every setting that was tried.

    `score` and `se` are its mean return on the tuning learners; in sample, hence slightly flattering.
    """

    setting: str
    score: float
    se: float
    trials: tuple[Trial, ...]


class Tuning:
    """Scores candidates on tuning learners, remembers every trial, and tells the tracker.

    A score that was found before, by whichever command, is not computed again (see `kept`).
    """

    def __init__(self, task: Task, tracker: Tracker) -> None:
        self.task = task
        self.tracker = tracker
        self.kept = KeptScores(task)
        self.trials: list[Trial] = []
        self._steps = 0
        self._progress = Progress("tuning a rule", None, "settings")

    def score(self, setting: str, policy: Policy, learners: int) -> float:
        """Mean return of the policy on the first `learners` of the tuning split."""
        found = self.kept.get(policy, learners)
        if found is None:
            begun = time.process_time()
            run = rollout(self.task, policy, learners, Split.TUNE)
            seconds = time.process_time() - begun
            se = float(run.returned.std() / np.sqrt(learners))
            found = Score(float(run.returned.mean()), se, int(run.steps.sum()), seconds)
            self.kept.put(policy, learners, found)
            self._progress.more(1)
        self.trials.append(Trial(setting, found.mean, found.se, learners, found.steps, found.seconds))
        self._steps += found.steps
        told = {"tuning/trial": len(self.trials), "tuning/return": found.mean, "tuning/learners": learners}
        self.tracker.log(told, self._steps)
        return found.mean

    def include(self, others: Sequence[Trial]) -> None:
        """Count trials that a candidate was tuned by before it came here; their scores are known now."""
        self.trials.extend(others)
        self.kept.read()
        self._steps += sum(trial.steps for trial in others)

    def best(self, candidates: Sequence[tuple[str, Policy]], learners: int, keep: int = 1) -> list[int]:
        """Places of the `keep` best candidates, the best first; of equals, the one listed first."""
        scores = [self.score(setting, policy, learners) for setting, policy in candidates]
        self._progress.close()
        self.kept.write()
        order = np.argsort(-np.array(scores), kind="stable")
        return [int(place) for place in order[:keep]]

    def trial(self, setting: str, learners: int) -> Trial:
        """The last trial of a setting on this many learners."""
        return next(t for t in reversed(self.trials) if t.setting == setting and t.learners == learners)

    def tuned(self, setting: str, learners: int) -> Tuned:
        """The setting that was chosen, with its last trial on this many learners."""
        trial = self.trial(setting, learners)
        return Tuned(setting, trial.score, trial.se, tuple(self.trials))


def halved(tuning: Tuning, candidates: Sequence[tuple[str, Chosen]], learners: int) -> tuple[str, Chosen]:
    """The best candidate by successive halving with one cut: the first learners screen, all decide."""
    screened_on = min(SCREENED_ON, learners)
    known = {trial.setting for trial in tuning.trials if trial.learners == screened_on}
    fresh = [candidate for candidate in candidates if candidate[0] not in known]
    tuning.best(fresh, screened_on)
    score = [tuning.trial(name, screened_on).score for name, _ in candidates]
    places = np.argsort(-np.array(score), kind="stable")[:KEPT]
    kept = [candidates[int(place)] for place in places]
    return kept[tuning.best(kept, learners)[0]]


def tuned_option(
    option: str, grid: Sequence[float], make: Callable[[float], Policy], tuning: Tuning, learners: int
) -> tuple[float, Tuned]:
    """The value of a policy's `option` that is best on `learners` tuning learners, of those in `grid`."""
    settings = [f"{option}={value:g}" for value in grid]
    candidates = [(setting, make(value)) for setting, value in zip(settings, grid, strict=True)]
    best = tuning.best(candidates, learners)[0]
    return grid[best], tuning.tuned(settings[best], learners)


def check_learners(learners: int) -> None:
    """Refuse a number of tuning learners that is none."""
    if learners < 1:
        raise reject("agent.learners", learners, "a whole number >= 1")


def check_tuned_chance(option: str, given: float | None) -> None:
    """Refuse a value of an agent's `option` that is neither a probability nor to be tuned."""
    if given is not None and not 0.0 <= given <= 1.0:
        raise reject(f"agent.{option}", given, "a probability in [0, 1], or null to tune it")
