"""The teacher's page, and the two questions that it asks besides those of everybody."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import Field

from coursewright.errors import InputError
from coursewright.live.asked import Asked, Learner
from coursewright.live.attention import LEVELS, first_first, help_of
from coursewright.live.bridge import Bridge
from coursewright.live.foresight import Effect, Range, foresee, next_step
from coursewright.live.recommender import Recommender
from coursewright.live.words import UNMET, Choice, Overview, now

ASSETS = Path(__file__).parent / "assets"
FILES = {"": "teacher.html", "/teacher.js": "teacher.js", "/teacher.css": "teacher.css"}
SELF = "script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'"
POLICY = f"default-src 'none'; img-src data:; {SELF}"
RECENT = 30  # responses of each learner, in which runs of wrong answers are looked for


class Class(Asked):
    """A question for a class."""

    group: str | None = Field(default=None, description="of this group alone; null: everybody")


class Foresee(Learner):
    """A question for the effect of an item."""

    item: str = Field(description="the item's name")


def router(recommender: Recommender) -> APIRouter:
    """The page at `/teacher`, its files, and its questions."""
    made, bridge = APIRouter(tags=["teacher"]), recommender.bridge()
    for path, name in FILES.items():
        made.get(f"/teacher{path}", include_in_schema=False)(_file(name))

    @made.post("/class")
    def class_(body: Class) -> Response:
        """A class, who needs help first at the front: on what, since when, why, and what comes next."""
        return JSONResponse(class_of(recommender, bridge, body.group))

    @made.post("/effect")
    def effect(body: Foresee) -> Effect | None:
        """The effect of an item on a learner by the tutor's own model; null for a tutor without one."""
        if body.item not in recommender.items:
            raise InputError("item: is none of the course", "item")
        [seat] = bridge.seats(body.learner).values() or [None]
        if seat is None:
            raise InputError(UNMET, "learner")
        return foresee(bridge.mind, seat.state, seat.goal, body.item)

    return made


def _file(name: str) -> Any:
    def get() -> FileResponse:
        return FileResponse(ASSETS / name, headers={"Content-Security-Policy": POLICY})

    return get


def class_of(recommender: Recommender, bridge: Bridge, group: str | None) -> dict[str, Any]:
    """The class as the page shows it, in JSON's kinds."""
    moment, found = now(), recommender.overview(group, RECENT)
    mind = bridge.mind
    helps = [help_of(one, mind.skills_of, moment) for one in found]
    order = sorted(range(len(found)), key=lambda n: first_first(found[n], helps[n]))
    nexts, steps = _ahead(bridge, found)
    return {
        "now": moment,
        "groups": recommender.groups(),
        "levels": LEVELS,
        "skills": recommender.skills,
        "items": [{"name": item, "skills": mind.skills_of[item]} for item in recommender.items],
        "beliefs": "belief" in mind.kept,
        "learners": [
            {
                "learner": found[n].learner,
                "name": found[n].name,
                "group": found[n].group,
                "responses": found[n].responses,
                "last": found[n].last,
                **asdict(helps[n]),
                "mastery": [round(skill.mastery, 4) for skill in found[n].skills],
                "goal": [skill.goal for skill in found[n].skills],
                "next": _plain(nexts[n]),
                "step": _plain(steps[n]),
            }
            for n in order
        ],
    }


def _plain(one: Choice | Range | None) -> dict[str, Any] | None:
    return None if one is None else asdict(one)


def _ahead(bridge: Bridge, found: list[Overview]) -> tuple[list[Choice | None], list[Range | None]]:
    """Each learner's next choice, whether or not it was asked for, and the mastery that it may bring."""
    nexts: list[Choice | None] = [one.next for one in found]
    mind, seats = bridge.mind, bridge.seats()
    there = [(n, seats[one.learner]) for n, one in enumerate(found) if one.learner in seats]
    if not there:
        return nexts, [None] * len(found)
    state, goal = np.stack([seat.state for _, seat in there]), np.stack([seat.goal for _, seat in there])
    out = mind.look(state, goal, np.ones((len(there), len(mind.items)), bool))
    for row, (n, seat) in enumerate(there):
        nexts[n] = nexts[n] or mind.decision(out, row, bridge.draw(seat)).choice
    items = [None if (choice := nexts[n]) is None else choice.item for n, _ in there]
    places = [-1 if item is None else mind.place.get(item, -1) for item in items]
    ahead = dict(zip((n for n, _ in there), next_step(mind, state, goal, places), strict=True))
    return nexts, [ahead.get(n) for n in range(len(found))]
