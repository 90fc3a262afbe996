"""The report of the kept runs is the committed one, number by number: whatever changes it has to commit it anew."""

import io
import re

import pandas as pd
import pytest

from study import notebook
from study.families import Family
from study.report import records
from study.report.cells import markdown
from study.report.chapters import compose
from study.report.conclusions import Conclusion, conclusions
from study.report.pages import Section
from tests.markdown import ROOT, table
from tests.study.report import frozen
from tests.study.report.frozen import OTHERS, PAGES, RESULTS, SIZES, STATISTICS

# Sums on another processor differ in their last bits; the CSV has six digits.
TOLERANCE = 1e-5

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kept() -> dict[str, list[Family]]:
    return {size: frozen.kept(size) for size in SIZES}


@pytest.mark.parametrize("size", SIZES)
def test_every_number_is_the_committed_one(size: str, kept: dict[str, list[Family]]) -> None:
    made = records.configurations(kept[size], notebook.read_runs())
    again = pd.read_csv(io.StringIO(made.to_csv(index=False, float_format="%.6g")))
    committed = pd.read_csv(RESULTS / size / "results.csv")
    assert len(committed) == sum(len(family.configurations) + 9 for family in kept[size])
    pd.testing.assert_frame_equal(again, committed, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("size", SIZES)
def test_every_table_and_verdict_is_the_committed_one(size: str, kept: dict[str, list[Family]]) -> None:
    report = compose(kept[size], notebook.read_runs(), notebook.read_history())
    sections: list[Section] = [section for chapter in report.chapters for section in chapter.sections]
    committed = (RESULTS / size / "report.md").read_text()
    drawn = [markdown(section.table) for section in sections if section.table]
    claims = [claim for section in sections for conclusion in section.verdicts for claim in conclusion.claims]
    said = [f"- {claim.text}: **{claim.verdict}**. {claim.evidence}" for claim in claims]
    assert len(said) == 6 * len(kept[size])
    for text in drawn + said:
        assert text in committed
    rows = [line for line in committed.splitlines() if line.startswith("|")]
    assert len(rows) == sum(len(text.splitlines()) for text in drawn), "and the committed report has no other table"


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_show_the_committed_figures(page: str) -> None:
    shown = {(row[0], row[1]) for row in table(page, "run", "layers, learning rate")}
    assert {name for name, _ in shown} >= {*notebook.read_runs()["run"]}
    assert {what for _, what in shown} >= {*frozen.WITHOUT_LUNGS}
    assert (ROOT / page).read_text() == frozen.with_figures(page)


@pytest.mark.parametrize("page", [*PAGES, OTHERS, STATISTICS])
def test_the_pages_say_in_sentences_what_the_kept_runs_say(page: str, kept: dict[str, list[Family]]) -> None:
    text = frozen.prose(page)
    for said in frozen.sentences(kept)[page]:
        assert said in text


def test_what_becomes_of_the_studys_conclusions_stands_beside_them(kept: dict[str, list[Family]]) -> None:
    """A row for each of the first claims; the last conclusion has two and one row."""
    rows = table("docs/results/README.md", "the study's conclusion")
    found = [conclusions(family, notebook.read_runs()) for family in kept["112px"]]
    assert len(rows) == 5
    for (_, *cells), *verdicts in zip(rows, *map(_verdicts, found), strict=True):
        for cell, verdict in zip(cells, verdicts, strict=True):
            assert re.match(rf"{verdict}([:,]|$)", cell)


def _verdicts(found: list[Conclusion]) -> list[str]:
    *first, last = found
    return [*(claim.verdict for conclusion in first for claim in conclusion.claims), last.verdict]
