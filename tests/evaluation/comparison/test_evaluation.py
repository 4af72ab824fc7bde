"""The comparison: statistics by closed form and by simulation, and the pairs that are compared."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy import stats

from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological, UniformRandom
from coursewright.agents.rules.index import Index
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.shipped import COMMON, LAST, bkt, kss, tutor
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation import numbers
from coursewright.evaluation.bounds import NONE, RESPONSES, TOLD, Bound
from coursewright.evaluation.comparison import scores, words
from coursewright.evaluation.comparison.compare import BOOTSTRAP, POINT, compare, conditions
from coursewright.evaluation.comparison.curve_figures import _label_ends
from coursewright.evaluation.comparison.described import described
from coursewright.evaluation.comparison.looks import Line
from coursewright.evaluation.comparison.publish import publish
from coursewright.evaluation.comparison.report import Report
from coursewright.evaluation.comparison.scores import Scores
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.comparison.table import comparison_tables
from coursewright.evaluation.figures import new_figure, tidy
from coursewright.evaluation.statistics import (
    THIS_POLICY,
    Resamples,
    interval,
    over_learners,
    over_seeds,
    share_of_lead,
)
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
    return compare(task, policies(task), Comparing(learners=150), name="kss", trained=["topological"])


def scored(**values):
    """Scores of single policies: their values `[learners]`; the last one is an oracle."""
    kinds = {name: {"best": "oracle", "ours": "trained"}.get(name, "rule") for name in values}
    n = len(next(iter(values.values())))
    return Scores({name: v[None] for name, v in values.items()}, kinds, "reference", "base", Resamples(n))


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


def test_resamples_are_the_same_whatever_is_averaged():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(50, 4))
    resamples = Resamples(50, seed=7)
    assert (resamples.counts.sum(axis=1) == 50).all()
    drawn = np.random.default_rng(7).integers(0, 50, size=(2000, 50))
    np.testing.assert_allclose(resamples.means(values), values[drawn].mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(resamples.means(values[:, 2:3]), resamples.means(values)[:, 2:3], atol=1e-12)


def test_a_paired_interval_is_narrower_where_learners_differ():
    rng = np.random.default_rng(1)
    learner = rng.normal(0, 1, 400)
    ours, theirs = learner + rng.normal(0.05, 0.1, 400), learner + rng.normal(0, 0.1, 400)
    found = scored(ours=ours, reference=theirs, base=theirs)
    paired, alone = scores.difference(found, "ours"), scores.mean(found, "ours")
    assert paired.high - paired.low < 0.3 * (alone.high - alone.low)
    assert paired.value == pytest.approx((ours - theirs).mean())


def test_ties_count_half():
    ours, theirs = np.array([1.0, 2.0, 3.0, 0.0]), np.array([1.0, 1.0, 4.0, 0.0])
    found = scored(ours=ours, reference=theirs, base=theirs)
    assert scores.p_improvement(found, "ours").value == pytest.approx((0.5 + 1 + 0 + 0.5) / 4)
    assert scores.p_improvement(replace(found, aim=False), "ours") is None


@pytest.mark.filterwarnings("error")
def test_a_draw_without_a_lead_has_no_share():
    lead = np.linspace(-0.01, 1.0, 1001)
    draws = np.column_stack([0.5 * lead, np.zeros(1001), lead])
    found = share_of_lead(np.array([0.25, 0.0, 0.5]), draws, 100)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_headroom_is_not_clipped_and_may_be_undefined():
    rng = np.random.default_rng(2)
    base = rng.normal(0, 0.1, 300)
    beyond = scores.headroom(scored(ours=base + 1.5, reference=base, base=base, best=base + 1.0), "ours")
    assert beyond.value == pytest.approx(1.5)
    none = scores.headroom(scored(ours=base + 1.5, reference=base, base=base, best=base), "ours")
    assert np.isnan(none.value)
    assert none.note
    assert scores.headroom(scored(ours=base, reference=base, base=base), "ours").note == scores.NO_ORACLE


def test_the_share_of_the_possible_ends_at_the_bound():
    rng = np.random.default_rng(2)
    base = rng.normal(0, 0.1, 300)
    values = {"ours": base + 0.9, "reference": base, "base": base, "best": base + 1.5}
    given = replace(scored(**values), bound=Bound(base.mean() + 1.0, RESPONSES))
    found = scores.possible(given, "ours")
    assert found.value == pytest.approx(0.9)
    assert found.low < 0.9 < found.high
    lead = 1.0 - given.resamples.means(base[:, None])[:, 0] + base.mean()
    assert (found.low, found.high) == pytest.approx(interval(0.9 / lead, 300))
    assert scores.possible(given, "base").value == 0.0
    assert scores.possible(given, "best").note == scores.MIND_READER
    told = replace(given, bound=Bound(base.mean() + 1.5, TOLD))
    assert scores.possible(told, "best").value == pytest.approx(1.0)
    assert scores.possible(replace(given, aim=False), "ours") is None


def test_a_share_of_no_lead_or_of_no_bound_is_refused():
    base = np.random.default_rng(2).normal(0, 0.1, 300)
    values = {"ours": base + 0.9, "reference": base, "base": base}
    for reach, reason in ((0.001, "not distinguishable"), (-0.1, "not above the baseline")):
        near = scores.possible(replace(scored(**values), bound=Bound(base.mean() + reach, RESPONSES)), "ours")
        assert np.isnan(near.value)
        assert reason in near.note
    none = replace(scored(**values), bound=Bound(np.nan, NONE, note="a reason"))
    assert scores.possible(none, "ours").note == "no bound known: a reason"
    assert "mean return" in scores.possible(scored(**values), "ours").note


def test_the_bound_is_told_with_the_shares_or_with_the_reason_for_none(comparison, tmp_path):
    reason = "no bound known: Kss learners are neither Bkt, KT6kc nor KnowledgeSpace"
    assert comparison.estimate("topological", "possible").note == reason
    assert words.limit(comparison) == [f"N{reason[1:]}."]
    assert "possible" not in printed(comparison_tables(comparison))
    task = ednet()
    given = policies(task) | {"index": Index()(task)}
    found = compare(task, given, Comparing(learners=300), trained=["index"])
    limit, none = words.limit(found)
    value = found.bounds[POINT].value
    assert limit.startswith(
        f"No policy that sees answers alone can have a mean return above .{value * 1000:.0f} ("
    )
    assert none == (
        "No bound known with bootstrap draws of the simulator's parameters: "
        "each learner has parameters of their own."
    )
    share = found.estimate("index", "possible")
    mean, base = found.estimate("index").value, found.estimate("random").value
    assert share.value == pytest.approx((mean - base) / (value - base))
    said = f"It goes {numbers.percent(share.value)} of the way from random to the bound on every policy"
    assert said in words.verdict(found)[0]
    assert "possible" in printed(comparison_tables(found, POINT))
    assert "possible" not in printed(comparison_tables(found, BOOTSTRAP))
    assert np.isnan(found.estimate("index", "possible", condition=BOOTSTRAP).value)
    made = publish(found, tmp_path)
    Report("A title", [made.section]).write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert limit in page
    assert "each learner has parameters of their own" in page
    table = pd.read_csv(made.tables["bounds"])
    assert table["kind"].tolist() == [RESPONSES, NONE]
    assert table["value"][0] == pytest.approx(value)


def test_a_loose_bound_is_called_loose():
    task = bkt(steps=10)
    found = compare(task, policies(task), Comparing(learners=50), trained=["topological"])
    (limit,) = words.limit(found)
    assert limit.startswith("No policy can have a mean return above .")
    assert "this bound is loose: with prerequisites" in limit
    assert np.isfinite(found.estimate("oracle_greedy", "possible").value)


def test_a_rule_whose_conditions_do_not_hold_says_so():
    task = kss(4)
    made = {"index": Index()(task), "random": UniformRandom()(task)}
    found = compare(task, made, Comparing(learners=20, reference="random", workers=1))
    said = "index: a heuristic on this task (Kss learners are no Bkt)."
    assert words.doubted(found) == [said]
    assert said in words.caveats(found)


def test_every_policy_meets_the_same_learners(comparison):
    starts = comparison.learners.pivot_table(index="learner", columns="policy", values="start", observed=True)
    assert len(starts) == 150
    assert (starts.to_numpy() == starts.to_numpy()[:, :1]).all()


def test_the_summary_follows_from_the_rows(comparison):
    means = comparison.learners.groupby("policy", observed=True)["return"].mean()
    for name in policies(comparison.task):
        mean, difference = comparison.estimate(name), comparison.estimate(name, "difference")
        assert mean.value == pytest.approx(means[name])
        assert mean.low <= mean.value <= mean.high
        assert difference.value == pytest.approx(means[name] - means["tuned_mastery"])
    table = comparison.at(POINT)
    assert list(table.index)[-1] == "oracle_greedy"
    assert not table["best_known"].any(), "one step ahead is less than the rule looks here"
    refused = comparison.learners.groupby("policy", observed=True)["refused"].mean()
    assert refused["random"] > 0.3 * 30
    assert refused["random_legal"] == 0


def test_an_oracle_below_a_rule_is_no_reference(comparison):
    assert comparison.at(POINT).at["oracle_greedy", "surpassed_by"] == "tuned_mastery"
    headroom = comparison.estimate("topological", "headroom")
    assert np.isnan(headroom.value)
    assert headroom.note == scores.NO_REFERENCE
    said = (
        "oracle_greedy is no oracle here: tuned_mastery is clearly above it on the same learners, "
        "so it is no reference for the possible."
    )
    assert words.surpassed(comparison) == [said]
    assert said in words.caveats(comparison)
    assert "oracle_greedy !" in printed(comparison_tables(comparison))
    rng = np.random.default_rng(0)
    base = rng.normal(0, 0.1, 300)
    found = scored(ours=base + 2.0, reference=base + 1.0, base=base, best=base + 0.5)
    assert found.best_known is None
    assert found.surpassed == {"best": "reference"}
    level = replace(found, values=found.values | {"best": found.values["reference"]})
    assert level.best_known == "best", "not clearly below"
    wider = replace(
        found, values=found.values | {"wide": found.values["ours"]}, kinds=found.kinds | {"wide": "oracle"}
    )
    assert wider.best_known == "wide"


def test_a_rule_is_above_an_oracle_by_three_standard_errors():
    """Learner by learner; and the rule need not be the best one by its mean."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, 400)
    noise = (noise - noise.mean()) / noise.std(ddof=1)  # a mean of c stands c x 20 standard errors above 0
    base = np.random.default_rng(1).normal(0.0, 5.0, 400)
    for lead, surpassed in ((0.16, {"best": "reference"}), (0.14, {}), (-0.16, {})):
        found = scored(ours=base, reference=base + noise + lead, base=base - 9.0, best=base)
        assert found.surpassed == surpassed
    wild = base[::-1] + 0.5
    found = scored(ours=base, reference=wild, base=base + noise + 0.2, best=base)
    assert found.values["reference"].mean() > found.values["base"].mean()
    assert found.surpassed == {"best": "base"}


def test_the_task_is_told_in_words(comparison):
    task = described(comparison)
    assert task["budget"] == "30 steps per learner"
    assert task["course"].startswith("10 skills, 10 items")
    assert task["population"].startswith("150 unseen learners")
    assert task["seeds"] == "population 0; luck 0; topological 0"
    assert task["reward"].startswith("normalised_gain: Change of E_p")
    spaced = described(
        replace(comparison, task=replace(ednet(), minutes=9.0, steps=None, days=0.5, stop=True))
    )
    assert spaced["budget"] == "9 minutes per learner"
    assert spaced["time"] == ".5 days pass after each step"
    assert spaced["choice of items"] == "the policy may stop early"


def test_the_example_has_the_median_difference(comparison):
    table = comparison.learners.pivot(index="learner", columns="policy", values="return")
    gap = table["topological"] - table["tuned_mastery"]
    walks = comparison.walks
    assert set(walks) == {"topological", "tuned_mastery"}
    learner, run = walks["topological"].learner, walks["topological"].run
    assert gap[learner] == pytest.approx(gap.median(), abs=0.1)
    assert run.returned[0] == pytest.approx(table["topological"][learner])


def test_every_outcome_has_an_interval_from_the_same_resamples(comparison):
    table = comparison.learners
    for outcome in comparison.settings.outcomes:
        values = table[table["policy"] == "random"][outcome].to_numpy(np.float64)
        assert comparison.estimate("random", "mean", outcome)[:3] == pytest.approx(over_learners(values)[:3])
    plain = over_learners(table[table["policy"] == "random"]["gain"].to_numpy())
    assert comparison.estimate("random", "mean", "gain")[:3] == pytest.approx(plain[:3], abs=1e-12)
    with pytest.raises(InputError, match=r"estimate = 'point/random/gain/headroom'"):
        comparison.estimate("random", "headroom", "gain")


def test_summary_rows_are_long(comparison):
    table = comparison.summary
    assert list(table.columns) == [
        "condition", "policy", "outcome", "statistic", "value", "low", "high", "estimand", "n", "note"
    ]  # fmt: skip
    assert len(table) == 6 * (10 * 2 + 3)
    assert not table.duplicated(["condition", "policy", "outcome", "statistic"]).any()


def test_policies_that_choose_alike_are_said_to_be_one(comparison):
    table = comparison.at(POINT)
    assert (table["same_as"] == "").all()
    task = kss()
    twins = policies(task) | {"again": NInARow()(task, 1, S)}
    found = compare(task, twins, Comparing(learners=20))
    same = found.at(POINT)["same_as"]
    assert (same["again"], same["tuned_mastery"]) == ("tuned_mastery", "again")
    assert any("they are one rule here" in note for note in words.caveats(found))
    assert not any("they are one rule here" in note for note in words.caveats(comparison))


def test_it_is_said_what_a_rule_was_tuned_to(comparison):
    task = kss(6)
    given = policies(task) | {"tuned_mastery": TunedMastery(learners=20)(task, 0, S)}
    found = compare(task, given, Comparing(learners=20))
    setting = given["tuned_mastery"].tuned.setting
    assert found.at(POINT)["setting"]["tuned_mastery"] == setting
    assert f"tuned_mastery was tuned to: {setting}." in words.caveats(found)
    assert (comparison.at(POINT)["setting"] == "").all()


def test_chunks_and_workers_change_nothing(comparison):
    task = kss()
    settings = Comparing(learners=150, workers=2, chunk=7)
    again = compare(task, policies(task), settings, name="kss", trained=["topological"])
    pd.testing.assert_frame_equal(again.learners, comparison.learners)
    pd.testing.assert_frame_equal(again.policies, comparison.policies)
    pd.testing.assert_frame_equal(again.curves, comparison.curves)
    assert all(
        one == other or np.isnan(one.value) for one, other in zip(again.rows, comparison.rows, strict=True)
    )


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
    task, settings = kss(), Comparing(learners=40)
    given = policies(task) | {"mine": {s: NInARow(n=2)(task, s, S) for s in range(5)}}
    found = compare(task, given, settings, trained=["mine"])
    assert found.at(POINT)["seeds"]["mine"] == 5
    recipe = found.estimate("mine").estimand
    assert recipe != found.estimate("random").estimand
    fewer = policies(task) | {"mine": {s: NInARow(n=2)(task, s, S) for s in range(4)}}
    assert compare(task, fewer, settings).estimate("mine").estimand != recipe


def test_what_cannot_be_compared_is_refused():
    task, settings = kss(), Comparing(learners=10)
    with pytest.raises(InputError, match="oracle"):
        compare(task, policies(task) | {"clever": OracleGreedy()(task, 0, S)}, settings)
    with pytest.raises(InputError, match="tuned_mastery"):
        compare(task, policies(task), replace(settings, reference="tuned_mastry"))
    with pytest.raises(InputError, match="learners = 1"):
        Comparing(learners=1)
    with pytest.raises(InputError, match=r"aims = 'retrun'.*did you mean 'return'"):
        Comparing(aims=("retrun",))


def test_the_names_of_crowded_lines_stand_below_a_long_title():
    axes = new_figure(4.6, 3.8).subplots()
    looks = {name: Line("black", "-", "o") for name in "abcd"}
    axes.plot([0, 1], [0, 1])
    _label_ends(axes, dict.fromkeys(looks, 0.99), looks)
    tidy(axes, "a title that is so long that it passes above the names of all lines")
    (title,) = (
        text.get_window_extent() for text in axes.findobj(Text) if text.get_text().startswith("a title")
    )
    names = [text.get_window_extent() for text in axes.texts]
    assert title.x1 > names[0].x0, "else nothing is tested"
    assert not any(title.overlaps(name) for name in names)


def test_the_report_needs_nothing_beside_it(comparison, tmp_path):
    made = publish(comparison, tmp_path, notes=["A note <b>."], card="Fitted to <b>.")
    for path in (*made.tables.values(), *made.figures.values()):
        assert path.stat().st_size > 80
    assert set(made.figures) == {"comparison", "teaching", "path"}
    assert len(pd.read_parquet(made.tables["learners"])) == 150 * 6
    Report("A title", [made.section], {"seeds": "0"}, {}).write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text().replace("<wbr>", "")
    assert str(tmp_path) not in page
    assert "30 steps per learner" in page
    for path in made.figures.values():
        assert path.with_suffix(".svg").stat().st_size > 1000
    for name in policies(comparison.task):
        assert name in page
    assert "A note &lt;b&gt;." in page
    assert "Fitted to &lt;b&gt;." in page
    assert page.count("data:image/png;base64,") == 3
    assert "<th>mean [95\N{NO-BREAK SPACE}%]</th>" in page, "a heading breaks at no figure's unit"
    assert 'src="http' not in page
    mean = comparison.estimate("topological")
    assert made.scores["kss/point/topological/return/mean"] == mean.value
    assert made.scores["kss/point/topological/return/mean/low"] == mean.low


def test_publishing_teaches_nobody(comparison, tmp_path, monkeypatch):
    monkeypatch.setattr("coursewright.envs.rollout.Episodes", None)
    publish(comparison, tmp_path)


def test_the_verdict_says_what_was_found(comparison):
    (sentence,) = words.verdict(comparison)
    assert "topological" in sentence
    assert "falls short of tuned_mastery" in sentence
    assert words.headline(comparison).startswith("topological falls short of tuned_mastery by .")
    assert any("prerequisite graph" in note for note in words.caveats(comparison))
    assert any("random 6" in note for note in words.caveats(comparison))
    free = compare(ednet(), policies(ednet()), Comparing(learners=40))
    assert any("random_legal equals random" in note for note in words.caveats(free))
    assert any("random and random_legal made the same choices" in note for note in words.caveats(free))
    assert "no trained policy" in words.verdict(free)[0]
    plain = "No rule does clearly better than round_robin"
    assert words.headline(free) == f"{plain} over 12 steps with bkt learners"


def printed(tables, width=80):
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=width).print(*tables)
    return out.getvalue()


def test_the_terminal_table_fits_eighty_columns(comparison):
    (table,) = comparison_tables(comparison)
    text = printed([table])
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    for name in policies(comparison.task):
        assert any(name in line for line in lines)
    assert "…" not in text


def test_further_columns_go_into_further_tables(comparison):
    columns = ("time_to_mastery/mean", "gain/difference", "gain/headroom")
    tables = comparison_tables(replace(comparison, settings=replace(comparison.settings, columns=columns)))
    text = printed(tables)
    assert len(tables) == 2
    assert "…" not in text
    assert "time to mastery: mean [95 %]" in text
    assert "gain: − tuned_mastery" in text
    assert "gain: headroom" not in text, "which is asked of aims alone"
    with pytest.raises(InputError, match=r"columns = 'gain/meen': .*did you mean 'gain/mean'"):
        Comparing(columns=("gain/meen",))


def test_short_intervals_lose_only_leading_zeros():
    assert numbers.brief(0.25, 0.5) == "[.250, .500]"
    assert numbers.brief(-0.25, 10.5, signed=True) == "[\N{MINUS SIGN}.250, +10.500]"
    assert numbers.number(0.7526) == ".753"
    assert numbers.hundredths(-1.156) == "\N{MINUS SIGN}1.16"
    assert numbers.percent(-0.114) == "\N{MINUS SIGN}11 %"
    assert numbers.span(-0.066, -0.032, True) == "\N{MINUS SIGN}.066 to \N{MINUS SIGN}.032"
    assert numbers.shown("\N{MINUS SIGN}.250 ×2", "ascii") == "-.250 x2"
    assert numbers.shown("\N{MINUS SIGN}.250 ×2", "utf-8") == "\N{MINUS SIGN}.250 ×2"
    assert [numbers.thousands(x) for x in (500, 1500, 2000, 2500, 1_250_000)] == [
        "500",
        "1.5 k",
        "2 k",
        "2.5 k",
        "1.25 M",
    ]
    assert numbers.brief(30.7, 60.43) == "[30.700, 60.430]"
    assert numbers.brief(-0.0002, 0.02, True) == "[\N{MINUS SIGN}.000, +.020]", "0 lies inside"
    assert numbers.brief(-1e-17, 0.5) == "[.000, .500]", "a share is never below 0"
