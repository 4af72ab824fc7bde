"""The report: one HTML file that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coursewright.evaluation.comparison import columns, words
from coursewright.evaluation.comparison.described import described
from coursewright.evaluation.comparison.found import Comparison
from coursewright.evaluation.figures import Kept
from coursewright.evaluation.page import Embedded, Page, embedded, write_page


@dataclass(frozen=True)
class Section:
    """One task of the report.

    Attributes
    ----------
    figures : PNG files with their captions.
    notes : further sentences for the caveats.
    card : the origin of the simulator, as plain text; empty where it was not fitted.
    """

    comparison: Comparison
    figures: Sequence[Kept]
    notes: Sequence[str] = ()
    card: str = ""

    @property
    def verdict(self) -> list[str]:
        """The answer, in sentences."""
        return words.verdict(self.comparison)

    @property
    def task(self) -> dict[str, str]:
        """The task in plain words: label -> words."""
        return described(self.comparison)

    @property
    def limit(self) -> list[str]:
        """The bound on any policy under each condition, or the reason for none, a sentence each."""
        return words.limit(self.comparison)

    @property
    def surpassed(self) -> list[str]:
        """A sentence for each oracle that a rule is clearly above."""
        return words.surpassed(self.comparison)

    @property
    def caveats(self) -> list[str]:
        """The limits of the answer, a sentence each."""
        return [*words.caveats(self.comparison), *self.notes]

    @property
    def images(self) -> list[Embedded]:
        """The pictures as data addresses."""
        return embedded(self.figures)


@dataclass(frozen=True)
class Report:
    """The content of the page.

    Attributes
    ----------
    facts : label -> value, such as versions and seeds.
    files : the files beside the report, by name.
    """

    title: str
    sections: Sequence[Section]
    facts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def write(self, path: str | Path) -> None:
        """Write the page to `path`, whole or not at all."""
        page = Page(self.title, {**self.facts, **self.files})
        write_page(path, "comparison/report.html", page, report=self, words=words, columns=columns)
