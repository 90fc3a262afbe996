"""How a report is written."""

from pathlib import Path

import pandas as pd
import pytest

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
