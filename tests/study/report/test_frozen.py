"""The report of the kept runs is the committed one, number by number: whatever changes it has to commit it anew."""

import io

import pandas as pd
import pytest

from study import notebook, results, study_file
from study.families import Family, families
from study.report import tables
from study.report.chapters import compose
from study.report.pages import Section
from tests.markdown import ROOT, short, table

COMMITTED = ROOT / "docs" / "results" / "112px"
# The pages that show these figures in a table, and of its columns, from the third on, the test part and the figure.
PARTS = [("official", "accuracy"), ("official", "auroc"), ("grouped", "accuracy"), ("pooled", "accuracy")]
PAGES = {
    "README.md": [("official", "accuracy"), ("official", "auroc"), ("pooled", "accuracy")],
    "docs/results/README.md": PARTS,
    "docs/results/112px/README.md": PARTS,
}
# What their rows call the audit's classifiers.
WITHOUT_LUNGS = {
    "*nothing: majority class*": "majority",
    "*all metadata: bytes per pixel*": "metadata",
    "*the frame around the chest*": "border",
    "*the image at 8x8*": "thumbnail",
}
# Sums on another processor differ in their last bits; the CSV has six digits.
TOLERANCE = 1e-5

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kept() -> list[Family]:
    return families(results.from_folder(COMMITTED / "runs", []), study_file.margin(ROOT / "study.yaml"))


def test_every_number_is_the_committed_one(kept: list[Family]) -> None:
    made = pd.concat([tables.records(family, notebook.read_runs()) for family in kept])
    again = pd.read_csv(io.StringIO(made.to_csv(index=False, float_format="%.6g")))
    committed = pd.read_csv(COMMITTED / "results.csv")
    assert len(committed) == 3 * (8 + 9)
    pd.testing.assert_frame_equal(again, committed, rtol=TOLERANCE, atol=TOLERANCE)


def test_every_table_and_verdict_is_the_committed_one(kept: list[Family]) -> None:
    report = compose(kept, notebook.read_runs(), notebook.read_history())
    sections: list[Section] = [section for chapter in report.chapters for section in chapter.sections]
    committed = (COMMITTED / "report.md").read_text()
    drawn = [tables.markdown(section.table) for section in sections if section.table]
    claims = [claim for section in sections for conclusion in section.verdicts for claim in conclusion.claims]
    said = [f"- {claim.text}: **{claim.verdict}**. {claim.evidence}" for claim in claims]
    assert len(said) == 3 * 6
    for text in drawn + said:
        assert text in committed
    rows = [line for line in committed.splitlines() if line.startswith("|")]
    assert len(rows) == sum(len(text.splitlines()) for text in drawn), "and the committed report has no other table"


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_show_the_committed_figures(page: str) -> None:
    committed = pd.read_csv(COMMITTED / "results.csv")
    protocols = committed["test_part"].str.split(",").str[0]
    names = [run.removesuffix(f"-{protocol}") for run, protocol in zip(committed["run"], protocols, strict=True)]
    figures = committed.assign(protocol=protocols, name=names).set_index(["name", "protocol"])
    shown = [row for row in table(page, "run", "layers, learning rate") if row[0] != "**recipe**"]
    assert len(shown) == 12
    for name, what, *cells in shown:
        run = WITHOUT_LUNGS.get(what, name)
        expected = [told(figures.loc[run, part], figure) for part, figure in PAGES[page]]
        assert cells[: len(expected)] == expected, name


def told(figures: "pd.Series[float]", name: str) -> str:
    """A figure with its interval, and where there are several seeds its deviation over them, as the pages have it."""
    value, low, high = (short(figures[f"{name}{end}"]) for end in ("", "_low", "_high"))
    sd = f", sd {short(figures[f'{name}_sd'])}" if name == "accuracy" and figures["n_seeds"] > 1 else ""
    return f"{value} ({low}-{high}){sd}"
