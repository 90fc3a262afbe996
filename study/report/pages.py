"""What a report is made of, and how it is written: as one self-contained page, and as Markdown with its figures."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import vl_convert
from markupsafe import Markup, escape

from cxr import files
from cxr.errors import UserError
from cxr.statistics.significance import Verdict
from study import facts
from study.report import cells
from study.report.cells import Table
from study.report.conclusions import VERDICTS, Conclusion
from study.report.figures import Figure, Picture

TEMPLATE = Path(__file__).with_name("report.html.j2")
SCRIPT = Path(__file__).with_name("page.js")
# What a line may not end within: 8.3e-06, layers-3, -0.05.
WITH_A_NUMBER = re.compile(r"\S*-\d\S*")


@dataclass(frozen=True)
class Small:
    """Small figures of one kind, one for each configuration; in Markdown they are the one figure `whole`."""

    parts: list[Figure]
    whole: Figure


@dataclass(frozen=True)
class Section:
    """A piece of a chapter: any of words, points, a table, verdicts, figures.

    `is_lead`: its points come first; `fold`: the line behind which the page folds the table, evidence for few readers.
    """

    title: str = ""
    text: list[str] = field(default_factory=list)
    verdicts: list[Conclusion] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    table: Table | None = None
    fold: str = ""
    figures: Sequence[Figure | Picture] = field(default_factory=list)
    small: Small | None = None
    is_lead: bool = False


@dataclass(frozen=True)
class Chapter:
    """A part of the report under one heading."""

    title: str
    sections: list[Section]

    @property
    def short(self) -> str:
        """The title without its particulars, for the list of contents."""
        return self.title.partition(",")[0]

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


def write(folder: Path, report: Report, records: dict[str, pd.DataFrame]) -> Path:
    """Write index.html, report.md with its figures, and the records, by file name; returns the page.

    An earlier report is replaced. Raises UserError where figures are there that are of no report.
    """
    figures, markdown = folder / "figures", folder / "report.md"
    if figures.exists() and not markdown.exists():
        raise UserError(f"{figures} is there already and is of no report; name another folder")
    page = _html(report)
    # All figures are drawn before the first old one goes. The Markdown comes first: beside it they are known as ours.
    with files.whole(figures) as drawings:
        drawings.mkdir()
        _write(markdown, _markdown(report, drawings))
    for name, table in records.items():
        _write(folder / name, table.to_csv(index=False, float_format="%.6g"))
    _write(folder / "index.html", page)
    return folder / "index.html"


def _write(path: Path, text: str) -> None:
    with files.whole(path) as partial:
        partial.write_text(text)


def _html(report: Report) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["address"] = _address
    environment.filters["json_block"] = _json_block
    environment.filters["count"] = facts.count
    environment.filters["unbroken"] = _unbroken
    script = _script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.from_string(TEMPLATE.read_text())
    verdicts = {*VERDICTS, *Verdict}
    return template.render(report=report, script=script, script_hash=f"sha256-{digest}", verdicts=verdicts)


def _address(figure: Figure | Picture) -> str:
    """A drawing as an address that holds it."""
    kind, content = ("png", figure.png) if isinstance(figure, Picture) else ("svg+xml", figure.svg.encode())
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _unbroken(text: str) -> Markup:
    """Prose whose numbers and numbered names stay in one line each, where a browser would end it at their hyphen."""
    return Markup(WITH_A_NUMBER.sub(r'<span class="unbroken">\g<0></span>', str(escape(text))))


@cache
def _script() -> str:
    """The page's script with Vega, as one that stands within the page."""
    return str(vl_convert.javascript_bundle(SCRIPT.read_text())).replace("</script", "<\\/script")


def _json_block(spec: Any) -> Markup:
    """JSON that cannot end the block in which it stands."""
    return Markup(json.dumps(spec).replace("<", "\\u003c"))


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
    if section.points:
        blocks.append("\n".join(f"- {point}" for point in section.points))
    if section.table:
        blocks.append(cells.markdown(section.table))
    for conclusion in section.verdicts:
        claims = [f"- {claim.text}: **{claim.verdict}**. {claim.evidence}" for claim in conclusion.claims]
        blocks.append("\n".join([f"**{conclusion.text}: {conclusion.verdict}**", "", *claims]))
    for figure in [*section.figures, *([section.small.whole] if section.small else [])]:
        path = drawings / f"{chapter}-{figure.name}.png"
        path.write_bytes(figure.png)
        blocks.append(f"![{figure.alt}]({path.relative_to(drawings.parent)})")
    return blocks
