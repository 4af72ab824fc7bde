"""A configuration against the signatures of its targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from coursewright.errors import InputError, reject
from coursewright.scripts.ranges import writable
from coursewright.scripts.settings import SETTINGS
from coursewright.scripts.signatures import fields, free_below, refuse_misfits


class Thing(NamedTuple):
    size: int


@dataclass(frozen=True)
class Everything:
    whole: int = 1
    number: float = 1.0
    switch: bool = False
    word: str = ""
    perhaps: int | None = None
    either: Literal["this", "that"] = "this"
    names: Sequence[str] = ()
    widths: Sequence[int] = ()
    choice: str | Sequence[str] = ""
    table: Mapping[str, Mapping[object, float]] = field(default_factory=dict)
    array: NDArray[np.float64] | float = 0.0
    thing: Thing | int = 1
    anything: Any = None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("whole", 1.0, "at.whole = 1.0: must be a whole number (write 1)"),
        ("whole", True, "at.whole = true: must be a whole number"),
        ("whole", None, "at.whole = null: must be a whole number"),
        ("number", float("nan"), "at.number = nan: must be a finite number"),
        ("number", "1", "at.number = '1': must be a finite number"),
        ("switch", 1, "at.switch = 1: must be true or false"),
        ("word", 5, "at.word = 5: must be text (in quotes: \"'...'\")"),
        ("perhaps", "x", "at.perhaps = 'x': must be a whole number or null"),
        ("either", "thus", "at.either = 'thus': must be one of this, that"),
        ("names", "one", "at.names = 'one': must be a list of names"),
        ("widths", [1, 2.5], "at.widths[1] = 2.5: must be a whole number"),
        ("choice", ["a", 5], "at.choice[1] = 5: must be text (in quotes: \"'...'\")"),
        ("table", {"a": {1: "x"}}, "at.table.a.1 = 'x': must be a finite number"),
        ("table", [], "at.table = []: must be a mapping, such as {name: value}"),
        ("array", "x", "at.array = 'x': must be a number or a list of numbers or a finite number"),
        ("thing", "x", "at.thing = 'x': must be given by a _target_ or a whole number"),
        ("wohle", 5, "at.wohle: no such setting (did you mean 'whole'?); known: whole, number, switch, word"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(name, value, said):
    with pytest.raises(InputError) as error:
        refuse_misfits({name: value}, fields(Everything), "at")
    assert str(error.value).startswith(said)


def test_what_fits_passes():
    good = {"whole": 3, "number": 2, "perhaps": None, "either": "that", "names": ["a"], "choice": "a"}
    good |= {"table": {"a": {True: 1}}, "array": [[1, 2]], "thing": {"_target_": "x"}, "anything": object()}
    refuse_misfits(good | {"_partial_": True}, fields(Everything), "at")


def test_names_are_free_in_a_mapping_alone():
    known = fields(Everything)
    assert free_below(known["table"], ["a", "b"])
    assert not free_below(known["table"], ["a", "b", "c"])
    assert not free_below(known["whole"], ["a"])


def test_a_refusal_is_told_where_its_thing_stands():
    error = reject("rich.help.raises[2]", 7, "in [0, 1]")
    assert str(error.at("simulator.content.help", ["raises"])).startswith(
        "simulator.content.help.raises[2] = 7"
    )
    assert str(error.at("simulator", ["other"])) == "simulator: rich.help.raises[2] = 7: must be in [0, 1]"
    assert str(InputError("no field").at("agent", ["steps"])) == "agent: no field"


@pytest.mark.parametrize("verb", SETTINGS)
def test_the_settings_of_a_verb_are_those_of_its_file(verb):
    from hydra import compose, initialize_config_module

    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose(verb, [])
    assert set(map(str, config)) == set(fields(SETTINGS[verb]) or ())


@pytest.mark.parametrize("path", ["", " ", "/dev/null/x", "/dev/null", "/proc/nothing", "x" * 300, "a\0b"])
def test_a_path_where_nothing_can_be_written_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^to = "):
        writable("to", path, folder=True)
    writable("to", "new/folder", folder=True)
    assert not list(tmp_path.iterdir())
