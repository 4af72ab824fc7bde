"""A finished comparison becomes files: tables, figures, and its section of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from coursewright.agents.export.policy import OnnxPolicy
from coursewright.envs.policy import Policy
from coursewright.evaluation.comparison.compare import Comparison
from coursewright.evaluation.comparison.curve_figures import teaching_figure, training_figure
from coursewright.evaluation.comparison.figure import comparison_figure
from coursewright.evaluation.comparison.path_figure import path_figure
from coursewright.evaluation.comparison.report import Section
from coursewright.evaluation.comparison.summary import ORACLE, TRAINED
from coursewright.evaluation.figures import save
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.kss.learners import Kss


@dataclass(frozen=True)
class Published:
    """A comparison's section of the report, and its files by what they are.

    `policies` are the exported files that were scored.
    """

    section: Section
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]
    policies: Sequence[Path] = ()

    @property
    def scores(self) -> dict[str, float]:
        """Flat summary figures, such as `kss-t30/point/maskable_ppo/mean`."""
        comparison = self.section.comparison
        kept = ["mean", "low", "high", "difference", "diff_low", "diff_high", "p_improvement", "headroom"]
        scores = {}
        for condition in comparison.conditions:
            for policy, row in comparison.at(condition)[kept].to_dict("index").items():
                for name, value in row.items():
                    scores[f"{comparison.name}/{condition}/{policy}/{name}"] = float(value)
        return scores


def publish(
    comparison: Comparison,
    policies: Mapping[str, Policy],
    metrics: Mapping[str, Sequence[pd.DataFrame]],
    folder: Path,
    example: int = 0,
    notes: Sequence[str] = (),
) -> Published:
    """Write tables and figures into `folder`.

    Parameters
    ----------
    policies : one per name, for the picture of a single learner.
    metrics : agent -> training tables with step, seed and value, where there are any.
    example : the evaluation learner whose path is drawn.
    notes : sentences for the section's caveats.
    """
    tables = comparison.write(folder)
    pair = _pair(comparison, policies)
    drawn = {
        "Mean return of every policy": (folder / "comparison.png", comparison_figure(comparison)),
        "What learners have gained after each step": (folder / "teaching.png", teaching_figure(comparison)),
        f"Learner {example} under {' and '.join(pair)}": (
            folder / "path.png",
            path_figure(comparison.task, pair, example),
        ),
    }
    if metrics:
        level = {comparison.reference: float(comparison.at()["mean"][comparison.reference])}
        curves = {agent: pd.concat(list(tables_)) for agent, tables_ in metrics.items()}
        figure = training_figure(curves, "mean return in training", level)
        drawn["Return of training learners while the policy still explores"] = (
            folder / "training.png",
            figure,
        )
    for path, figure in drawn.values():
        save(figure, path)
    figures = {caption: path for caption, (path, _) in drawn.items()}
    section = Section(comparison, figures, notes, _card(comparison))
    files = [policy.path for policy in policies.values() if isinstance(policy, OnnxPolicy)]
    return Published(section, tables, {path.stem: path for path in figures.values()}, files)


def _pair(comparison: Comparison, policies: Mapping[str, Policy]) -> dict[str, Policy]:
    """The best trained policy (or the best rule, where none was trained) beside the reference."""
    table = comparison.at()
    others = table[(table["kind"] != ORACLE) & (table.index != comparison.reference)]
    trained = others[others["kind"] == TRAINED]
    best = str((trained if len(trained) else others).index[0])
    return {name: policies[name] for name in (best, comparison.reference)}


def _card(comparison: Comparison) -> str:
    """How the learners were fitted, where they come from a shipped fit."""
    if isinstance(comparison.task.simulator, Kss):
        return ""
    card = SHIPPED / comparison.simulator / "card.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""
