"""The comparison: statistics by closed form and by simulation, and what is compared with what."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological, UniformRandom
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.shipped import COMMON, LAST, kss, tutor
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation import statistics
from coursewright.evaluation.comparison import words
from coursewright.evaluation.comparison.compare import BOOTSTRAP, POINT, compare, conditions
from coursewright.evaluation.comparison.publish import publish
from coursewright.evaluation.comparison.report import Report
from coursewright.evaluation.comparison.table import terminal_table
from coursewright.evaluation.statistics import THIS_POLICY, over_learners, over_seeds, paired_difference
from coursewright.simulators.knowledge.tables import read_bkt

S = SilentTracker()


def ednet():
    simulator = read_bkt("bkt_ednet")
    return Task(
        simulator=simulator, tutor=tutor("bkt_ednet", simulator.course), steps=12, features=COMMON + LAST
    )


def policies(task):
    return {
        "random": UniformRandom()(task, 0, S),
        "random_legal": RandomLegal()(task, 0, S),
        "round_robin": RoundRobin()(task, 0, S),
        "tuned_mastery": NInARow()(task, 0, S),
        "topological": Topological()(task, 0, S),
        "oracle_greedy": OracleGreedy()(task, 0, S),
    }


@pytest.fixture(scope="module")
def comparison():
    task = kss()
    return compare(task, policies(task), learners=150, trained=["topological"], name="kss", workers=1)


def test_a_bootstrap_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    repetitions = 600
    for repetition in range(repetitions):
        values = rng.exponential(1.0, 60)
        estimate = over_learners(values, seed=repetition)
        hits += estimate.low <= 1.0 <= estimate.high
    assert 0.91 <= hits / repetitions <= 0.98


def test_an_interval_over_seeds_is_students():
    values = np.array([0.91, 0.93, 0.92, 0.95, 0.9])
    estimate = over_seeds(values)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((values.mean(), low, high))
    assert estimate.estimand != THIS_POLICY


def test_a_paired_interval_is_narrower_where_learners_differ():
    rng = np.random.default_rng(1)
    learner = rng.normal(0, 1, 400)
    ours, theirs = learner + rng.normal(0.05, 0.1, 400), learner + rng.normal(0, 0.1, 400)
    paired = paired_difference(ours, theirs)
    alone = over_learners(ours)
    assert paired.high - paired.low < 0.3 * (alone.high - alone.low)
    assert paired.value == pytest.approx((ours - theirs).mean())


def test_ties_count_half():
    estimate = statistics.p_improvement(np.array([1.0, 2.0, 3.0, 0.0]), np.array([1.0, 1.0, 4.0, 0.0]))
    assert estimate.value == pytest.approx((0.5 + 1 + 0 + 0.5) / 4)


def test_headroom_is_not_clipped_and_may_be_undefined():
    rng = np.random.default_rng(2)
    base = rng.normal(0, 0.1, 300)
    beyond = statistics.headroom(base + 1.5, base, base + 1.0)
    assert beyond.value == pytest.approx(1.5)
    none = statistics.headroom(base + 1.5, base, base)
    assert np.isnan(none.value)
    assert none.note


def test_every_policy_meets_the_same_learners(comparison):
    starts = comparison.learners.pivot_table(index="learner", columns="policy", values="start", observed=True)
    assert len(starts) == 150
    assert (starts.to_numpy() == starts.to_numpy()[:, :1]).all()


def test_the_summary_follows_from_the_rows(comparison):
    table = comparison.at(POINT)
    means = comparison.learners.groupby("policy", observed=True)["return"].mean()
    for name, row in table.iterrows():
        assert row["mean"] == pytest.approx(means[name])
        assert row["low"] <= row["mean"] <= row["high"]
        assert row["difference"] == pytest.approx(means[name] - means["tuned_mastery"])
    lead = means["oracle_greedy"] - means["random"]
    assert table["headroom"]["topological"] == pytest.approx((means["topological"] - means["random"]) / lead)
    assert list(table.index)[-1] == "oracle_greedy"
    assert table["refused"]["random"] > 0.3
    assert table["refused"]["random_legal"] == 0


def test_chunks_and_workers_change_nothing(comparison):
    task = kss()
    again = compare(
        task, policies(task), learners=150, trained=["topological"], name="kss", workers=2, chunk=7
    )
    pd.testing.assert_frame_equal(again.learners, comparison.learners)
    pd.testing.assert_frame_equal(again.summary, comparison.summary)


def test_only_fitted_learners_are_resampled():
    assert list(conditions(kss())) == [POINT]
    task = ednet()
    given = conditions(task)
    assert list(given) == [POINT, BOOTSTRAP]
    simulator = given[BOOTSTRAP].simulator
    assert simulator.parameters.n_draws == 200
    state = simulator.empty(3)
    from coursewright.simulators.luck import Seeds, identify

    number = np.array([5, 205, 399])
    simulator.enrol(state, np.arange(3), identify(Seeds(), number, 2, np.zeros(3, np.int64)))
    assert state.draw.tolist() == [5, 5, 199]
    assert given[BOOTSTRAP].beliefs is not given[POINT].beliefs
    assert (given[BOOTSTRAP].beliefs == given[POINT].beliefs).all()


def test_seeds_are_gathered_under_the_recipe():
    task = kss()
    given = policies(task) | {"mine": {s: NInARow(n=2)(task, s, S) for s in range(5)}}
    table = compare(task, given, learners=40, trained=["mine"]).at(POINT)
    assert table["seeds"]["mine"] == 5
    assert table["estimand"]["mine"] != table["estimand"]["random"]
    fewer = policies(task) | {"mine": {s: NInARow(n=2)(task, s, S) for s in range(4)}}
    assert compare(task, fewer, learners=40).at(POINT)["estimand"]["mine"] != table["estimand"]["mine"]


def test_what_cannot_be_compared_is_refused():
    task = kss()
    with pytest.raises(InputError, match="oracle"):
        compare(task, policies(task) | {"clever": OracleGreedy()(task, 0, S)}, learners=10)
    with pytest.raises(InputError, match="tuned_mastery"):
        compare(task, policies(task), learners=10, reference="tuned_mastry")
    with pytest.raises(InputError, match="learners"):
        compare(task, policies(task), learners=1)


def test_the_report_needs_nothing_beside_it(comparison, tmp_path):
    task = comparison.task
    made = publish(comparison, policies(task), {}, tmp_path, example=3, notes=["A note <b>."])
    for path in (*made.tables.values(), *made.figures.values()):
        assert path.stat().st_size > 500
    assert len(pd.read_parquet(made.tables["learners.parquet"])) == 150 * 6
    Report("A title", [made.section], {"seeds": "0"}, {}).write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for name in policies(task):
        assert name in page
    assert "A note &lt;b&gt;." in page
    assert page.count("data:image/png;base64,") == 3
    assert 'src="http' not in page
    assert made.scores["kss/point/topological/mean"] == pytest.approx(comparison.at()["mean"]["topological"])


def test_the_verdict_says_what_was_found(comparison):
    (sentence,) = words.verdict(comparison)
    assert "topological" in sentence
    assert "falls short of tuned_mastery" in sentence
    assert any("prerequisite graph" in note for note in words.caveats(comparison))
    assert any("random 6" in note for note in words.caveats(comparison))
    free = compare(ednet(), policies(ednet()), learners=40, trained=[])
    assert any("random_legal equals random" in note for note in words.caveats(free))
    assert "no trained policy" in words.verdict(free)[0]


def test_the_terminal_table_fits_eighty_columns(comparison):
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=80).print(terminal_table(comparison))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for name in policies(comparison.task):
        assert any(name in line for line in lines)
    assert "…" not in out.getvalue()


def test_short_intervals_lose_only_leading_zeros():
    assert words.brief(0.25, 0.5) == "[.250, .500]"
    assert words.brief(-0.25, 10.5, signed=True) == "[-.250, +10.500]"
    assert words.brief(30.7, 60.43) == "[30.700, 60.430]"
