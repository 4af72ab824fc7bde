"""Schedulers that think by a memory, against plain loops over one learner's items and days."""

import math
from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.beliefs.remembered import Remembered
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.schedulers.anki import AnkiSm2
from coursewright.agents.schedulers.by_memory import begun, believed_memory
from coursewright.agents.schedulers.cost_adr import HEADS, CostAdr, adr_retentions
from coursewright.agents.schedulers.fixed_interval import FixedInterval
from coursewright.agents.schedulers.fsrs import FsrsRetention, RecallThreshold
from coursewright.agents.schedulers.memorize import Memorize
from coursewright.agents.schedulers.memrise import Memrise
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.agents.schedulers.ssp_mmc import RETENTIONS, ShortestPath, SspMmc
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.luck import POLICY, uniform
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.answered import FsrsMemory, memory_of
from coursewright.simulators.memory.fsrs import WEIGHTS, Fsrs
from coursewright.simulators.memory.hlr import Hlr
from learners import luck_of
from plain_memories import PlainActR, PlainFsrs, PlainHlr

FEATURES = ("days_since", "last_item", "last_correct", "goal", "budget_left")
COURSE = Course.of(3)
HLR = Hlr(COURSE, 0.8, -0.4, 1.1, [0.3, 0.0, -0.5], first=0.2)
AGENTS = {
    "fsrs": FsrsRetention(),
    "threshold": RecallThreshold(),
    "cost_adr": CostAdr(),
    "memorize": Memorize(),
    "ssp_mmc": SspMmc(),
}


def task(model=None, **changes) -> Task:
    given = {"steps": 40, "days": 3.0, "reward": mean_recall, "features": FEATURES}
    mind = None if model is None else mind_of(model, COURSE)
    return Task(**{"simulator": Fsrs(COURSE), "mind": mind, **given, **changes})


def fsrs_interval(stability: float, retention: float) -> int:
    factor = 0.9 ** (-1 / WEIGHTS[20]) - 1
    days = round(stability / factor * (retention ** (-1 / WEIGHTS[20]) - 1))
    return min(max(days, 1), 36_500)


class PlainScheduler:
    """One learner's items and due days; `aim` tells an item's next recall and interval."""

    def __init__(self, aim, items=PlainFsrs, order=lambda p, target: p - target, new_first=False) -> None:
        self.aim, self.order, self.new_first = aim, order, new_first
        self.items = [items(a) for a in range(3)]
        self.due: dict[int, float] = {}
        self.target: dict[int, float] = {}
        self.now = 0.0

    def choose(self) -> int:
        new = [a for a in range(3) if a not in self.due]
        if self.new_first and new:
            return new[0]
        ranked = [(self.order(self.p(a), self.target[a]) if self.order else self.due[a], a) for a in self.due]
        late = sorted(pair for pair in ranked if self.due[pair[1]] <= self.now + 1e-6)
        if late:
            return late[0][1]
        return new[0] if new else min(ranked)[1]

    def p(self, a: int) -> float:
        return self.items[a].p(self.now)

    def tell(self, a: int, correct: int, days: float) -> None:
        self.items[a].tell(correct, self.now)
        self.target[a], wait = self.aim(self.items[a])
        self.due[a] = self.now + wait
        self.now += days


def steady(retention):
    return lambda item: (retention, fsrs_interval(item.s, retention))


def half_life(retention):
    return lambda item: (retention, -math.log2(retention) * item.half_life)


def adr(price):
    def aim(item):
        x = math.log(item.s / 0.001) / math.log(36_500 / 0.001)
        y, z = (item.d - 1) / 9, math.log(1 + price) / math.log(1025)
        a, b, c = (sum(h * f for h, f in zip(head, (1, x, y, x * y, x * x), strict=True)) for head in HEADS)
        raised = a - math.log1p(math.exp(b)) * z - math.log1p(math.exp(c)) * z * z
        retention = 0.3 + 0.695 / (1 + math.exp(-raised))
        return retention, fsrs_interval(item.s, retention)

    return aim


def nearest(p, target):
    return abs(p - target)


CASES = {
    "fsrs .9": (FsrsRetention(0.9, False, "recall"), None, PlainScheduler(steady(0.9))),
    "fsrs .7, new first": (
        FsrsRetention(0.7, True, "recall"),
        None,
        PlainScheduler(steady(0.7), new_first=True),
    ),
    "fsrs by half-lives": (
        FsrsRetention(0.8, False, "recall"),
        HLR,
        PlainScheduler(half_life(0.8), PlainHlr),
    ),
    "fsrs .8 by day": (FsrsRetention(0.8), None, PlainScheduler(steady(0.8), order=None, new_first=True)),
    "threshold": (RecallThreshold(0.85, False), None, PlainScheduler(steady(0.85), order=nearest)),
    "cost-adr, free": (CostAdr(0.0, new_first=False, order="recall"), None, PlainScheduler(adr(0.0))),
    "cost-adr, dear": (CostAdr(256.0), None, PlainScheduler(adr(256.0), order=None, new_first=True)),
}


@pytest.mark.parametrize("case", CASES)
def test_choices_are_those_of_a_plain_loop(case):
    agent, model, plain = CASES[case]
    made = task(model)
    policy, draw = agent(made), np.random.default_rng(5)
    seen = np.zeros((1, made.layout.width), np.float32)
    state = policy.begin(luck_of(np.arange(1)))
    for step in range(60):
        item, state = policy.predict(seen, state, np.full(1, not step))
        assert item[0] == plain.choose(), step
        correct, days = int(draw.integers(0, 3) > 0), float(draw.choice([0.0, 1.0, 4.0, 15.0, 60.0]))
        plain.tell(int(item[0]), correct, days)
        seen[:, made.layout.columns("last_correct")] = 2.0 * correct - 1.0
        seen[:, made.layout.columns("days_since")] = days
    kept = state.memory
    last = np.array([plain.due[a] for a in range(3)])
    others = np.arange(3) != item[0]  # the last answer has not been told yet
    assert kept.due[0, others] == pytest.approx(last[others])


def test_a_constant_retention_is_a_special_case_of_cost_adr():
    constant = (math.log((0.9 - 0.3) / 0.695 / (1 - (0.9 - 0.3) / 0.695)), 0.0, 0.0, 0.0, 0.0)
    none = (-40.0, 0.0, 0.0, 0.0, 0.0)
    made = task()
    for price in (0.0, 64.0, 1024.0):
        adaptive = CostAdr(price, (constant, none, none))(made)
        fixed = FsrsRetention(0.9)(made)
        assert (rollout(made, adaptive, 50).item == rollout(made, fixed, 50).item).all()


def test_retention_falls_with_the_price():
    stability, difficulty = np.geomspace(0.01, 3000.0, 40), np.tile([1.0, 3.0, 7.0, 10.0], 10)
    found = np.empty((3, 40))
    for place, price in enumerate((0.0, 32.0, 1024.0)):
        adr_retentions(stability, difficulty, np.array(HEADS), price, found[place])
    assert (np.diff(found, axis=0) < 0.0).all()
    assert ((found > 0.3) & (found < 0.995)).all()


def test_the_next_due_day_decides_the_delay():
    """An item of S 2.3 (Good) is due after two days at .9: of these delays the smallest that reaches it."""
    one = Course.of(1)
    made = task(simulator=Fsrs(one), days=0.0, delays=(5.0, 0.0, 3.0, 1.0))
    policy = FsrsRetention(0.9)(made)
    seen = np.zeros((1, made.layout.width), np.float32)
    action, _ = policy.predict(seen, policy.begin(luck_of(np.arange(1))), np.ones(1, bool))
    assert fsrs_interval(WEIGHTS[2], 0.9) == 2
    assert made.delays[action[0]] == 3.0  # one item: the action is the place of its delay
    done = SspMmc(goal=1.0)(made)  # done after a right answer, so that nothing is due any more
    action, _ = done.predict(seen, done.begin(luck_of(np.arange(1))), np.ones(1, bool))
    assert made.delays[action[0]] == 5.0


def test_memorize_is_the_law_of_thinning():
    """Quantiles of the time to the first review, against candidates at the highest rate that are thinned."""
    act_r = ActR(COURSE, history=3)
    memories = (memory_of(Fsrs(COURSE)), memory_of(HLR), memory_of(act_r))
    for memory, plain in zip(memories, (PlainFsrs(0), PlainHlr(0), PlainActR(0)), strict=True):
        batch, q = 4000, 9.0
        state, found = begun(memory, batch), np.empty(batch)
        item = np.zeros(batch, np.int64)
        for days in (0.0, 3.0, 9.0):
            state.now[:] += days
            memory.tell(state, item, np.ones(batch, np.int64))
            plain.tell(1, float(state.now[0]))
        draw = np.random.default_rng(1)
        memory.lost_in(state, item, draw.exponential(size=batch) * math.sqrt(q), found)
        thinned = []
        for _ in range(batch):
            t = draw.exponential(math.sqrt(q))
            while draw.random() > 1.0 - plain.p(float(state.now[0]) + t):
                t += draw.exponential(math.sqrt(q))
            thinned.append(t)
        assert found.mean() == pytest.approx(np.mean(thinned), abs=4 * np.std(thinned) / math.sqrt(batch / 2))
        for share in (0.1, 0.5, 0.9):
            assert np.mean(found < np.quantile(thinned, share)) == pytest.approx(share, abs=0.03)


def test_what_is_lost_by_then_is_what_was_asked_for():
    """The sum of 1 - R over the days found, by trapezoids, for stabilities of minutes to years."""
    memory = FsrsMemory(Fsrs(COURSE))
    stable, lost = np.meshgrid([0.01, 0.5, 3.0, 50.0, 2000.0], [1e-4, 0.02, 1.0, 30.0])
    state, days = begun(memory, stable.size), np.empty(stable.size)
    state.stability[:, 0] = stable.ravel()
    memory.lost_in(state, np.zeros(stable.size, np.int64), lost.ravel(), days)
    factor = 0.9 ** (-1 / WEIGHTS[20]) - 1
    for s, wanted, until in zip(stable.ravel(), lost.ravel(), days, strict=True):
        t = np.linspace(0.0, math.sqrt(until), 20_001) ** 2
        gone = 1.0 - (1.0 + factor * t / s) ** -WEIGHTS[20]
        assert np.trapezoid(gone, t) == pytest.approx(wanted, rel=1e-4)


def test_memorize_draws_with_the_learners_own_luck():
    made = task()
    policy, luck = Memorize(q=4.0)(made), luck_of(np.arange(1))
    seen = np.zeros((1, made.layout.width), np.float32)
    _, state = policy.predict(seen, policy.begin(luck), np.ones(1, bool))
    seen[:, made.layout.columns("last_correct")] = 1.0
    _, state = policy.predict(seen, state, np.zeros(1, bool))
    memory = memory_of(Fsrs(COURSE))
    learners = begun(memory, 1)
    memory.tell(learners, np.zeros(1, np.int64), np.ones(1, np.int64))
    wanted = -math.log1p(-uniform(luck.fate[0], 1, POLICY)) * 2.0
    days = np.empty(1)
    memory.lost_in(learners, np.zeros(1, np.int64), np.array([wanted]), days)
    assert state.memory.due[0, 0] == pytest.approx(days[0])


def test_the_shortest_path_solves_bellmans_equation():
    """Expected seconds by the table, and by walks of plain Python cards that follow its actions."""
    path = ShortestPath(Fsrs(COURSE, first_grades=(0.3, 0, 0.7, 0), right_grades=(0, 1, 0)), 30.0)
    value, _ = path.table
    assert (value >= 0.0).all()
    draw, spent = np.random.default_rng(2), []
    for _ in range(1500):
        card, now, seconds = PlainFsrs(0), 0.0, 0.0
        card.tell(1, 0.0)
        while card.s < 30.0:
            (retention,) = path.retentions(np.array([card.s]), np.array([card.d]))
            assert retention in RETENTIONS
            now += fsrs_interval(card.s, retention)
            right = draw.random() < card.p(now)
            seconds += 7.33 if right else 23.0
            card.tell(int(right), now)
        spent.append(seconds)
    state = FsrsMemory(path.model)
    learners = begun(state, 1)
    state.tell(learners, np.zeros(1, np.int64), np.ones(1, np.int64))
    told = path.expected(learners.stability[:, 0], learners.difficulty[:, 0])[0]
    assert told == pytest.approx(np.mean(spent), abs=4 * np.std(spent) / math.sqrt(1500) + 0.03 * told)
    assert path.retentions(np.array([30.0]), np.array([5.0]))[0] == 0.0


def test_the_shortest_path_is_no_longer_than_a_fixed_retention():
    model = Fsrs(COURSE, first_grades=(0.3, 0, 0.7, 0), right_grades=(0, 1, 0))
    best = ShortestPath(model, 30.0).table[0]
    for retention in (0.7, 0.9):
        fixed = ShortestPath(model, 30.0, (retention,)).table[0]
        assert (best <= fixed + 0.1).all()


def test_the_memory_is_the_tutors_or_fsrs_as_published():
    assert believed_memory("fsrs", task()).model.table[0].tolist() == list(WEIGHTS)
    fitted = Fsrs(COURSE, [*WEIGHTS[:20], 0.3], same_day=0.5)
    memory = believed_memory("fsrs", replace(task(), mind=Particles(COURSE, fitted, size=5, deciding=2)))
    assert memory.model.table[0, 20] == 0.3
    assert memory.model.same_day == 1.0
    for model in (HLR, ActR(COURSE)):
        mind = mind_of(model, COURSE)
        assert isinstance(mind, Remembered)
        assert type(believed_memory("fsrs", replace(task(), mind=mind)).model) is type(model)


@pytest.mark.parametrize("name", AGENTS)
def test_every_memory_teaches_and_luck_is_the_rows_own(name):
    models = [None, HLR, ActR(COURSE, history=4)] if name in ("fsrs", "threshold", "memorize") else [None]
    for model in models:
        made = task(model, delays=(0.0, 2.0))
        policy = replace(AGENTS[name], new_first=True)(made)
        together = rollout(made, policy, 12)
        assert (together.item == rollout(made, policy, 12, chunk=5).item).all()
        assert len(np.unique(together.item)) == 3


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: FsrsRetention(1.0), r"agent\.retention = 1\.0: must be a number in \(0, 1\)"),
        (lambda: RecallThreshold("high"), r"agent\.recall = high"),
        (lambda: CostAdr(2000.0), r"agent\.price = 2000\.0"),
        (lambda: CostAdr(heads=[[1.0]]), r"agent\.heads = .*: must be 3 lists of 5 finite numbers"),
        (lambda: Memorize(q=0.0), r"agent\.q = 0\.0"),
        (lambda: SspMmc(goal=1e6), r"agent\.goal = 1000000\.0"),
        (lambda: FsrsRetention(new_first=1), r"agent\.new_first = 1"),
        (lambda: SspMmc(order="dya"), r"agent\.order = 'dya'.*day"),
        (
            lambda: CostAdr()(task(HLR)),
            r"tutor = a model of Hlr learners: must be null or fsrs: cost_adr needs S and D",
        ),
        (lambda: SspMmc()(task(ActR(COURSE))), "ssp_mmc needs S and D"),
        (lambda: FsrsRetention()(task(features=("goal",))), "last_correct"),
    ],
)
def test_what_cannot_be_is_refused(make, line):
    with pytest.raises(InputError, match=line):
        make()


def test_a_tutor_of_another_kind_is_refused():
    bkt = replace(read_bkt("bkt_ednet"), rho=1.0)
    made = Task(bkt, None, mind=mind_of(bkt, bkt.course), steps=3, days=1, features=FEATURES)
    for agent in AGENTS.values():
        with pytest.raises(InputError, match=r"tutor = a model of Bkt learners: must be null"):
            agent(made)


@pytest.mark.parametrize("agent", [*AGENTS.values(), Sm2(), AnkiSm2(), Memrise(), FixedInterval()], ids=repr)
def test_the_defaults_teach_where_steps_are_rare(agent):
    """30 items, 200 steps of five days, 100 learners: three standard errors above practice at random."""
    made = task(simulator=Fsrs(Course.of(30)), steps=200, days=5.0)
    ahead = rollout(made, agent(made), 100).returned - rollout(made, UniformRandom()(made), 100).returned
    assert ahead.mean() > 3.0 * ahead.std() / 10.0
