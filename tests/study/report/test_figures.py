import json

import altair as alt
import pytest

from cxr.statistics import evaluation
from cxr.statistics.estimate import Estimate
from cxr.statistics.metrics import auroc
from cxr.statistics.significance import Verdict
from study import notebook, templates
from study.families import MOST_DRAWN, families
from study.report import figures, records, tables
from study.report.chapters import compose
from study.results import Result
from tests.study.results_made import result
from tests.tooltips import tooltips


def test_the_forest_tells_networks_that_differ_from_trainings_that_do() -> None:
    made = {"a": ("C-F", [0.70, 0.71]), "b": ("C-F-D", [0.90, 0.91]), "c": ("P-F-D", [0.80]), "d": ("P-F", [0.81])}
    results = [
        result(f"{name}-{seed}", layers, accuracy=accuracy, seed=seed)
        for name, (layers, accuracies) in made.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    [family] = families(results)
    drawn = figures.forest(family)
    kinds = {row["what"]: row["kind"] for row in drawn.spec["data"]["values"]}
    assert kinds["b-0 - a-0"] == Verdict.DIFFER
    assert kinds["c-0 - a-0"] == kinds["c-0 - b-0"] == Verdict.TRAININGS
    assert kinds["d-0 - c-0"] == Verdict.UNTOLD
    assert f"1 {Verdict.DIFFER}" in drawn.alt


def test_every_chart_is_as_vega_lites_schema_wants_it() -> None:
    """Nothing else looks: a report is not to wait for that."""
    runs = [result("a"), result("b", "C-F-D"), result("a-pooled", protocol="pooled")]
    report = compose(families(runs), notebook.read_runs(), notebook.read_history())
    sections = [section for chapter in report.chapters for section in chapter.sections]
    drawn = [figure for one in sections for figure in [*one.figures, *([one.small.whole] if one.small else [])]]
    # Both parts have the same.
    specs = {figure.name: figure.spec for figure in drawn if not figure.name.startswith("pooled-")}
    specs |= {name: json.loads(text) for name, text in templates.templates().items()}
    assert {"official-curves", "protocols", "forest", "performance", "shortcuts"} <= set(specs)
    for spec in specs.values():
        alt.Root.validate(spec)


def test_a_test_part_has_one_colour_and_one_shape_in_every_figure() -> None:
    parts = families([result(f"a-{name}", "C-F", protocol=name) for name in ("official", "grouped", "pooled")])
    looks = []
    for drawn, field in ((figures.side_by_side(parts), "kind"), (figures.operating_points(parts), "part")):
        [points] = [layer["encoding"] for layer in drawn.spec["layer"] if layer["mark"]["type"] == "point"]
        assert points["color"]["field"] == points["shape"]["field"] == field
        scales = [points[channel]["scale"] for channel in ("color", "shape")]
        looks.append([dict(zip(scale["domain"], scale["range"], strict=False)) for scale in scales])
    assert looks[0] == looks[1]
    assert all(len(set(look.values())) == 3 for look in looks[0])


def told(estimate: Estimate, form: str = ".3f") -> str:
    value, low, high = (format(number, form) for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})".replace("-", "\N{MINUS SIGN}")


def test_a_mark_tells_its_name_and_its_value_with_the_interval_where_it_is_pointed_at() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    [family] = families([result("a", "C-F", accuracy=0.8), result("b", "P-F", accuracy=0.9)])
    a, b = family.configurations
    accuracy, part = "accuracy (95% interval)", {"test part": family.test_part}
    of_a = {"title": "a", accuracy: told(a.estimates["accuracy"])}
    # The interval and its point tell the same.
    assert [one for one in tooltips(figures.accuracies(family).spec) if one["title"] == "a"] == [
        {**of_a, "kind": "network"}
    ] * 2
    assert [one for one in tooltips(figures.side_by_side([family]).spec) if one["title"] == "a"] == [of_a | part] * 2
    [difference] = family.pairs
    verdict = {"verdict": str(difference.comparison.accuracy.verdict)}
    told_of = {"difference in accuracy (95% interval)": told(difference.comparison.accuracy.estimate, "+.3f")}
    assert tooltips(figures.forest(family).spec) == [{"title": "b - a", **verdict, **told_of}] * 2
    shares = {f"{name} (95% interval)": told(b.estimates[name]) for name in ("sensitivity", "specificity")}
    operating = tooltips(figures.operating_points([family]).spec)
    assert [one for one in operating if one["title"] == "b"] == [{"title": "b", **part, **shares}] * 3
    keys = [
        (figures.roc(family), ["sensitivity", "1 - specificity", "threshold"]),
        (figures.curves(family, [a], runs, history), ["curve", "epoch", "loss"]),
        (figures.confusion(family, [a]), ["actual", "predicted", "images", "of the actual class"]),
        (figures.calibration(family, [a]), ["predicted probability", "observed frequency", "images"]),
    ]
    for figure, expected in keys:
        shown = tooltips(figure.spec)
        assert {one["title"] for one in shown} <= {"a", "b"}
        assert list(shown[0])[1:] == expected, figure.name


def test_a_confusion_counts_and_a_calibration_draws_the_run_that_is_shown() -> None:
    """One that calls every image pneumonia, from a threshold of 0 on."""
    one, two = result("a", "C-F"), result("b", "P-F", accuracy=0.7)
    two.test["threshold"] = 0.0
    [family] = families([one, two])
    n = two.predictions["label"].value_counts()
    assert figures.confusion(family, family.configurations[1:]).alt == (
        f"Confusion of b: 0 NORMAL called NORMAL, {n[0]} NORMAL called PNEUMONIA, 0 PNEUMONIA called NORMAL, "
        f"{n[1]} PNEUMONIA called PNEUMONIA."
    )
    drawn = figures.calibration(family, family.configurations[1:]).spec["data"]["values"]
    expected = evaluation.calibration(two.predictions)
    assert [row["observed"] for row in drawn] == pytest.approx(expected["observed"].tolist())
    assert expected["observed"].tolist() != evaluation.calibration(one.predictions)["observed"].tolist()


def test_of_several_seeds_the_first_is_drawn_and_told() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    results = [result(f"a-{seed}", accuracy=accuracy, seed=seed) for seed, accuracy in enumerate([0.8, 0.9])]
    for shown, seeds in ((results, 2), (results[:1], 1)):
        [family] = families(shown)
        drawn = [draw(family, family.configurations) for draw in (figures.confusion, figures.calibration)]
        drawn += [figures.curves(family, family.configurations, runs, history), figures.roc(family)]
        for figure in drawn:
            assert ("first" in figure.caption) == ("first" in figure.alt) == ("first seed" in figure.svg) == (seeds > 1)
        first = family.first.predictions
        area = auroc(first["label"].to_numpy(), first["probability"].to_numpy())
        assert f"Areas: a-0 {area:.3f}." in drawn[-1].alt


def test_a_figure_names_its_test_part_wherever_it_goes() -> None:
    [family] = families([result("a", "C-F", images="synthetic"), result("b", "P-F", images="synthetic")])
    drawn = [figures.roc(family), figures.accuracies(family), figures.forest(family)]
    drawn += [draw(family, family.configurations[:1]) for draw in (figures.confusion, figures.calibration)]
    for figure in [*drawn, figures.side_by_side([family])]:
        assert "600 synthetic images" in figure.svg, figure.name


def test_that_patients_are_unknown_stands_on_every_figure_and_over_every_table() -> None:
    results = [result(name, layers, patients="unknown") for name, layers in (("a", "C-F"), ("b", "P-F"))]
    [family] = families(results)
    runs, history = notebook.read_runs(), notebook.read_history()
    report = compose([family], runs, history)
    assert "Nobody knows the patients of these images" in report.lead[0]
    sections = [(chapter, section) for chapter in report.chapters for section in chapter.sections]
    told = " ".join(line for _, section in sections for line in section.text)
    assert "each image counts as a patient" in told
    assert "none of them elsewhere" not in told
    drawn = [figure for _, section in sections for figure in section.figures]
    drawn += [section.small.whole for _, section in sections if section.small]
    assert drawn
    assert [figure.name for figure in drawn if "patients unknown" not in figure.svg] == []
    heads = [" ".join([chapter.title, *chapter.sections[0].text]) for chapter, section in sections if section.table]
    assert heads
    assert all("patients unknown" in head for head in heads)


def test_words_are_of_the_classes_that_there_are() -> None:
    [family] = families([result("a", "C-F", classes=("well", "TB"))])
    drawn = figures.operating_points([family])
    assert "TB images found, and well images called well" in drawn.caption
    assert "sensitivity: TB images found" in drawn.svg
    [kermany] = families([result("a", "C-F")])
    assert "pneumonias found, and normal images called normal" in figures.operating_points([kermany]).caption


def test_of_many_networks_the_best_on_validation_are_drawn_and_all_are_in_the_tables() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    n = MOST_DRAWN + 6
    results = [result(f"n-{i}", learning_rate=1e-4 * (i + 1), val_accuracy=0.5 + i / 100) for i in range(n)]
    [family] = families(results)
    assert [run.name for run in family.drawn] == [f"n-{i}" for i in range(6, n)]
    sections = [section for chapter in compose([family], runs, history).chapters for section in chapter.sections]
    assert {len(section.small.parts) for section in sections if section.small} == {MOST_DRAWN}
    rows = {section.title: len(section.table.rows) for section in sections if section.table}
    assert rows["Accuracy"] == n + len(tables.WITHOUT_IMAGES)
    assert rows["Differences"] == MOST_DRAWN * (MOST_DRAWN - 1) // 2
    told = f"of the {MOST_DRAWN} of {n} networks that do best on validation"
    assert any(told in line for section in sections for line in section.text)
    assert len(records.pairs([family])) == n * (n - 1) // 2


def test_small_figures_of_a_family_have_the_same_axes() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    wild = result("b", "P-F")
    wild.history.loc[2, "val_loss"] = 3.0
    [family] = families([result("a", "C-F"), wild])
    one, other = (figures.curves(family, [run], runs, history).spec for run in family.configurations)
    ends = [[panel["spec"]["encoding"]["y"]["scale"]["domain"] for panel in spec["vconcat"]] for spec in (one, other)]
    assert ends[0] == ends[1]
    assert ends[0][1][0] <= wild.history[["accuracy", "val_accuracy"]].min(axis=None), "no accuracy is cut off"
    assert {row["rev"] for row in one["data"]["values"]} == {"a"}


def test_whose_images_the_audit_is_of_is_told_where_they_differ() -> None:
    runs, history = notebook.read_runs(), notebook.read_history()
    results = [result("equalised"), result("a", "C-F-D"), result("b", "P-F-D")]
    results[0].params["images"] = {**results[0].params["images"], "is_equalised": True}

    def audit(shown: list[Result]) -> list[str]:
        chapters = compose(families(shown), runs, history).chapters
        [text] = [one.text for chapter in chapters for one in chapter.sections if one.title == "What needs no lungs"]
        return text[1:]

    assert audit(results) == ["On the images as a has them. Prepared otherwise: equalised."]
    assert audit(results[1:]) == []
