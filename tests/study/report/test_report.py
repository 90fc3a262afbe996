"""The report of known results, as a command; its page in a real browser."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from study import notebook
from tests.study.results_made import N_IMAGES, predictions, result, save

ROOT = Path(__file__).parents[3]


def report(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "study.report", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study's eight runs under two protocols, and a second seed of one."""
    folder = tmp_path_factory.mktemp("kept")
    for run in notebook.read_runs().itertuples():
        save(folder, result(run.run, run.layers, run.learning_rate, accuracy=0.8 if run.run == "rate-3" else 0.9))
        save(folder, result(f"{run.run}-pooled", run.layers, run.learning_rate, accuracy=0.95, protocol="pooled"))
    save(folder, result("layers-2-seed-1", "C-P-C-P-C-P-C-P-F-D-D", seed=1, accuracy=0.92))
    return folder


@pytest.fixture(scope="module")
def written(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    done = report("--kept", str(kept), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"report: {out / 'index.html'}\n"
    return out


def test_every_run_and_both_rows_without_images_stand_in_the_tables(written: Path) -> None:
    page, text = (written / "index.html").read_text(), (written / "report.md").read_text()
    for run in notebook.read_runs()["run"]:
        assert f'<th scope="row">{run}</th>' in page
        assert re.search(rf"^\| {run}-pooled ", text, re.MULTILINE)
    for expected in ("majority class", "metadata alone, no image"):
        assert page.count(f"<em>{expected}</em>") == 2
        assert text.count(f"*{expected}*") == 2


def test_figures_are_those_of_the_predictions(written: Path) -> None:
    table = pd.read_csv(written / "results.csv").set_index("run")
    assert table.loc["rate-3", "accuracy"] == pytest.approx(0.8, abs=1 / N_IMAGES)
    assert table.loc["layers-2", "accuracy"] == pytest.approx(0.91, abs=1 / N_IMAGES)
    assert table.loc["layers-2", "n_seeds"] == 2
    assert table.loc["layers-2", "accuracy_low"] < 0.91 < table.loc["layers-2", "accuracy_high"]
    assert table.loc["layers-2", "notebook_accuracy"] == 0.9522
    assert len(table) == 16 + 2 * 4


def test_protocols_verdicts_and_gaps_are_told(written: Path) -> None:
    text = (written / "report.md").read_text()
    for expected in (
        "## Ways to cut the test part, side by side",
        "**A smaller learning rate cures over-fitting: does not hold**",
        "100 images of groups that are also in training or validation",
        "- grouped: none of the eight runs",
    ):
        assert expected in text
    row = next(line for line in text.splitlines() if "rate-3 - rate-1" in line)
    assert "these trainings differ" in row, "0.8 and 0.9 on 600 images do, of one seed each"


def test_every_picture_of_the_markdown_is_there_and_has_words(written: Path) -> None:
    pictures = re.findall(r"!\[(.+)\]\((.+)\)", (written / "report.md").read_text())
    assert len(pictures) == 1 + 2 * 6
    assert {path for _, path in pictures} == {f"figures/{path.name}" for path in (written / "figures").iterdir()}
    for words, path in pictures:
        assert len(words) > 20
        with Image.open(written / path) as image:
            assert image.convert("L").getextrema()[0] < 128, "something dark is drawn"


def test_names_cannot_smuggle_markup(tmp_path: Path) -> None:
    save(tmp_path / "kept", result("<script>x", accuracy=0.9))
    assert report("--kept", str(tmp_path / "kept"), "--out", str(tmp_path / "out")).returncode == 0
    assert "<script" not in (tmp_path / "out" / "index.html").read_text()


def test_phantoms_are_called_synthetic(tmp_path: Path) -> None:
    save(tmp_path / "kept", result("a", images="synthetic"))
    assert report("--kept", str(tmp_path / "kept"), "--out", str(tmp_path / "out")).returncode == 0
    for name in ("index.html", "report.md"):
        text = (tmp_path / "out" / name).read_text()
        assert "All images are synthetic phantoms" in text
        assert "600 synthetic images" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nobody", "--kept", "{kept}"], "holds no result called nobody"),
        (["--kept", "{empty}"], "holds no kept results"),
        (["--study", "nowhere.yaml", "--kept", "{kept}"], "nowhere.yaml is missing"),
    ],
)
def test_refused(words: list[str], told: str, kept: Path, tmp_path: Path) -> None:
    places = {"kept": str(kept), "empty": str(tmp_path)}
    done = report(*(word.format(**places) for word in words), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_incomplete_result_is_named(tmp_path: Path) -> None:
    save(tmp_path / "kept", result("a"))
    (tmp_path / "kept" / "a" / "history.csv").unlink()
    done = report("--kept", str(tmp_path / "kept"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "a has no complete result" in done.stderr


def test_made_predictions_are_as_accurate_as_asked() -> None:
    table = predictions(0.8, 0)
    assert ((table["probability"] >= 0.5) == table["label"]).mean() == pytest.approx(0.8)


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """
<script>
addEventListener("load", () => {
  const drawn = [...document.images].map(i => ({alt: i.alt, width: i.naturalWidth, shown: i.clientWidth}));
  const asked = performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("data:"));
  const found = {drawn, asked, overflow: document.documentElement.scrollWidth - innerWidth, width: innerWidth};
  document.title = JSON.stringify(found);
});
</script>
"""


def browse(page: Path, width: int, profile: Path) -> subprocess.CompletedProcess[str]:
    """The page's document after it has loaded; Chromium's own requests go to a dead proxy."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"]
    flags += [f"--window-size={width},900", "--proxy-server=127.0.0.1:9", f"--user-data-dir={profile}"]
    command = [str(CHROMIUM), *flags, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [390, 1300])
def test_a_browser_draws_every_figure_and_asks_for_nothing(written: Path, tmp_path: Path, width: int) -> None:
    whole = (written / "index.html").read_text()
    probed = tmp_path / "page.html"
    probed.write_text(whole.replace("default-src 'none'", "script-src 'unsafe-inline'").replace("</body>", PROBE))
    told = [browse(page, width, tmp_path / "profile") for page in (written / "index.html", probed)]
    assert "CONSOLE" not in told[0].stderr, "nor does it ask for what its own policy forbids: everything outside"
    found = json.loads(html.unescape(re.search(r"<title>(.*?)</title>", told[1].stdout, re.DOTALL)[1]))
    assert found["asked"] == []
    assert len(found["drawn"]) == 1 + 2 * (3 + 3 * 8)
    for image in found["drawn"]:
        assert image["width"] > 100, image
        assert 100 < image["shown"] <= found["width"], image
        assert len(image["alt"]) > 20
    assert found["overflow"] <= 0, "the page does not scroll sideways"
