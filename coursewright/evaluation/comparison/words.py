"""A comparison in plain sentences."""

from collections.abc import Iterator

import numpy as np

from coursewright.evaluation.bounds import RESPONSES
from coursewright.evaluation.comparison.described import budget
from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.scores import NO_BOUND, ORACLE, POSSIBLE, TRAINED
from coursewright.evaluation.numbers import brief, number, percent, span
from coursewright.evaluation.outcomes import is_return
from coursewright.evaluation.statistics import FEWEST_SEEDS, TIE

CONDITIONS = {
    "point": "the simulator's own parameters",
    "bootstrap": "bootstrap draws of the simulator's parameters",
}

PLAINEST = ("random", "random_legal", "round_robin", "topological")  # policies that nobody has to think about


def headline(comparison: Comparison) -> str:
    """The finding in one short sentence: the title of a picture."""
    name, reference = contender(comparison), comparison.reference
    if comparison.at().at[name, "kind"] != TRAINED:
        return f"{_best_of_rules(comparison)} {place(comparison)}"
    gap = comparison.estimate(name, "difference")
    if gap.low > 0:
        return f"{name} beats {reference} by {number(gap.value)} {place(comparison)}"
    if gap.high < 0:
        return f"{name} falls short of {reference} by {number(-gap.value)} {place(comparison)}"
    return f"{name} and {reference} do equally well {place(comparison)}"


def _best_of_rules(comparison: Comparison) -> str:
    best = best_rule(comparison)
    if plain := _plain(comparison):
        return f"No rule does clearly better than {plain}"
    apart = [name for name in tied(comparison) if name not in comparison.twins(best)]
    if not apart:
        return f"{best} is the best rule"
    return f"{best} and {apart[0] if len(apart) == 1 else f'{len(apart)} others'} tie for the best rule"


def place(comparison: Comparison) -> str:
    """The place of the finding: "over 30 steps with kss_cseal18 learners"."""
    return f"over {budget(comparison.task)} with {comparison.simulator} learners"


def _begun(text: str) -> str:
    return text[0].upper() + text[1:]


def surpassed(comparison: Comparison, condition: str = POINT) -> list[str]:
    """A sentence for each oracle that a rule is clearly above."""
    table = comparison.at(condition)
    return [
        f"{name} is no oracle here: {row['surpassed_by']} is clearly above it on the same learners, "
        "so it is no reference for the possible."
        for name, row in table.iterrows()
        if row["surpassed_by"]
    ]


def doubted(comparison: Comparison) -> list[str]:
    """A sentence for each rule that may be none for this task."""
    said = comparison.at()["caveat"]
    return [f"{name}: {said[name]}." for name in map(str, said.index) if said[name]]


def twins(comparison: Comparison) -> list[str]:
    """A sentence about the policies that made the same choices; nothing where there are none."""
    groups = [" = ".join(group) for group in _alike(comparison)]
    return [f"The same choices for every learner: {'; '.join(groups)}."] if groups else []


def _alike(comparison: Comparison) -> Iterator[list[str]]:
    """Groups of policies that made the same choices, from the best on."""
    said: set[str] = set()
    for name in map(str, comparison.at().index):
        same = comparison.twins(name)
        if same and name not in said:
            said |= same
            yield [name, *sorted(same)]


def below(comparison: Comparison) -> list[str]:
    """A sentence about the policies that are clearly below the baseline; nothing where there are none."""
    table, baseline = comparison.at(), comparison.settings.baseline
    ahead = comparison.ahead(baseline)
    honest = [name for name in map(str, table.index) if table.at[name, "kind"] != ORACLE]
    said = [
        f"{name} ({number(ahead[name].value, True)} {brief(ahead[name].low, ahead[name].high, True)})"
        for name in honest
        if ahead[name].high < -TIE
    ]
    return [f"Clearly below {baseline} on the same learners: {', '.join(said)}."] if said else []


def limit(comparison: Comparison) -> list[str]:
    """The bound on any policy under each condition, or the reason for none, with the means above it."""
    return [
        " ".join([_limit(comparison, condition), *_beyond(comparison, condition)])
        for condition in comparison.conditions
    ]


def _beyond(comparison: Comparison, condition: str) -> Iterator[str]:
    """A sentence about the policies whose mean over these learners is above a bound that holds for them."""
    found, kinds = comparison.bounds[condition], comparison.at(condition)["kind"]
    outcomes = comparison.settings.outcomes
    returned = next((name for name, figure in outcomes.items() if is_return(figure)), None)
    if not found.known or returned is None:
        return
    bounded = [str(name) for name in kinds.index if found.kind != RESPONSES or kinds[name] != ORACLE]
    means = {name: comparison.estimate(name, "mean", returned, condition) for name in bounded}
    above = [
        f"{name} ({number(mean.value)} {brief(mean.low, mean.high)})"
        for name, mean in means.items()
        if mean.value > found.value + TIE
    ]
    if above:
        n = int(comparison.at(condition)["learners"].iloc[0])
        yield (
            f"Above it here: {', '.join(above)}. The bound is about the whole population, these figures are "
            f"about {n:,} of its learners, as their intervals tell."
        )


def _limit(comparison: Comparison, condition: str) -> str:
    found = comparison.bounds[condition]
    where = "" if condition == POINT else f" with {CONDITIONS[condition]}"
    if not found.known:
        return f"{_begun(NO_BOUND)}{where}: {found.note}."
    level = f"have a mean return above {number(found.value)}{where}"
    if found.kind == RESPONSES:
        return f"No policy that sees answers alone can {level} ({found.relaxation})."
    closer = f": {found.note}" if found.note else ""
    return (
        f"No policy can {level}, not even one that is told which skills are known. "
        f"For policies that see answers alone this bound is loose{closer}."
    )


def best_rule(comparison: Comparison) -> str:
    """The best policy that is no oracle; the reference, where it made the same choices as the best."""
    table = comparison.at()
    best = str(table.index[table["kind"] != ORACLE][0])
    return comparison.reference if comparison.reference in comparison.twins(best) else best


def contender(comparison: Comparison) -> str:
    """The best trained policy, or, where none was trained, the best rule that is not the reference again."""
    table = comparison.at()
    others = table[(table["kind"] != ORACLE) & (table.index != comparison.reference)]
    trained = others[others["kind"] == TRAINED]
    twins = comparison.twins(comparison.reference)
    distinct = others[[name not in twins for name in others.index]]
    for candidates in (trained, distinct, others):
        if len(candidates):
            return str(candidates.index[0])
    return comparison.reference


def tied(comparison: Comparison) -> list[str]:
    """The other policies that are not clearly below the best one that is no oracle; it is none of them.

    Clearly: the 95 % interval of the paired difference is below 0.
    """
    table, best = comparison.at(), best_rule(comparison)
    ahead = comparison.ahead(best)
    honest = [str(name) for name in table.index if table.at[name, "kind"] != ORACLE]
    return [name for name in honest if name != best and ahead[name].high >= -TIE]


def _plain(comparison: Comparison) -> str:
    """The plainest policy that ties with the best rule; "" where that has more to it."""
    alike = {best_rule(comparison), *tied(comparison)}
    return next((name for name in PLAINEST if name in alike), "")


def verdict(comparison: Comparison) -> list[str]:
    """A sentence per trained policy: it beats the reference rule, falls short of it, or neither is clear."""
    table = comparison.at(POINT)
    trained = [str(name) for name in table.index[table["kind"] == TRAINED]]
    names = [name for name in trained if name != comparison.reference]
    if not names:
        best = best_rule(comparison)
        level = number(comparison.estimate(best).value)
        others = set(table.index[table["kind"] != ORACLE]) - {best}
        if others and others <= comparison.twins(best):
            same = ", ".join(sorted(map(str, others)))
            return [
                f"{_begun(place(comparison))}, {best} and {same} make the same choices, with a mean "
                f"{comparison.aim} of {level}."
            ]
        return [
            f"{_begun(place(comparison))}, no trained policy was given; {_best(comparison, best, level)}."
        ]
    return [_verdict(comparison, name) for name in names]


def _best(comparison: Comparison, best: str, level: str) -> str:
    """The best rule, and those that tie with it."""
    ties, plain = tied(comparison), _plain(comparison)
    mean = f"with a mean {comparison.aim} of"
    if plain:
        others = [name for name in (best, *ties) if name != plain]
        with_it = f"; {', '.join(others)} {'ties' if len(others) == 1 else 'tie'} with it" if others else ""
        level = number(comparison.estimate(plain).value)
        return f"no rule does clearly better than {plain}, {mean} {level}{with_it}"
    apart = [name for name in ties if name not in comparison.twins(best)]
    with_it = f", tied with {', '.join(apart)} (no clear difference on the same learners)" if apart else ""
    return f"{best} does best {mean} {level}{with_it}"


def _verdict(comparison: Comparison, name: str) -> str:
    parts = []
    for condition in comparison.conditions:
        where = _begun(place(comparison)) if condition == POINT else f"With {CONDITIONS[condition]}"
        parts.append(f"{where}, {_against_reference(comparison, condition, name)}")
    sentences = [share for share in (_share(comparison, name), _way(comparison, name)) if share]
    ways = [", and ".join(sentences) + "."] if sentences else []
    return " ".join([*parts, *ways, *_possible(comparison, name)])


def _share(comparison: Comparison, name: str) -> str:
    if not comparison.has(comparison.aim, "p_improvement"):
        return ""
    share = percent(comparison.estimate(name, "p_improvement").value)
    return f"{share} of learners do better with it (ties count half)"


def _way(comparison: Comparison, name: str) -> str:
    if not comparison.has(comparison.aim, "headroom"):
        return ""
    covered = comparison.estimate(name, "headroom").value
    if not np.isfinite(covered):
        return ""
    start, table = comparison.settings.baseline, comparison.at()
    best = table.index[table["best_known"]][0]
    return f"it covers {percent(covered)} of the way from {start} to the best oracle, {best}"


def _possible(comparison: Comparison, name: str) -> Iterator[str]:
    if not comparison.has(comparison.aim, POSSIBLE):
        return
    share = comparison.estimate(name, POSSIBLE)
    if np.isfinite(share.value):
        way = f"from {comparison.settings.baseline} to the bound on every policy"
        doubt = f"95 % interval: {percent(share.low)} to {percent(share.high)}"
        yield f"It goes {percent(share.value)} of the way {way} ({doubt})."


def _against_reference(comparison: Comparison, condition: str, name: str) -> str:
    found = comparison.estimate(name, "difference", condition=condition)
    reference = comparison.reference
    doubt = f"95 % interval of the paired difference: {span(found.low, found.high, True)}"
    gap = f"{number(abs(found.value))} ({doubt})"
    mean = comparison.estimate(name, condition=condition).value
    level = f"with a mean {comparison.aim} of {number(mean)}"
    if found.low > 0:
        return f"{name} beats {reference} by {gap}, {level}."
    if found.high < 0:
        return f"{name} falls short of {reference} by {gap}, {level}."
    return f"there is no clear difference between {name} and {reference}: {gap}, {level}."


def caveats(comparison: Comparison) -> list[str]:
    """The limits that a careful reader has to know before believing the table."""
    return [
        "All learners are simulated: a policy that wins here has won against this model of learning, "
        "not in a school.",
        *_about_tuning(comparison),
        *doubted(comparison),
        *below(comparison),
        *_about_masks(comparison),
        *_about_oracles(comparison),
        *_about_seeds(comparison),
        *_about_conditions(comparison),
    ]


def _about_tuning(comparison: Comparison) -> Iterator[str]:
    table = comparison.at(POINT)
    for name, row in table.iterrows():
        if row["setting"]:
            yield f"{name} was tuned to: {row['setting']}."
    for group in _alike(comparison):
        yield f"{' and '.join(group)} made the same choices for every learner, so they are one rule here."


def _about_masks(comparison: Comparison) -> Iterator[str]:
    task = comparison.task
    if not task.masked:
        yield "Nothing restricts the choice of items in this task, so random_legal equals random."
    elif len(task.course.parents.values):
        yield (
            "The mask and the rules in prerequisite order use the course's public prerequisite graph: "
            "figures that were published for agents without it are no comparison."
        )
    if shares := _refused(comparison):
        yield f"Policies that ignore the mask lose steps on disallowed items. Share of their steps: {shares}."


def _refused(comparison: Comparison) -> str:
    if not {"refused", "steps"} <= set(comparison.settings.outcomes):
        return ""
    table = comparison.learners
    sums = table[table["condition"] == POINT].groupby("policy", observed=True)[["refused", "steps"]].sum()
    shares = (sums["refused"] / sums["steps"].clip(lower=1)).loc[comparison.at(POINT).index]
    return ", ".join(f"{name} {percent(share)}" for name, share in shares.items() if share > 0)


def _about_oracles(comparison: Comparison) -> Iterator[str]:
    yield from surpassed(comparison)
    if not comparison.has(comparison.aim, "headroom"):
        return
    table = comparison.at(POINT)
    honest = [str(name) for name in table.index[table["kind"] != ORACLE]]
    beyond = [name for name in honest if comparison.estimate(name, "headroom").value > 1.0]
    if beyond:
        yield (
            "Above 100 % of the headroom, so the best oracle here is not the best possible: "
            f"{', '.join(beyond)}."
        )


def _about_seeds(comparison: Comparison) -> Iterator[str]:
    table = comparison.at(POINT)
    few = table[(table["kind"] == TRAINED) & (table["seeds"] < FEWEST_SEEDS)]
    if len(few):
        yield (
            f"Intervals of {', '.join(map(str, few.index))} are about the very policies that were scored, "
            f"over learners. A statement about the training recipe needs {FEWEST_SEEDS} seeds."
        )


def _about_conditions(comparison: Comparison) -> Iterator[str]:
    if len(comparison.conditions) > 1:
        yield (
            "The simulator was fitted to a log. The second table repeats everything with parameters "
            "from its bootstrap: learner j uses parameter draw j mod the number of draws, and the "
            "policies stay as trained."
        )
