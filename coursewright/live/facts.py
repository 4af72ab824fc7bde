"""The things that a tutor saw of the item that it chose and of the runner-up, in plain words.

They come from what a tutor file keeps of a learner and says of itself, and no rule is named here: whatever
keeps streaks, beliefs, dates or boxes has them told, beside the level or the target that it was made with.
"""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from coursewright.live.foresight import next_step
from coursewright.live.mind import Bools, Floats, Mind


class Sight(NamedTuple):
    """One learner as the tutor saw them: `state [columns]`, `goal [skills]`, and the outputs of the look."""

    state: Floats
    goal: Bools
    out: Mapping[str, Any]


def saw(mind: Mind, sight: Sight, items: Sequence[str]) -> list[str]:
    """A sentence on each of these items, the chosen one first, and one on what the tutor was made to do."""
    lines = [f"Item {item}: {', '.join(told)}." for item in items if (told := _facts(mind, sight, item))]
    settings = mind.words["made_by"].get("settings", {})
    who = mind.words["made_by"].get("agent", "The tutor")
    if "level" in settings:
        return [*lines, f"{who} practises up to {_level(mind, sight, settings, items)}."]
    if "target" in settings and "chance" in sight.out:
        chances = [float(sight.out["chance"][0, mind.place[item]]) for item in items]
        away = [
            f"{item} is {100 * abs(chance - settings['target']):.0f} points off"
            for item, chance in zip(items, chances, strict=True)
        ]
        return [*lines, f"{who} seeks a chance near {_percent(settings['target'])}: {', '.join(away)}."]
    if settings:
        made = ", ".join(f"{name} = {value}" for name, value in settings.items())
        lines.append(f"{who} was made with {made}.")
    return lines


def _facts(mind: Mind, sight: Sight, item: str) -> list[str]:
    """The things that are kept of an item and of its skills."""
    place, skills = mind.place[item], [mind.skills.index(skill) for skill in mind.skills_of[item]]
    told: list[str] = []
    if "belief" in mind.kept:
        beliefs = mind.beliefs(sight.state[None])[0][0]
        told.append(_each("mastery", mind, skills, [_percent(beliefs[k]) for k in skills]))
        [step] = next_step(mind, sight.state[None], sight.goal[None], [place])
        if step is not None:
            told[-1] += f" ({_percent(step.after)} expected after it)"
    answers, right = (counts[0] for counts in mind.counts(sight.state[None]))
    if "attempts" in mind.kept and not answers[skills].any():
        told.append("no answers yet")
    elif "attempts" in mind.kept and "successes" in mind.kept:
        told.append(_each("right", mind, skills, [f"{right[k]:.0f} of {answers[k]:.0f}" for k in skills]))
    if "streak" in mind.kept and told[-1:] != ["no answers yet"]:
        streak = sight.state[mind.kept["streak"]]
        told.append(_each("in a row", mind, skills, [f"{streak[k]:.0f}" for k in skills]))
    if "chance" in sight.out:
        told.append(f"chance of a right answer {_percent(sight.out['chance'][0, place])}")
    return [*told, *_dates(mind, sight, place)]


def _dates(mind: Mind, sight: Sight, place: int) -> list[str]:
    """The day on which an item is due, or the box in which it lies."""
    kept = {name: mind.remembered(sight.state, name) for name in mind.memory}
    if "box" in kept:
        return [f"box {kept['box'][place]:.0f}" if kept["box"][place] else "not seen yet"]
    if "due" not in kept:
        return []
    if not kept["met"][place]:
        return ["not seen yet"]
    days = float(kept["due"][place] - kept["day"][0])
    return [f"due in {days:.1f} days" if days > 0 else f"due {-days:.1f} days ago"]


def _level(mind: Mind, sight: Sight, settings: Mapping[str, Any], items: Sequence[str]) -> str:
    """The level up to which a skill is practised, and how far each item is from it."""
    feature, level = settings.get("feature", "belief"), float(settings["level"])
    if settings.get("shared"):
        level = ceil(level / max(1, int(sight.goal.sum())))
    if feature == "belief":
        values, whole = mind.beliefs(sight.state[None])[0][0], f"a mastery of {_percent(level)}"
    else:
        values = sight.state[mind.kept[feature]]
        whole = f"{level:.0f} right in a row" if feature == "streak" else f"{level:.0f} {feature}"
    gaps = []
    for item in items:
        skills = [mind.skills.index(skill) for skill in mind.skills_of[item]]
        have = float(np.prod(values[skills]) if feature == "belief" else np.min(values[skills]))
        lacks = f"{100 * (level - have):.0f} points" if feature == "belief" else f"{level - have:.0f}"
        gaps.append(f"{item} lacks {lacks}" if have < level else f"{item} is there")
    return f"{whole}: {', '.join(gaps)}"


def _each(what: str, mind: Mind, skills: Sequence[int], values: Sequence[str]) -> str:
    """`mastery 12 %`, or with the name of each skill where an item has several."""
    if len(skills) == 1:
        return f"{values[0]} {what}" if what in ("right", "in a row") else f"{what} {values[0]}"
    named = (f"{mind.skills[k]} {value}" for k, value in zip(skills, values, strict=True))
    return f"{what}: {' and '.join(named)}"


def _percent(share: float) -> str:
    return f"{100 * float(share):.0f} %"
