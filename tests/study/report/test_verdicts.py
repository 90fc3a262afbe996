"""What the tables say of pairs and places."""

from dataclasses import replace

import numpy as np
import pytest

from cxr.statistics.significance import Verdict
from study.families import Family, families
from study.report import tables
from study.report.cells import NOTHING, Table
from tests.study.results_made import result

MADE = {"a": ("C-F", [0.70, 0.71]), "b": ("C-F-D", [0.90, 0.91]), "c": ("P-F-D", [0.80]), "d": ("P-F", [0.905, 0.906])}


def cells(table: Table, first: str) -> dict[str, str]:
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
    assert told["b-0 - a-0"]["would be told by"] == NOTHING
    assert told["c-0 - a-0"]["verdict"] == Verdict.TRAININGS
    assert told["d-0 - b-0"]["verdict"] == Verdict.UNTOLD
    assert told["d-0 - b-0"]["would be told by"] == "3 seeds, 600 images (as practically equal)"
    n_larger = sum(float(one["p"]) < float(one["p for all pairs"]) for one in told.values())
    assert n_larger > 1
    for pair in family.pairs:
        one, compared = told[pair.title], pair.comparison
        assert one["p"] == f"{compared.accuracy.p:.2g}"
        assert one["p for all pairs"] == f"{compared.accuracy.p_adjusted:.2g}"
        assert one["only one right"] == f"{compared.n_only_first_right:.3g}, {compared.n_only_second_right:.3g}"
        assert one["verdict on auroc"] == compared.auroc.verdict
        assert one["auroc"].startswith(f"{compared.auroc.estimate.value:+.3f} (")
    assert told["c-0 - a-0"]["only one right"] != ", ".join(told["c-0 - a-0"]["only one right"].split(", ")[::-1])


def test_thousands_of_images_are_counted_as_they_are(family: Family) -> None:
    """They were 1.23e+03."""
    pair = family.pairs[0]
    many = replace(pair.comparison, n_only_first_right=1234.0, n_only_second_right=99.97)
    [row] = tables.pairs([replace(pair, comparison=many)]).rows
    assert row.cells["only one right"] == "1234, 100"


def test_networks_of_equal_accuracy_may_differ_in_auroc() -> None:
    """One of them is in doubt where it errs, and nowhere else."""
    one = result("a", accuracy=0.8)
    called = one.predictions["probability"] >= 0.5
    doubt = np.where(called == one.predictions["label"], 0.5, 0.01)
    sure = one.predictions.assign(probability=np.where(called, 0.5 + doubt, 0.5 - doubt))
    [family] = families([one, replace(result("b", "P-F"), predictions=sure)])
    told = cells(tables.pairs(family.pairs), "b - a")
    assert (told["verdict"], told["verdict on auroc"]) == (Verdict.UNTOLD, Verdict.TRAININGS)
    assert (told["p for all pairs"], told["p of auroc for all pairs"]) == (
        "1",
        f"{family.pairs[0].comparison.auroc.p:.2g}",
    )


def test_of_single_trainings_no_number_of_seeds_is_sure() -> None:
    once, twice = (
        [
            result(f"{name}-{i}", layers, accuracy=0.9, seed=i)
            for name, layers in (("a", "C-F"), ("b", "P-F"))
            for i in range(n)
        ]
        for n in (1, 2)
    )
    told = [tables.would_tell(families(runs, margin=0.02)[0].pairs[0].comparison.accuracy) for runs in (once, twice)]
    assert [words.startswith("at least ") for words in told] == [True, False]


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
