"""How a report is written."""

from pathlib import Path

import pandas as pd
import pytest

from cxr.errors import UserError
from study.report.conclusions import Claim, Conclusion
from study.report.figures import Figure
from study.report.pages import Chapter, Report, Section, write


def test_a_report_that_fails_on_the_way_leaves_the_earlier_one(tmp_path: Path) -> None:
    def report(spec: dict) -> Report:
        figure = Figure("dots", "Dots", "Some dots.", spec)
        return Report("A report", "real", [], [Chapter("A chapter", [Section(figures=[figure])])])

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    numbers = {"results.csv": pd.DataFrame({"run": ["a"]})}
    write(tmp_path, report({"data": {"values": [{"x": 1}]}, "mark": "point"}), numbers)
    before = content()
    assert {path.name for path in before} == {"index.html", "report.md", "results.csv", "1-dots.png"}
    with pytest.raises(ValueError, match="Vega-Lite"):
        write(tmp_path, report({"mark": "nonsense"}), numbers)
    assert content() == before


def test_figures_that_are_of_no_report_stay(tmp_path: Path) -> None:
    """`make report OUT=.` in a folder with figures of its owner's removed them."""
    mine = tmp_path / "figures" / "mine.png"
    mine.parent.mkdir()
    mine.write_bytes(b"of months")
    report = Report("A report", "real", [], [Chapter("A chapter", [])])
    with pytest.raises(UserError, match=f"{tmp_path}/figures is there already and is of no report; name another"):
        write(tmp_path, report, {})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    (tmp_path / "report.md").touch()
    write(tmp_path, report, {})
    assert not mine.exists(), "those of an earlier report go"


def test_no_line_of_prose_ends_within_a_number_or_a_numbered_name(tmp_path: Path) -> None:
    """Browsers end one at a hyphen."""
    told = "layers-3 - layers-1 <-0.05>, p = 8.3e-06; over-fitting"
    conclusion = Conclusion(told, [Claim(told, "holds", told)])
    section = Section(text=[told], points=[told], verdicts=[conclusion])
    write(tmp_path, Report(told, "real", [told], [Chapter("A chapter", [section])]), {})
    page = (tmp_path / "index.html").read_text()
    whole = "".join(f'<span class="unbroken">{word}</span> - ' for word in ("layers-3", "layers-1"))
    whole = whole.removesuffix(" - ") + ' <span class="unbroken">&lt;-0.05&gt;,</span> '
    whole += 'p = <span class="unbroken">8.3e-06;</span> over-fitting'
    assert page.count(whole) == 7, "title, lead, text, point, conclusion, claim, evidence"
    assert "layers-3 - layers-1 <-0.05>" in (tmp_path / "report.md").read_text()
