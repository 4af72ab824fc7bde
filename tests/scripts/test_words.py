"""Settings of printed commands: as people type them, and read as what was meant."""

import pytest

from coursewright.scripts.words import read_word, typed


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("simulator.folder", "fit bkt", "simulator.folder=fit bkt"),
        ("simulator.folder", "out/a,b=c", "simulator.folder=out/a,b=c"),
        ("log.path", "my logs/it's.parquet", "log.path=my logs/it's.parquet"),
        ("log.path", "3", "log.path=3"),
        ("log.path", "null", "log.path='null'"),
        ("log.path", "[a]", "log.path='[a]'"),
        ("policy", "my run", "policy=my run"),
        ("policy", "a,b", "policy='a,b'"),
    ],
)
def test_a_setting_is_quoted_where_it_has_to_be(key, value, line):
    assert typed(key, value) == line
    assert read_word("train", line).value() == value
