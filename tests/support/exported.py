"""Every agent that can be written as a tutor file, and the worlds in which its file is compared with it."""

from dataclasses import replace

from coursewright.agents.bandits.beta_thompson import BetaThompson
from coursewright.agents.bandits.discounted import DiscountedUcb
from coursewright.agents.bandits.epsilon_greedy import EpsilonGreedy
from coursewright.agents.bandits.exp3 import Exp3
from coursewright.agents.bandits.linear_bandit import LinearBandit
from coursewright.agents.bandits.riarit import Riarit
from coursewright.agents.bandits.sliding_window import SlidingWindowUcb
from coursewright.agents.bandits.thompson import Thompson
from coursewright.agents.bandits.ucb import Ucb
from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.dqn import Dqn
from coursewright.agents.learning.graph_ppo import GraphPpo
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.qr_dqn import QrDqn
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.trpo import Trpo
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.index import Index
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.rules.outer_fringe import OuterFringe
from coursewright.agents.rules.target_success import AdaptiveTesting, TargetSuccess
from coursewright.agents.schedulers.anki import AnkiSm2
from coursewright.agents.schedulers.cost_adr import CostAdr
from coursewright.agents.schedulers.fixed_interval import FixedInterval
from coursewright.agents.schedulers.fsrs import FsrsRetention, RecallThreshold
from coursewright.agents.schedulers.leitner import Leitner
from coursewright.agents.schedulers.memorize import Memorize
from coursewright.agents.schedulers.memrise import Memrise
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.agents.schedulers.ssp_mmc import SspMmc
from coursewright.envs.shipped import kss
from coursewright.envs.task import RandomGoal, Task
from coursewright.simulators.course import Course
from coursewright.simulators.memory.fsrs import Fsrs
from coursewright.simulators.platform.content import Content, Help
from coursewright.simulators.platform.delivery import Engagement, Formats, Pace
from coursewright.simulators.platform.learners import RichLearner
from coursewright.simulators.platform.offer import Form
from small_tasks import small_bkt, small_task

RULES = {
    "random_legal": RandomLegal(),
    "round_robin": RoundRobin(),
    "topological": Topological(),
    "n_in_a_row": NInARow(2),
    "n_in_a_row, in turn": NInARow(1, "lowest_prior", "round_robin"),
    "mastery_threshold": MasteryThreshold(0.8),
    "mastery_threshold, lowest": MasteryThreshold(0.7, "highest_learn", "lowest_belief"),
    "expected_gain": ExpectedGain(),
    "index": Index(),
    "target_success": TargetSuccess(0.7),
    "adaptive_testing": AdaptiveTesting(),
    "outer_fringe": OuterFringe(0.6),
    "leitner": Leitner(0.3),
    "zpdes": Zpdes(2),
    "ucb": Ucb(0.5),
    "epsilon_greedy": EpsilonGreedy(0.2),
    "thompson": Thompson(),
    "beta_thompson": BetaThompson(),
    "exp3": Exp3(),
    "discounted_ucb": DiscountedUcb(c=1.0),
    "sliding_window_ucb": SlidingWindowUcb(window=7, c=1.0),
    "riarit": Riarit(0.8),
    "lin_ucb": LinearBandit(learners=200, batch=50),
    "lin_thompson": LinearBandit("thompson", learners=200, batch=50),
}
DATED = {
    "sm2": Sm2(),
    "sm2, reviews first": Sm2(new_first=False),
    "anki_sm2": AnkiSm2(new_first=False),
    "anki_sm2, fuzzed": AnkiSm2(0.3, fuzz=True, suspend=True, new_first=False),
    "fixed_interval": FixedInterval(2.5, new_first=False),
    "memrise": Memrise(new_first=False),
    "fsrs": FsrsRetention(0.85, new_first=False),
    "fsrs, the weakest first": FsrsRetention(0.9, order="recall"),
    "recall_threshold": RecallThreshold(0.8, new_first=False),
    "cost_adr": CostAdr(new_first=False),
    "cost_adr, the weakest first": CostAdr(price=4.0, order="recall"),
    "ssp_mmc": SspMmc(30.0, new_first=False),
    "memorize": Memorize(0.5, new_first=False),
}
FEW = {"steps": 1600, "learners": 16}
PPO = FEW | {"batch_size": 80, "imitate": None}
NETWORKS = {
    "ppo": Ppo(**PPO, layers=(16,)),
    "maskable_ppo": Ppo(**PPO, layers=(16,), masked=True),
    "recurrent_ppo": RecurrentPpo(**PPO, layers=(16,), units=8),
    "maskable_recurrent_ppo": RecurrentPpo(**PPO, layers=(16,), units=8, masked=True),
    "graph_ppo": GraphPpo(**PPO),
    "a2c": A2c(**FEW, layers=(16,)),
    "trpo": Trpo(**FEW, layers=(16,)),
    "dqn": Dqn(**FEW, layers=(16,)),
    "qr_dqn": QrDqn(**FEW, layers=(16,)),
}
DATES = ("last_correct", "days_since", "goal", "attempts", "successes")


def rich(inside):
    """Learners on a platform: videos that some cannot see, hints, help, own pace, and boredom."""
    forms = [Form(), Form("hint"), Form("worked_example"), Form("video", "video", 5.0), Form("test")]
    return RichLearner(
        inside,
        forms,
        Content({"video": 0.8, "test": 0.2}, {"video": 0.3}, 0.5, help=Help(0.5, 0.3, 0.5)),
        Formats(barred={"video": 0.3}),
        Pace(0.3, 0.4, 0.5),
        Engagement(boredom=0.2, frustration=0.1, flow=0.1, leaves=0.002, leaves_disengaged=0.1),
    )


SEVERAL = {
    "kss": lambda: kss(steps=15),
    "several skills": lambda: replace(small_task(), steps=30, unlock_after=2),
    "random goals, minutes": lambda: replace(
        small_task(), steps=None, minutes=60.0, goal=RandomGoal(1, 3), unlock_after=1
    ),
    "rich content": lambda: replace(small_task(), simulator=rich(small_bkt()), steps=30, unlock_after=1),
}
FADING = {
    "days": lambda: Task(Fsrs(Course.of(6)), steps=50, features=DATES, days=1.5),
    "fractions of a day": lambda: Task(Fsrs(Course.of(4)), steps=50, features=DATES, days=0.3),
    "delays": lambda: Task(Fsrs(Course.of(5)), steps=40, features=DATES, delays=(0.5, 4.0, 1.0)),
    "days, several skills": lambda: replace(small_task(), steps=40, unlock_after=1),
    "days, rich content": lambda: Task(rich(Fsrs(Course.of(4))), steps=50, features=DATES, days=1.5),
}
