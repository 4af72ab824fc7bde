"""Rules that can be written as tutor files, and tasks to teach on: for tests of graphs and of runtimes."""

from dataclasses import replace

from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.index import Index
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.rules.outer_fringe import OuterFringe
from coursewright.agents.rules.target_success import AdaptiveTesting, TargetSuccess
from coursewright.agents.schedulers.fixed_interval import FixedInterval
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.agents.schedulers.leitner import Leitner
from coursewright.agents.schedulers.memrise import Memrise
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal, Task
from coursewright.simulators.course import Course
from coursewright.simulators.memory.fsrs import Fsrs
from small_tasks import small_task

RULES = {
    "random_legal": RandomLegal(),
    "round_robin": RoundRobin(),
    "topological": Topological(),
    "n_in_a_row": NInARow(2),
    "n_in_a_row, falls back in turn": NInARow(1, "lowest_prior", "round_robin"),
    "threshold": MasteryThreshold(0.8),
    "threshold, falls back to the lowest": MasteryThreshold(0.7, "highest_learn", "lowest_belief"),
    "expected_gain": ExpectedGain(),
    "index": Index(),
    "target_success": TargetSuccess(0.7),
    "adaptive_testing": AdaptiveTesting(),
    "outer_fringe": OuterFringe(0.6),
    "leitner": Leitner(0.3),
    "zpdes": Zpdes(2),
}
TASKS = {
    "bkt": lambda: bkt(mask=True, steps=40),
    "kss": lambda: kss(steps=15),
    "several skills": lambda: replace(small_task(), steps=30, unlock_after=2),
    "random goals": lambda: replace(small_task(), steps=30, goal=RandomGoal(1, 3)),
}
DATED = {
    "sm2": Sm2(),
    "sm2, reviews first": Sm2(new_first=False),
    "fixed_interval": FixedInterval(2.5, new_first=False),
    "memrise": Memrise(new_first=False),
    "fsrs": FsrsRetention(0.85, new_first=False),
    "fsrs, new ones first": FsrsRetention(0.9),
}
FADING = {
    "days": lambda: Task(Fsrs(Course.of(6)), steps=60, features=DATES, days=1.5),
    "fractions of a day": lambda: Task(Fsrs(Course.of(4)), steps=60, features=DATES, days=0.3),
    "delays": lambda: Task(Fsrs(Course.of(5)), steps=50, features=DATES, delays=(0.5, 4.0, 1.0)),
    "several skills": lambda: replace(small_task(), steps=40, unlock_after=1),
}
DATES = ("last_correct", "days_since", "goal", "attempts", "successes")
