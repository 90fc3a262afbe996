"""What the tables say of pairs and places."""

import pytest

from cxr.statistics.comparison import Verdict
from study.families import Family, families
from study.report import tables
from tests.study.results_made import result

MADE = {"a": ("C-F", [0.70, 0.71]), "b": ("C-F-D", [0.90, 0.91]), "c": ("P-F-D", [0.80]), "d": ("P-F", [0.905, 0.906])}


def cells(table: tables.Table, first: str) -> dict[str, str]:
    """A row's texts by title, of the row that begins with `first`."""
    [row] = [row for row in table.rows if row.cells[table.titles[0]] == first]
    return dict(zip(table.titles, table.texts(row), strict=True))


@pytest.fixture(scope="module")
def family() -> Family:
    results = [
        result(f"{name}-{seed}", layers, accuracy=accuracy, seed=seed)
        for name, (layers, accuracies) in MADE.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    return families(results, margin=0.05)[0]


def test_every_pair_has_one_verdict_and_what_would_tell_it(family: Family) -> None:
    table = tables.pairs(family.pairs)
    told = {pair.title: cells(table, pair.title) for pair in family.pairs}
    assert told["b-0 - a-0"]["verdict"] == Verdict.DIFFER
    assert told["b-0 - a-0"]["would be told by"] == tables.NOTHING
    assert told["c-0 - a-0"]["verdict"] == Verdict.TRAININGS
    assert told["d-0 - b-0"]["verdict"] in (Verdict.EQUAL, Verdict.UNTOLD)
    for one in told.values():
        if one["verdict"] == Verdict.UNTOLD:
            assert "seeds, " in one["would be told by"]
        assert float(one["p"]) <= float(one["p for all pairs"])


def test_places_add_up(family: Family) -> None:
    table = tables.ranks(family)
    assert [row.cells["run"] for row in table.rows][-1] == "a-0", "by accuracy"
    assert sum(rank.first for rank in family.ranks) == pytest.approx(1)
    assert cells(table, "a-0")["comes first"] == "0%"
    assert cells(table, "a-0")["places, 95%"] == "4 to 4"


def test_both_classes_count_the_same(family: Family) -> None:
    one = family.configurations[0].estimates
    balanced = (one["sensitivity"].value + one["specificity"].value) / 2
    assert cells(tables.balanced(family), "a-0")["balanced accuracy"].startswith(f"{balanced:.3f} (")
    assert one["mcc"].low <= one["mcc"].value <= one["mcc"].high
