"""The templates of `dvc plots`: as the charts write them, and filled in and drawn by DVC itself."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import vl_convert
from dvc_render.image import ImageRenderer
from PIL import Image
from ruamel.yaml import YAML

from cxr.statistics import evaluation
from cxr.statistics.metrics import expected_calibration_error
from cxr.vocabulary import CLASSES
from study import offline
from study.report.charts import precision_recall
from study.report.marks import Title, of_rows
from study.templates import templates
from tests.browser import FRAME, dump, look, needs_browser
from tests.conftest import Project
from tests.study.results_made import predictions, result
from tests.tooltips import tooltips

ROOT = Path(__file__).parents[2]
# Runs with their accuracies.
RUNS = {"wide": 0.9, "narrow": 0.8, "a-name-as-long-as-names-of-runs-become-with-a-label": 0.7}
# A line needs two epochs.
N_EPOCHS = dict(zip(RUNS, (5, 1, 5), strict=True))


def test_the_files_are_what_the_charts_write() -> None:
    stages = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"].values()
    # A plot that is a picture already stands there by its path alone.
    tables = [plot for stage in stages for plot in stage.get("plots", []) if not isinstance(plot, str)]
    written = {path.stem: path.read_text() for path in (ROOT / ".dvc" / "plots").glob("*.json")}
    assert written == templates(), "make templates writes them"
    assert set(written) == {how["template"] for plot in tables for how in plot.values()}


def predicted(name: str) -> pd.DataFrame:
    """Predictions with probabilities down to 1e-16."""
    table = predictions(RUNS[name], seed=len(name))
    return table.assign(probability=table["probability"] ** 50)


def save_plots(folder: Path, name: str) -> None:
    """The plot files of a run; in the run `narrow` no image is called normal."""
    table = predicted(name)
    threshold = -1.0 if name == "narrow" else 1e-8
    # The other two have the same audit.
    ends = {"accuracy": 0.75 if name == "narrow" else 0.7, "accuracy_low": 0.6, "accuracy_high": 0.8}
    plots = {
        "performance": evaluation.performance(evaluation.measure_at(threshold, table, 20, 0)),
        "roc": evaluation.roc(table),
        "precision_recall": evaluation.precision_recall(table),
        "calibration": evaluation.calibration(table),
        "confusion": evaluation.confusion(table, threshold, CLASSES),
        "history": result(name).history[: N_EPOCHS[name]],
        "shortcuts": pd.DataFrame([{"shortcut": "unheard of", **ends}, {"shortcut": "thumbnail", **ends}]),
    }
    for plot, rows in plots.items():
        rows.to_csv(folder / f"{plot}.csv", index=False)


@pytest.fixture(scope="module")
def project(make_dvc_project: Callable[[], Project]) -> Project:
    """Three revisions with plots of phantoms, compared on one page."""
    made = make_dvc_project()
    (made.folder / "plots").mkdir(exist_ok=True)
    for name in RUNS:
        save_plots(made.folder / "plots", name)
        made.commit(name)
        made.ok("git", "tag", name)
    made.ok("python", "-m", "study.offline")
    made.ok("dvc", "plots", "diff", *RUNS, "--out", "page")
    return made


@pytest.fixture(scope="module")
def filled(project: Project) -> dict[str, dict[str, Any]]:
    """What DVC makes of the templates, by the file of the plot."""
    told = json.loads(project.ok("dvc", "plots", "diff", *RUNS, "--json"))
    assert "errors" not in told
    return {Path(name).stem: drawn["content"] for name, [drawn] in told["data"].items()}


def texts(drawing: str) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]+)</text>", drawing)


@pytest.mark.slow
def test_dvc_fills_in_every_template_and_phantoms_are_called_synthetic(
    filled: dict[str, dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert set(filled) == set(templates()) - {"curves"} | {"history"}
    for plot, spec in filled.items():
        assert "<DVC_METRIC" not in json.dumps(spec)
        drawn = texts(vl_convert.vegalite_to_svg(spec, show_warnings=True))
        assert "images: synthetic phantoms" in drawn[-1]
        names = {"narrow", "wide and 1 more"} if plot == "shortcuts" else set(RUNS)
        assert names <= set(drawn), "each run is named"
    assert "WARN" not in "".join(capfd.readouterr()), "Vega-Lite takes everything as it is meant"


@pytest.mark.slow
@pytest.mark.parametrize(("plot", "falls"), [("roc", False), ("precision_recall", True)])
def test_curves_go_from_left_to_right(filled: dict[str, dict[str, Any]], plot: str, falls: bool) -> None:
    """DVC hands out text, in which 9e-05 comes after 0.1."""
    drawing = vl_convert.vegalite_to_svg(filled[plot])
    paths = re.findall(r'class="mark-line role-mark[^>]*><path [^>]*d="M([^"]+)"', drawing)
    lines = [[tuple(map(float, point.split(","))) for point in path.split("L")] for path in paths]
    curves = [line for line in lines if len(line) > 2]
    assert len(curves) == len(RUNS)
    for curve in curves:
        # SVG counts y downwards.
        assert curve == sorted(curve, key=lambda point: (point[0], point[1] if falls else -point[1]))


@pytest.mark.slow
def test_every_epoch_is_drawn(filled: dict[str, dict[str, Any]]) -> None:
    drawing = vl_convert.vegalite_to_svg(filled["history"])
    for colour in ("#0072b2", "#d55e00"):
        dots = re.findall(rf'aria-roledescription="point"[^>]* fill="{colour}"', drawing)
        assert len(dots) == 2 * sum(N_EPOCHS.values()), "once for the loss, once for the accuracy"


@pytest.mark.slow
def test_a_shortcut_is_named_and_a_new_one_is_not_lost(filled: dict[str, dict[str, Any]]) -> None:
    drawn = texts(vl_convert.vegalite_to_svg(filled["shortcuts"]))
    assert [text for text in drawn if text in ("the image at 8x8", "unheard of")] == ["the image at 8x8", "unheard of"]


@pytest.mark.slow
def test_a_mark_tells_its_run_and_its_value_with_the_interval(filled: dict[str, dict[str, Any]]) -> None:
    measured = evaluation.measure_at(1e-8, predicted("wide"), 20, 0)
    value, low, high = (f"{measured[f'accuracy{end}']:.3f}" for end in ("", "_low", "_high"))
    told = {"title": "wide", "metric": "accuracy", "value (95% interval)": f"{value} ({low} to {high})"}
    assert tooltips(filled["performance"]).count(told) == 2, "by the point and by the interval"
    for plot in filled.keys() - {"performance"}:
        told_of = tooltips(filled[plot])
        assert told_of, plot
        assert not {"rev", "rank", "x", "y"} & {key for one in told_of for key in one}, plot


@pytest.mark.slow
def test_each_prevalence_has_its_chance() -> None:
    rows = pd.DataFrame({"rev": ["a", "b", "c"], "recall": 0.5, "precision": 0.9, "prevalence": [0.6, 0.7, 0.7]})
    told = tooltips(of_rows(precision_recall(Title(text="")), rows))
    chance = [one for one in told if "precision of chance" in one]
    assert chance == [
        {"title": "a", "precision of chance": "0.600"},
        {"title": "b and 1 more", "precision of chance": "0.700"},
    ]


@pytest.mark.slow
def test_what_is_drawn_of_a_number_has_three_digits_where_it_is_pointed_at(filled: dict[str, dict[str, Any]]) -> None:
    drawing = vl_convert.vegalite_to_svg(filled["performance"])
    values = re.findall(r'aria-label="value, 95% interval: ([^;"]+)', drawing)
    assert len(values) >= len(evaluation.DRAWN) * len(RUNS)
    assert all(re.fullmatch(r"[01](\.\d{1,3})?", value) for value in values), values


@pytest.mark.slow
def test_a_cell_of_the_confusion_without_images_is_a_zero(filled: dict[str, dict[str, Any]]) -> None:
    drawn = texts(vl_convert.vegalite_to_svg(filled["confusion"]))
    assert drawn.count("0") == 2
    assert drawn.count("100%") == 2
    assert sum(int(text) for text in drawn if text.isdigit()) == 600 * len(RUNS)


@pytest.mark.slow
def test_the_calibration_error_is_that_of_the_metrics(filled: dict[str, dict[str, Any]]) -> None:
    drawn = texts(vl_convert.vegalite_to_svg(filled["calibration"]))
    tables = {name: predicted(name) for name in RUNS}
    expected = [expected_calibration_error(t["label"].to_numpy(), t["probability"].to_numpy()) for t in tables.values()]
    assert {f"error {error:.3f}" for error in expected} <= set(drawn)


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_of_the_page_is_cut(project: Project, tmp_path: Path, width: int) -> None:
    page = project.folder / "page" / "index.html"
    assert "CONSOLE" not in dump(page, tmp_path).stderr, "nothing is warned of"
    seen = look(page, width, tmp_path)
    assert seen["width"] == width
    assert seen["n_drawings"] == 7
    assert seen["n_texts"] > 100
    assert seen["cut"] == []
    assert seen["overlapping"] == []
    assert seen["overflow"] <= 0
    assert seen["asked"] == []


# Where each picture ends, in a window as wide as the frame.
ENDS = """<script>
addEventListener("load", () => {
  const ends = [...document.images].map(image => image.getBoundingClientRect().right);
  parent.postMessage(JSON.stringify({ends, width: innerWidth}), "*");
});
</script>"""


@pytest.mark.slow
@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_picture_of_each_run_is_in_sight(width: int, tmp_path: Path) -> None:
    """DVC lays them side by side in one line: the second run's began where the window ended."""
    Image.new("L", (1080, 400), 128).save(tmp_path / "samples.png")
    pictures = ImageRenderer([{"rev": name, "src": "samples.png"} for name in RUNS], "samples.png")
    page = offline.PAGE.replace("{plot_divs}", pictures.generate_html()).replace("</body>", f"{ENDS}</body>")
    (tmp_path / "page.html").write_text(page.replace(offline.BUNDLE, ""))
    (tmp_path / "framed.html").write_text(FRAME.format(page="page.html", width=width))
    told = re.search(r"<title>(.*?)</title>", dump(tmp_path / "framed.html", tmp_path).stdout)
    assert told
    seen = json.loads(html.unescape(told[1]))
    assert seen["width"] == width
    assert len(seen["ends"]) == len(RUNS)
    assert max(seen["ends"]) <= width
