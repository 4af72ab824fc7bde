"""Pictures of a comparison: a mark for twins, the bound, words that do not collide, narrow layouts."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, UniformRandom
from coursewright.agents.rules.mastery import NInARow
from coursewright.envs.shipped import COMMON, LAST, tutor
from coursewright.envs.task import Task
from coursewright.evaluation.bounds import RESPONSES, TOLD, Bound
from coursewright.evaluation.comparison.compare import compare
from coursewright.evaluation.comparison.figure import BOUND_DASH, _rows, comparison_figure
from coursewright.evaluation.comparison.path_figure import path_figure
from coursewright.evaluation.comparison.publish import publish
from coursewright.evaluation.comparison.report import Report
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.figures import NARROW
from coursewright.simulators.knowledge.tables import read_bkt


def free_choice(steps):
    simulator = read_bkt("bkt_ednet")
    return Task(
        simulator=simulator, tutor=tutor("bkt_ednet", simulator.course), steps=steps, features=COMMON + LAST
    )


@pytest.fixture(scope="module")
def comparison():
    task = free_choice(60)
    made = {
        "random": UniformRandom(),
        "random_legal": RandomLegal(),
        "round_robin": RoundRobin(),
        "mine": RoundRobin(),
        "tuned_mastery": RoundRobin(),
        "n_in_a_row": NInARow(),
        "oracle_greedy": OracleGreedy(),
        "oracle_again": OracleGreedy(),
    }
    return compare(
        task, {name: agent(task) for name, agent in made.items()}, Comparing(learners=60), name="x"
    )


def test_policies_that_do_the_same_share_one_mark_and_the_reference_stands_for_its_own(comparison):
    rows = _rows(comparison)
    assert set(rows.heads) == {"tuned_mastery", "random", "n_in_a_row", "oracle_greedy"}
    assert set(rows.twins) == {"round_robin", "mine", "random_legal", "oracle_again"}
    places = rows.heads | rows.twins
    order = sorted(places, key=places.__getitem__)
    first = order.index("tuned_mastery")
    assert set(order[first + 1 : first + 3]) == {"round_robin", "mine"}
    assert order[-2:] == ["oracle_greedy", "oracle_again"]
    axes = comparison_figure(comparison).figure.axes[0]
    marks = [line for line in axes.lines if line.get_marker() not in ("", "None", None)]
    assert len(marks) == len(comparison.conditions) * len(rows.heads)
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert {label for label in labels if label.startswith("= ")} == {f"= {name}" for name in rows.twins}
    assert not any("=" in text.get_text() for text in axes.texts)


def bound_lines(comparison):
    picture = comparison_figure(comparison).figure
    words = [text.get_text() for legend in picture.legends for text in legend.get_texts()]
    dashes = picture.axes[0].axvline(0, linestyle=BOUND_DASH, linewidth=1.2)._unscaled_dash_pattern
    lines = [line for line in picture.axes[0].lines[:-1] if line._unscaled_dash_pattern == dashes]
    return lines, [word for word in words if word.startswith("bound")]


def test_a_known_bound_is_a_line_through_the_policies_that_it_holds_for(comparison):
    rows = _rows(comparison)
    (line,), (words,) = bound_lines(comparison)
    assert comparison.bound.kind == RESPONSES
    np.testing.assert_allclose(line.get_xdata(), comparison.bound.value)
    assert line.get_ydata()[1] == rows.oracles < rows.heads["oracle_greedy"]
    assert words == "bound .331 (answers alone)"
    told = replace(comparison, bounds={"point": Bound(0.7, TOLD)})
    (line,), (words,) = bound_lines(told)
    assert line.get_ydata()[1] > rows.end
    assert words == "bound .700 (oracles too)"


def test_a_long_setting_makes_the_legend_no_wider_than_the_figure(comparison):
    table = comparison.policies.copy()
    setting = "calendar: Memrise(days=(1.0, 6.0, 12.0, 48.0, 96.0, 180.0), new_first=False)"
    table.loc[table["policy"] == comparison.reference, "setting"] = setting
    figure = comparison_figure(replace(comparison, policies=table)).figure
    figure.canvas.draw()
    (legend,) = figure.legends
    assert legend.get_window_extent().width <= 1.02 * figure.bbox.width
    assert "180.0" in legend.get_texts()[0].get_text()


def test_a_bound_on_the_return_is_none_on_another_aim(comparison):
    settings = replace(comparison.settings, aims=("gain",), baseline="tuned_mastery")
    gained = compare(comparison.task, {"tuned_mastery": NInARow()(comparison.task)}, settings)
    assert gained.bounds["point"].known
    assert not gained.bound.known
    assert bound_lines(gained) == ([], [])


def overlapping(figure):
    """Pairs of texts that collide."""
    figure.canvas.draw()
    texts = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]
    texts = [text for text in texts if text.get_visible() and text.get_window_extent().width > 0]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [
        (one, other)
        for n, (one, box) in enumerate(boxes)
        for other, place in boxes[n + 1 :]
        if box.overlaps(place) and one != other
    ]


@pytest.mark.parametrize("skills", [1, 6, 7, 20])
def test_the_words_of_a_path_do_not_collide(skills, comparison, monkeypatch):
    monkeypatch.setattr(
        "coursewright.evaluation.comparison.path_figure._shown", lambda course, goal, walks, k: k < skills
    )
    picture = path_figure(comparison)
    for figure in (picture.figure, picture.narrow):
        assert overlapping(figure) == []


@pytest.mark.slow
def test_a_wide_picture_has_a_layout_for_telephones(comparison, tmp_path):
    picture = path_figure(comparison)
    assert picture.figure.get_figwidth() > 1.3 * NARROW
    assert picture.narrow.get_figwidth() == NARROW
    made = publish(comparison, tmp_path)
    assert (tmp_path / "path-narrow.png").stat().st_size > 1000
    assert not (tmp_path / "comparison-narrow.png").exists(), "which fits a telephone"
    Report("A title", [made.section], {}, {}).write(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count('<source media="(max-width: 40rem)" srcset="data:image/png;base64,') == 1
    few = replace(comparison.settings, learners=20, baseline="tuned_mastery")
    short = compare(free_choice(12), {"tuned_mastery": RoundRobin()(free_choice(12))}, few)
    assert path_figure(short).narrow is None
