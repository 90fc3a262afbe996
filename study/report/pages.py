"""What a report is made of, and how it is written: as one self-contained page, and as Markdown with its figures."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import pandas as pd

from cxr import files
from study.report import tables
from study.report.conclusions import Conclusion
from study.report.figures import Figure, Picture
from study.report.tables import Table

TEMPLATE = Path(__file__).with_name("report.html.j2")


@dataclass(frozen=True)
class Small:
    """Small figures of one kind, one for each configuration; in Markdown they are the one figure `whole`."""

    parts: list[Figure]
    whole: Figure


@dataclass(frozen=True)
class Section:
    """A piece of a chapter: any of words, points, verdicts, a table, figures."""

    title: str = ""
    text: list[str] = field(default_factory=list)
    verdicts: list[Conclusion] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    table: Table | None = None
    figures: Sequence[Figure | Picture] = field(default_factory=list)
    small: Small | None = None


@dataclass(frozen=True)
class Chapter:
    """A part of the report under one heading."""

    title: str
    sections: list[Section]

    @property
    def anchor(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Report:
    """What is written, whatever the format. `images` are "real" or "synthetic"."""

    title: str
    images: str
    lead: list[str]
    chapters: list[Chapter]


def write(folder: Path, report: Report, records: pd.DataFrame) -> Path:
    """Write index.html, report.md with its figures, results.csv; returns the page. An earlier report is replaced."""
    page = _html(report)
    # All figures are drawn before the first old one goes.
    with files.whole(folder / "figures") as drawings:
        drawings.mkdir()
        text = _markdown(report, drawings)
    numbers = records.to_csv(index=False, float_format="%.6g")
    for name, content in {"report.md": text, "results.csv": numbers, "index.html": page}.items():
        with files.whole(folder / name) as partial:
            partial.write_text(content)
    return folder / "index.html"


def _html(report: Report) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["address"] = _address
    environment.filters["unbroken"] = _unbroken
    return environment.from_string(TEMPLATE.read_text()).render(report=report)


def _address(figure: Figure | Picture) -> str:
    """A drawing as an address that holds it."""
    kind, content = ("png", figure.png) if isinstance(figure, Picture) else ("svg+xml", figure.svg.encode())
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _unbroken(cell: str) -> str:
    """A cell that breaks before its interval and its deviation, but not within them."""
    return re.sub(r"(?<=\d) (?=to )|(?<=to) (?=[-+\d])|(?<=sd) (?=[-+\d])", "\N{NO-BREAK SPACE}", cell)


def _markdown(report: Report, drawings: Path) -> str:
    """The report as Markdown; its figures are written to `drawings`."""
    blocks = [f"# {report.title}", *report.lead]
    if report.images == "synthetic":
        blocks.insert(1, "**All images are synthetic phantoms. No figure here says anything of real radiographs.**")
    for number, chapter in enumerate(report.chapters, start=1):
        blocks.append(f"## {chapter.title}")
        for section in chapter.sections:
            blocks += _section(section, drawings, number)
    return "\n\n".join(blocks) + "\n"


def _section(section: Section, drawings: Path, chapter: int) -> list[str]:
    blocks = [f"### {section.title}"] if section.title else []
    blocks += section.text
    for conclusion in section.verdicts:
        claims = [f"- {claim.text}: **{claim.verdict}**. {claim.evidence}" for claim in conclusion.claims]
        blocks.append("\n".join([f"**{conclusion.text}: {conclusion.verdict}**", "", *claims]))
    if section.points:
        blocks.append("\n".join(f"- {point}" for point in section.points))
    if section.table:
        blocks.append(tables.markdown(section.table))
    for figure in [*section.figures, *([section.small.whole] if section.small else [])]:
        path = drawings / f"{chapter}-{figure.name}.png"
        path.write_bytes(figure.png)
        blocks.append(f"![{figure.alt}]({path.relative_to(drawings.parent)})")
    return blocks
