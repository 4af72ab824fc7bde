"""Words of a tutor file that were changed by hand, broken or harmless: one table for all runtimes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onnx import ModelProto, TensorProto, helper

from coursewright.agents.export.words import digest_of

NO_JSON = "no JSON, so not the words of a tutor"
CHANGED = "another tutor's words, or changed since the export"
# Numbers that Python and JavaScript write differently, and names that they sort differently
ODD = {
    "numbers": [1e-7, 1e21, 0.1, 12.0, 12, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 2**53, 1 / 3],
    "others": [True, False, None, "", 'a "quoted"\n\\ \u007f\u2028 text', [], {}],
    "names": {"10": 1, "9": 2, "é": 3, "\uffee": 4, "\U0001f600": 5, "__proto__": 6, "Z": 7, "a": 8, "": 9},
}


def placed(words: Path, folder: Path) -> Iterator[tuple[str, Path, str]]:
    """An ONNX file for each kind of words beside it: the kind, its path, what is said (empty: nothing).

    The files know the words at the path, and are otherwise empty: they open fast.
    """
    text = words.read_text(encoding="utf-8")
    told = json.loads(text)
    kinds = {name: (*kind, told) for name, kind in _kinds(text).items()}
    kinds["odd numbers and names"] = (_json(told | ODD), "", told | ODD)
    for number, (name, (content, said, known)) in enumerate(kinds.items()):
        path = folder / f"{number}.onnx"
        about = {name: str(known[name]) for name in ("format", "stamp")} | {"digest": digest_of(known)}
        model = _empty()
        helper.set_model_props(model, about)
        path.write_bytes(model.SerializeToString())
        path.with_suffix(".json").write_bytes(content)
        yield name, path, said and f"{path.with_suffix('.json')}: {said}"


def seal(tutor: Path, words: dict[str, Any], path: Path) -> None:
    """Write a copy of the tutor with other words, which it knows."""
    own = digest_of(json.loads(tutor.with_suffix(".json").read_text(encoding="utf-8"))).encode()
    content = tutor.read_bytes()
    assert content.count(own) == 1
    path.write_bytes(content.replace(own, digest_of(words).encode()))
    path.with_suffix(".json").write_bytes(_json(words))


def _empty() -> ModelProto:
    """A model that does nothing."""
    one, other = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "nothing", [one], [other])
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])


def _kinds(text: str) -> dict[str, tuple[bytes, str]]:
    words = json.loads(text)
    items, skills = words["items"], words["skills"]

    def item(**change: Any) -> dict[str, Any]:
        return {"items": [items[0] | change, *items[1:]]}

    changes: dict[str, Any] = {
        "a name": item(name="a 1"),
        "a number as a name": item(name=7),
        "no name": item(name=None),
        "minutes": item(minutes=items[0]["minutes"] + 1e-9),
        "skills of an item": item(skills=skills[:2]),
        "a kind": item(kind="video"),
        "one more in an item": item(note=""),
        "fewer items": {"items": items[:3]},
        "another order": {"items": items[::-1]},
        "no items": {"items": {}},
        "skills": {"skills": skills[::-1]},
        "budget": {"budget": words["budget"] | {"amount": words["budget"]["amount"] + 1}},
        "budget in text": {"budget": words["budget"] | {"amount": "10"}},
        "unlock_after": {"unlock_after": words["unlock_after"] + 1},
        "stamp": {"stamp": words["stamp"] + 1},
        "format": {"format": words["format"] + 1},
        "delays": {"delays": [0.5]},
        "prior": {"tutor": {"prior": [0.5]}},
        "prerequisites": {"prerequisites": {skills[0]: skills[1:]}},
        "fingerprint": {"fingerprint": "0" * 64},
        "trace": {"golden": words["golden"] | {"key": 1}},
        "one more": {"title": "Sums"},
        "half a letter": {"skills": ["\ud800", *skills[1:]]},
        **{f"null as {name}": {name: None} for name in words},
    }
    free = {"licence": "MIT", "scored": 3.5, "labels": {items[0]["name"]: "Sums"}, **item(labels=["Sums"])}
    fine = {name: {name: value} for name, value in free.items()}
    found = {f"changed: {name}": (_json(words | change), CHANGED) for name, change in changes.items()}
    found |= {f"free: {name}": (_json(words | change), "") for name, change in fine.items()}
    for name in words:
        left = {other: value for other, value in words.items() if other != name}
        found[f"without {name}"] = (_json(left), CHANGED)
    for name in ("licence", "scored"):
        found[f"changed: null as {name}"] = (_json(words | {name: None}), "")
        found[f"without {name}"] = (found[f"without {name}"][0], "")
    broken = ("", " ", "[1", "{]", text[:-9], text + "}", '{"a": NaN}', '{"a": -Infinity}', "[" * 100_000)
    strange = ("[]", "{}", "null", "7", '"words"', '{"a": 1e999}', f'{{"a": {"1" * 5000}}}')
    found |= {f"broken: {wrong[:20]!r}": (wrong.encode(), NO_JSON) for wrong in broken}
    found |= {f"strange: {wrong[:20]!r}": (wrong.encode(), CHANGED) for wrong in strange}
    spent = f'"amount": {words["budget"]["amount"]}'
    assert text.count(spent) == 1
    return found | {
        "NaN as budget": (text.replace(spent, '"amount": NaN').encode(), NO_JSON),
        "a budget written otherwise": (text.replace(spent, '"amount": 1.0e+1').encode(), ""),
        "UTF-16": (text.encode("utf-16"), NO_JSON),
        "no UTF-8": (text.encode() + b"\xff", NO_JSON),
        "written anew": (json.dumps(words, indent=4, sort_keys=True, ensure_ascii=True).encode(), ""),
        "marked": (("\ufeff" + text).encode(), ""),
    }


def _json(words: dict[str, Any]) -> bytes:
    return json.dumps(words).encode()
