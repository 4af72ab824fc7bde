"""The policies that `coursewright evaluate` compares by default, and how to leave most of them out."""

from importlib import resources

import yaml


def only(*wanted: str) -> list[str]:
    """The overrides that leave these of the default policies."""
    text = (resources.files("coursewright.configs") / "evaluate.yaml").read_text(encoding="utf-8")
    defaults = [key for entry in yaml.safe_load(text)["defaults"] if isinstance(entry, dict) for key in entry]
    names = [key.removeprefix("agent@policies.") for key in defaults if key.startswith("agent@policies.")]
    assert set(wanted) <= set(names), f"not among {names}"
    return [f"~policies.{name}" for name in names if name not in wanted]
