"""The checks of simulated learners in plain sentences: the models that pass, what fails, and by how much."""

import numpy as np
import pandas as pd

from coursewright.evaluation.numbers import brief, number, percent
from coursewright.evaluation.validity.told import CHECKS, Told
from coursewright.fitting.judging.checks import LEAST_INSIDE, LEAST_P, VAGUE, Check
from coursewright.fitting.judging.invented import Invented
from coursewright.fitting.judging.null_world import LEVELS, PRACTICES
from coursewright.fitting.judging.verdict import MOST_GAIN, MOST_SPREAD, listed
from coursewright.fitting.judging.within_pairs import WITHIN


def passing(table: pd.DataFrame, check: str) -> str:
    """The models of `table` that pass the check, the closest first; else the one that comes closest.

    Closest is the one with most points inside the band, and of equals the one at the least distance.
    """
    near = table.sort_values([f"{check}_inside", f"{check}_rmse"], ascending=[False, True], kind="stable")
    passed = near[near[f"{check}_passes"]]
    if not passed.empty:
        verb = "passes" if len(passed) == 1 else "pass"
        return f"{CHECKS[check].what}: {listed(list(passed.index))} {verb}"
    best = near.iloc[0]
    inside = f"{percent(best[f'{check}_inside'])} of the points inside, p = {number(best[f'{check}_p'])}"
    return f"{CHECKS[check].what}: no model passes, {best.name} comes closest ({inside})"


def said_of(check: Check) -> str:
    """The finding of one check of one model."""
    told = CHECKS[check.name]
    what = begun(told.what)
    if check.left_out:
        return f"{what}: left out; {check.left_out}."
    n, inside = len(check.data), int(check.inside.sum())
    found = f"{inside} of {n} points of the log lie inside the band"
    found += f" (mean width {number(check.width)}; the log's own interval {number(check.log_width)})"
    found += f"; distance {number(check.rmse)}, p = {number(check.p_value)}"
    if check.passes:
        return f"{what} passes: {found}.{_rise(check)}"
    return f"{what} fails: {found}; {_faults(check, told)}.{_rise(check)}"


def cell(check: Check) -> tuple[str, ...]:
    """The check in a table: the verdict, and the figures below it; a dash where it is left out."""
    if not len(check.data):
        return ("–",)
    mark = "✓" if check.passes else "✗"
    return (
        f"{mark} {int(check.inside.sum())} of {len(check.data)}",
        f"p = {number(check.p_value)}",
        f"{number(check.width)} wide (log {number(check.log_width)})",
    )


def practice_cells(found: Invented) -> list[tuple[str, ...]]:
    """Three cells of the table, one a level of skills: the gain where nobody learns, and that in the log."""
    if found.left_out:
        return [("–",)] * len(LEVELS)
    null, real = found.null, found.real
    cells: list[tuple[str, ...]] = []
    for n, gain in enumerate(null.mean.gain):
        mark = "✗" if null.fails[n] else "✓" if null.fits[n] else "?"
        spread = f"{number(null.mean.spread[n], digits=2)} ± {number(null.error.spread[n], digits=2)}"
        own = f"{number(real.gain[n], signed=True)}, {number(real.spread[n], digits=2)}"
        cell = (
            f"{mark} {number(gain, signed=True)} ± {number(null.error.gain[n])}",
            f"spread {spread}",
            f"in the log {own}",
        )
        cells.append(("–",) if np.isnan(gain) else cell)
    return cells


def rule() -> str:
    """The meaning of passing."""
    return (
        f"A check is passed (✓) where p is at least {number(LEAST_P, digits=2)}, at least "
        f"{percent(LEAST_INSIDE)} of the log's points lie inside the band, and the band is at most {VAGUE:g} "
        "times as wide as the log's own interval: a band that holds any log says nothing of this one."
    )


def null_rule(worlds: int) -> str:
    """The test of invented learning."""
    return (
        "Null worlds: learners who differ in ability, stay as long as the log's, and never learn answer the "
        f"log's own rows. The model is fitted to their answers, and its learners practise skills {PRACTICES} "
        "times. The truth is a gain of 0 in P(correct), and a spread of 0 over learners, in log odds. "
        f"Means of {worlds} worlds stand ± their standard errors. Where every 95 % interval lies within "
        f"{number(MOST_GAIN, digits=2)} either way, and below {number(MOST_SPREAD, digits=2)} for the spread "
        "(✓), the model is fit to train policies. Where one lies outside (✗), it invents learning, or "
        "forgetting where the gain is negative, and a policy that is trained on its learners may live on "
        "that. Otherwise (?) this log cannot tell: more worlds narrow the intervals."
    )


def _faults(check: Check, told: Told) -> str:
    """The conditions that are not met, and the point of the log that is farthest off."""
    parts = []
    least = int(np.ceil(LEAST_INSIDE * len(check.data) - 1e-9))
    if check.share_inside < LEAST_INSIDE:
        parts.append(f"it takes {least} inside")
    if check.p_value < LEAST_P:
        parts.append(f"it takes p ≥ {number(LEAST_P, digits=2)}")
    if check.vague:
        ratio = check.width / check.log_width if check.log_width > 0 else np.inf
        parts.append(f"the band is {ratio:.1f} times as wide as the log's own interval, and says too little")
    low, high = check.band
    beyond = np.maximum(np.maximum(low - check.data, check.data - high), 0.0)
    away = np.abs(check.data - check.mean) if check.inside.all() else beyond
    far = int(np.argmax(away * np.sqrt(check.count)))
    where = ", ".join(name for name in (check.group[far], check.place[far]) if name)
    signed = told.signed
    off = f"log {number(check.data[far], signed)}, simulated {number(check.mean[far], signed)}"
    parts.append(f"farthest off at {where} ({told.x}): {off} {brief(low[far], high[far], signed)}")
    return "; ".join(parts)


def _rise(check: Check) -> str:
    """The rise within pairs from the first opportunity to the last bin; nothing of other checks."""
    if check.name != WITHIN:
        return ""
    rise = check.simulated[:, -1] - check.simulated[:, 0]
    low, high = np.quantile(rise, [0.025, 0.975], method="weibull")
    mine = number(check.data[-1] - check.data[0], signed=True)
    theirs = f"{number(rise.mean(), signed=True)} {brief(low, high, signed=True)}"
    span = f" From opportunity {check.place[0]} to {check.place[-1]}"
    return f"{span} the log rises by {mine}, the simulated ones by {theirs}."


def begun(text: str) -> str:
    """The text with a capital letter."""
    return text[0].upper() + text[1:]
