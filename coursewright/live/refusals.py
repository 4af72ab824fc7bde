"""The line about a question of the wrong kind: field, value, and what is allowed, in our words."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request

from coursewright.errors import InputError, legible

SHOWN = 40  # characters of a value
HIDDEN = ("learner", "id", "by", "reason", "group", "name", "body")  # which may name a person
BY_FIELD = {
    "correct": "1, 0 or null",
    "time": "ISO 8601 with its zone, such as 2026-03-01T09:30:00Z, or days since 1970",
}
BY_KIND = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "uuid_parsing": "a UUID",
    "finite_number": "a number",
}


def known_parameters(request: Request) -> None:
    """Refuse a parameter of an address that its path does not know, which would else be ignored."""
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            shown = legible(name if len(name) <= SHOWN else name[: SHOWN - 1] + "…")
            takes = f"takes {', '.join(known)}" if known else "takes none"
            raise InputError(f"{shown}: is no parameter of this path, which {takes}; see /docs", shown)


def line_of(error: Mapping[str, Any]) -> str:
    """One line for the first `error` of a body's check, as pydantic tells it."""
    kind, (_, *rest) = error["type"], error["loc"]
    field = str(rest[0]) if rest else "body"
    place = field + "".join(f"[{part}]" for part in rest[1:] if isinstance(part, int)) if rest else "the body"
    if kind == "json_invalid":
        return f"the body is no JSON: {legible(str(error['ctx']['error']))}"
    if kind == "extra_forbidden":
        return f"{legible(place)}: there is no such field; see /docs"
    if kind == "missing":
        return f"{place}: is missing; see /docs"
    if not rest:
        return "the body: must be an object of JSON; see /docs"
    given, bounds = error.get("input"), error.get("ctx", {})
    allowed = BY_FIELD.get(field) or BY_KIND.get(kind)
    if allowed is None and ("ge" in bounds or "le" in bounds):
        allowed = f"at least {bounds['ge']}" if "ge" in bounds else f"at most {bounds['le']}"
    if kind == "literal_error":
        allowed = str(bounds["expected"]).replace("'", "")
    if allowed is None:
        allowed = f"of another kind ({str(error['msg'])[:1].lower()}{str(error['msg'])[1:]})"
    if allowed == "a text" and isinstance(given, int | float):
        allowed += ' in quotes, such as "0"' if field in HIDDEN else f', such as "{_json(given)}"'
    shown = "" if field in HIDDEN else f" = {_json(given)}"
    return legible(f"{place}{shown}: must be {allowed}")


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = "…"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
