"""`coursewright validate`: one page, one table, and their verdict on models with planted faults."""

from dataclasses import dataclass, replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from coursewright.data.log import learner_log
from coursewright.data.synthetic import simulate_log
from coursewright.errors import InputError
from coursewright.evaluation.figures import Picture
from coursewright.evaluation.validity import report
from coursewright.evaluation.validity import words as validity_words
from coursewright.evaluation.validity.check_words import practice_cells, said_of
from coursewright.evaluation.validity.judge import Settings, validate
from coursewright.evaluation.validity.report import models_table, write_judged
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.accuracy import LEARNING
from coursewright.fitting.judging.checks import Check
from coursewright.fitting.judging.invented import UNKNOWN, UNMEASURED, Invented
from coursewright.fitting.judging.null_world import LEVELS, Gains
from coursewright.fitting.judging.verdict import Measured
from coursewright.fitting.judging.within_pairs import WITHIN


@dataclass(frozen=True)
class Peeking:
    """Item difficulty that has seen the answer."""

    name: str = "peeking"

    def fit(self, log):
        fitted = ItemDifficultyModel().fit(log)
        predict = fitted.predict
        object.__setattr__(fitted, "predict", lambda log: 0.4 * predict(log) + 0.5 * log.correct)
        return fitted


@pytest.fixture(scope="module")
def found():
    log = learner_log(simulate_log(120, 6), "made up", "free", {"a bad row": 7})
    models = {"item_difficulty": ItemDifficultyModel(), "bkt": BktModel(), "peeking": Peeking()}
    return validate(log, models, "item_difficulty", Settings(replicates=39, worlds=8))


@pytest.fixture
def unillustrated(monkeypatch):
    """Pages with empty pictures, where only the words are read: drawing takes longest."""
    monkeypatch.setattr(report, "_both", lambda caption, *given: Picture(caption, Figure((1, 1))))


def test_the_table_has_every_figure_of_every_model(found):
    table = found.table
    assert list(table.index) == ["bkt", "item_difficulty", "peeking"]  # by checks passed; those who peek last
    bkt = table.loc["bkt"]
    assert bkt["auc_low"] < bkt["auc"] < bkt["auc_high"]
    assert bkt["auc_difference_low"] > 0.1  # made by BKT: it must win
    assert table.loc["item_difficulty", "auc_difference"] == 0.0
    assert bkt["slope_low"] < 1.0 < bkt["slope_high"]
    assert bkt["auc_sd"] == pytest.approx(found.models[0].by_fold[:, 0].std(ddof=1))
    assert (bkt["learners"], bkt["responses"]) == (120, 3_600)
    assert bkt["opportunity_inside"] >= 0.8
    assert table.loc["item_difficulty", "opportunity_p"] == 1 / 40
    assert (bkt["pair_passes"], table.loc["item_difficulty", "pair_passes"]) == (True, False)
    assert table.loc["item_difficulty", "pair_p"] == 1 / 40
    assert 0.0 < bkt["pair_width"] < 3 * bkt["pair_log_width"]
    assert (bkt["judged"], bkt["passed"]) == (7, sum(check.passes for check in found.models[0].checks))
    assert table["peeks"].tolist() == [False, False, True]


def test_the_verdict_leaves_cheats_out_and_says_so(found):
    prediction, learning, others, left_out, mark = validity_words.conclusions(found)
    assert left_out == "Left out: accuracy by record length (all records are about as long)."
    bad, good = mark.split("; ")
    # a mixture of knowers and others
    assert bad == "bkt invents differences between learners and is unfit to train policies"
    assert good == "item_difficulty invents no learning where nobody learns."
    assert prediction.startswith("bkt predicts unseen responses best by AUC")
    assert "by log loss too" in prediction
    assert learning.startswith("Simulated learners beside the log, checks passed of 7: bkt ")
    assert learning.endswith(" Learning within pairs: bkt passes.")
    assert "accuracy by opportunity: bkt passes" in others
    assert "peeking" not in learning + others
    assert [check.name for check in found.models[0].checks if check.left_out] == ["length"]
    assert "Accuracy by record length: left out; all records are about as long." in validity_words.about(
        found.models[0]
    )
    assert validity_words.about(found.models[2])[0].startswith("Void: the prediction of a row changes")
    assert "rows dropped: 7 (a bad row)" in validity_words.limits(found)[-2]


def test_the_mark_stands_in_table_heading_and_text(found):
    differ = "differences between learners"
    assert found.table["invents"].tolist() == [differ, "nothing", "nothing"]
    assert found.table.loc["bkt", "invented_error_gain_easiest"] > 0.0
    assert max(found.table.loc["bkt", [f"invented_gain_{level}" for level in LEVELS]]) > 0.03
    assert (found.table.loc["item_difficulty", [f"invented_spread_{level}" for level in LEVELS]] == 0.0).all()
    bkt, items, _ = found.models
    assert validity_words.heading(bkt) == f"bkt: invents {differ}, unfit to train policies"
    assert validity_words.heading(items) == "item_difficulty"
    assert any(f"It invents {differ}: unfit to train policies." in line for line in validity_words.about(bkt))
    for cells, model in ((("✓ +.000 ± .000", "spread .00 ± .00"), items), (("✗",), bkt)):
        shown = [cell for level in practice_cells(model.invented) for cell in level]
        for cell in cells:
            assert any(part.startswith(cell) for part in shown)


def test_the_terminal_tells_of_what_is_left_out_and_what_the_log_cannot_tell(found, tmp_path, unillustrated):
    bkt, items, _ = found.models
    wide = Measured.of(Gains(np.array([[0.1] * 3, [-0.1] * 3]), np.zeros((2, 3))))
    untold = replace(items, name="untold", invented=replace(items.invented, null=wide))
    untested = replace(bkt, name="untested", invented=Invented(UNMEASURED, UNKNOWN, "worlds=0"))
    some = replace(found, models=[bkt, items, untold, untested])
    *_, left_out, mark = validity_words.conclusions(some)
    assert left_out == (
        "Left out: accuracy by record length (all records are about as long); null worlds of untested "
        "(worlds=0)."
    )
    assert mark == (
        "bkt invents differences between learners and is unfit to train policies; item_difficulty invents "
        "no learning where nobody learns; this log cannot tell if untold invents learning."
    )
    assert practice_cells(untold.invented)[0][0] == "? +.000 ± .100"
    assert validity_words.heading(untold) == "untold"
    page = write_judged(some, tmp_path, {}).page.read_text(encoding="utf-8")
    for text in (left_out, mark, "This log cannot tell if it invents learning", "<td>? +.000 ± .100"):
        assert text in page
    nobody = replace(found, models=[replace(untested, name="item_difficulty")])
    *_, left_out = validity_words.conclusions(nobody)
    assert left_out.endswith("; null worlds (worlds=0).")


def test_a_log_where_nobody_learns_and_passes_has_no_power(found, tmp_path, unillustrated):
    bkt, items, _ = found.models
    assert [model.still for model in found.models] == [False, True, True]
    assert not any("cannot tell learning from none" in line for line in validity_words.conclusions(found))
    passing = [bkt.check(WITHIN) if check.name == WITHIN else check for check in items.checks]
    blunt = replace(found, models=[bkt, replace(items, checks=passing)])
    said = (
        "This log cannot tell learning from none: item_difficulty, of whom nobody learns, passes learning "
        "within pairs, so that passing says nothing."
    )
    assert said in validity_words.conclusions(blunt)
    assert said in write_judged(blunt, tmp_path, {}).page.read_text(encoding="utf-8")


def test_the_page_holds_all_figures_and_needs_nothing_beside_it(found, tmp_path):
    made = write_judged(found, tmp_path, {"seed": "0"})
    page = made.page.read_text(encoding="utf-8")
    # prediction, calibration, six checks; skills: each once for a desk and once for a telephone
    assert page.count("data:image/png;base64,") == 2 * (8 + 3)
    assert page.count('<source media="(max-width: 40rem)"') == 8 + 3
    assert 'src="http' not in page
    for name in ("prediction", "calibration", "within-pairs", "learning", "retention", "skills-bkt"):
        assert made.figures[name].stat().st_size > 5_000
    for text in ("item_difficulty", "bkt", "peeking ⚠", "Void:", "Before you believe it", "<dt>seed</dt>"):
        assert text in page
    bins = pd.read_csv(made.tables["checks"])
    assert set(bins["check"]) == {"pair", "opportunity", "skill", "delay", "spread", "repeat", "neighbour"}
    assert (bins["log_low"] <= bins["log"]).all()
    assert (bins["simulated_low"] <= bins["simulated_high"]).all()
    assert len(pd.read_csv(made.tables["validity"])) == 3
    assert set(pd.read_csv(made.tables["calibration"])["model"]) == {"item_difficulty", "bkt", "peeking"}


def test_the_terminal_table_fits_eighty_columns(found):
    out = StringIO()
    Console(file=out, width=80).print(models_table(found))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in out.getvalue()
    assert sum("peeks" in line for line in lines) == 1


def test_refits_put_the_doubt_about_parameters_into_the_bands():
    log = learner_log(simulate_log(25, 8), "made up")
    models = {"bkt": BktModel()}
    widths = []
    for draws in (0, 13):
        (model,) = validate(log, models, "bkt", Settings(draws=draws)).models
        low, high = model.check(LEARNING).band
        widths.append(np.mean(high - low))
    assert widths[1] > 1.15 * widths[0]


def test_one_learner_gets_a_page_too(tmp_path, unillustrated):
    log = replace(learner_log(simulate_log(1, 12), "made up"), min_group=1)
    found = validate(
        log, {"item_difficulty": ItemDifficultyModel()}, "item_difficulty", Settings(replicates=5, draws=0)
    )
    assert found.split.startswith("split by time")
    assert found.few_learners
    page = write_judged(found, tmp_path, {}).page.read_text(encoding="utf-8")
    assert "too narrow" in page
    assert np.isfinite(found.table["auc_low"]).all()


def test_wrong_wishes_are_refused():
    log = learner_log(simulate_log(20), "made up")
    with pytest.raises(InputError, match="reference = nobody: must be one of the models: bkt"):
        validate(log, {"bkt": BktModel()}, "nobody")
    with pytest.raises(InputError, match="replicates = 1"):
        validate(log, {"bkt": BktModel()}, "bkt", Settings(replicates=1))


@pytest.mark.parametrize(
    ("slope", "high", "said"),
    [
        (-1.16, -0.4, "point the wrong way"),
        (-0.2, 0.3, "say nothing"),
        (0.4, 0.7, "are too extreme"),
        (1.6, 1.9, "are too timid"),
    ],
)
def test_a_slope_below_zero_is_the_wrong_direction(slope, high, said):
    assert validity_words._fault(slope, high) == said


def three_bins(data: list[float], spread: float = 0.1, half: float = 0.1) -> Check:
    """Simulated logs evenly between -spread and +spread in each bin."""
    simulated = np.tile(np.linspace(-spread, spread, 39)[:, None], (1, 3))
    real = np.array(data)
    count = np.array([50, 100, 50])
    return Check(WITHIN, ("",) * 3, ("1", "2", "3+"), count, real, real - half, real + half, simulated)


def test_words_say_what_passes_and_what_fails_by_how_much():
    good = said_of(three_bins([0.0, 0.01, 0.02]))
    assert good.startswith("Learning within pairs passes: 3 of 3 points of the log lie inside the band ")
    assert "(mean width .200; the log's own interval .200); distance .012, p = " in good
    rise = " From opportunity 1 to 3+ the log rises by +.020, the simulated ones by +.000 [+.000, +.000]."
    assert good.endswith(rise)
    bad = said_of(three_bins([-0.3, 0.0, 0.2]))
    assert bad.startswith("Learning within pairs fails: 1 of 3 points of the log lie inside the band ")
    assert "; distance .180, p = .025; it takes 3 inside; it takes p ≥ .05; farthest off at 1 (opp" in bad
    assert "1 (opportunity): log −.300, simulated +.000 [−.100, +.100]." in bad


def test_a_vague_band_is_named():
    said = said_of(three_bins([0.0, 0.01, 0.02], half=0.02))
    assert "Learning within pairs fails: 3 of 3 points" in said
    assert "the band is 5.0 times as wide as the log's own interval, and says too little" in said
