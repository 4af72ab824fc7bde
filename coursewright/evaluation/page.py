"""The parts that all HTML pages share: one style (`page.html`), pictures inside the file, an atomic write."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from coursewright.evaluation.figures import Kept
from coursewright.files import write_text


class Page(NamedTuple):
    """A page's title, and the facts at its end: label -> value, such as versions and seeds."""

    title: str
    facts: Mapping[str, str]


class Embedded(NamedTuple):
    """A picture inside the page: its data address, and that of its narrow layout ("" where it has none)."""

    caption: str
    wide: str
    narrow: str


def embedded(pictures: Iterable[Kept]) -> list[Embedded]:
    """Turn PNG files into data addresses."""
    return [
        Embedded(kept.caption, _address(kept.path), "" if kept.narrow is None else _address(kept.narrow))
        for kept in pictures
    ]


def _address(path: Path) -> str:
    return "data:image/png;base64," + b64encode(path.read_bytes()).decode()


def write_page(path: str | Path, template: str, page: Page, **content: object) -> None:
    """Fill `template` (which extends `page.html`) with `content` and write it to `path`."""
    loader = PackageLoader("coursewright.evaluation", ".")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = environment.get_template(template).render(page=page, **content)
    write_text(path, text)
