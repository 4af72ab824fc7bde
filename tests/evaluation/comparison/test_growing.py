"""One more outcome, statistic and figure: a function and a line of YAML each, and no edit anywhere else."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

from coursewright.evaluation.numbers import number

MINE = """
    from matplotlib.figure import Figure

    from coursewright.evaluation.figures import Picture
    from coursewright.evaluation.statistics import from_draws

    def rights(trace):
        return (trace.run.correct == 1).sum(axis=1)

    class Area:
        watches = True

        def __call__(self, trace):
            return trace.run.mastery.mean(axis=(1, 2))

    def spread(scores, name):
        values = scores.by_learner[:, scores.place(name)]
        square = scores.resamples.means(((values - values.mean()) ** 2)[:, None])[:, 0]
        return scores.bootstrapped(name, values.std(), square**0.5)

    def dots(comparison):
        figure = Figure()
        figure.subplots().plot([comparison.estimate("random", "mean", "rights").value], [0], "o")
        return Picture("My dots of right answers", figure)

    def nothing(comparison):
        return None
"""
RULES = ("random", "topological", "tuned_mastery")
OTHERS = (
    "random_legal",
    "round_robin",
    "n_in_a_row",
    "mastery_threshold",
    "expected_gain",
    "thompson",
    "ucb",
)


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """The folder of a comparison with additions from outside the package, and the text that it printed."""
    folder = tmp_path_factory.mktemp("grown")
    (folder / "mine.py").write_text(textwrap.dedent(MINE))
    done = subprocess.run(
        [
            sys.executable, "-m", "coursewright", "evaluate", "task.steps=6", "learners=40", "workers=1",
            "tracker=none", "hydra.run.dir=out", "policies.tuned_mastery.learners=20",
            *(f"~policies.{name}" for name in OTHERS),
            "+outcomes.rights={_target_: mine.rights, _partial_: true}",
            "+outcomes.area={_target_: mine.Area}",
            "+statistics.spread={_target_: mine.spread, _partial_: true}",
            "+figures.dots={_target_: mine.dots, _partial_: true}",
            "+figures.nothing={_target_: mine.nothing, _partial_: true}",
            "columns=[rights/mean]",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "out", done.stdout


@pytest.mark.slow
def test_an_outcome_of_ones_own_is_everywhere(grown):
    out, printed = grown
    (study,) = [path for path in out.iterdir() if path.is_dir() and path.name != ".hydra"]
    learners = pd.read_parquet(study / "learners.parquet")
    assert learners["rights"].between(0, 6).all()
    assert learners["area"].between(0, 1).all()
    mean = learners[learners["policy"] == "random"]["rights"].mean()
    summary = pd.read_csv(study / "summary.csv").set_index(["policy", "outcome", "statistic"])
    row = summary.loc["random", "rights", "mean"]
    assert row["value"] == pytest.approx(mean)
    assert row["low"] < mean < row["high"]
    assert "rights: mean [95 %]" in printed
    assert f"{mean:.3f}" in printed
    assert "<th>rights: mean [95\N{NO-BREAK SPACE}%]</th>" in (out / "report.html").read_text()
    tracked = json.loads((out / "summary.json").read_text())
    assert tracked[f"eval/{study.name}/point/random/rights/mean"] == row["value"]
    assert set(pd.read_csv(out / "comparison.csv")["outcome"]) >= {"rights", "area", "return"}


@pytest.mark.slow
def test_a_statistic_of_ones_own_is_everywhere(grown):
    out, printed = grown
    (study,) = [path for path in out.iterdir() if path.is_dir() and path.name != ".hydra"]
    learners = pd.read_parquet(study / "learners.parquet")
    summary = pd.read_csv(study / "summary.csv").set_index(["policy", "outcome", "statistic"])
    for policy in RULES:
        for outcome in ("return", "gain", "rights"):
            values = learners[learners["policy"] == policy][outcome].to_numpy(np.float64)
            assert summary.loc[policy, outcome, "spread"]["value"] == pytest.approx(values.std())
    value = summary.loc["random", "return", "spread"]["value"]
    assert "spread" in printed
    assert number(value) in printed
    page = (out / "report.html").read_text()
    assert "<th>spread</th>" in page
    assert number(value) in page
    tracked = json.loads((out / "summary.json").read_text())
    assert tracked[f"eval/{study.name}/point/random/return/spread"] == value


def test_a_figure_of_ones_own_is_in_the_report_and_beside_it(grown):
    out, _ = grown
    (study,) = [path for path in out.iterdir() if path.is_dir() and path.name != ".hydra"]
    assert {path.stem for path in study.glob("*.png")} == {"comparison", "teaching", "path", "dots"}
    assert "<figcaption>My dots of right answers</figcaption>" in (out / "report.html").read_text()
