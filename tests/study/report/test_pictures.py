"""Pictures in the report: with the words that the stage wrote of them, and none of a run that has none."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
from PIL import Image

from study.families import families
from study.report import pictures
from study.report.pages import Chapter, Report, write
from study.results import Result
from tests.study.results_made import EXPLAINED, result


def with_pictures(name: str, **changes: str) -> Result:
    """A run as an experiment has it."""
    content = io.BytesIO()
    Image.new("L", (20, 10), 99).save(content, "PNG")
    files = {"data/details/explain.json": json.dumps(EXPLAINED).encode(), "plots/samples.png": content.getvalue()}
    return replace(result(name, **changes), beside=files.get)


def test_a_picture_stands_in_page_and_markdown_with_its_own_words(tmp_path: Path) -> None:
    [family] = families([with_pictures("mine")])
    [section] = pictures.section(family, "The images", "samples")
    write(tmp_path, Report("Title", "real", [], [Chapter("One", [section])]), {"results.csv": pd.DataFrame({"a": [1]})})
    page, text = (tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()
    assert '<img alt="Drawn at random. train, NORMAL: one.jpeg, 40 x 30." src="data:image/png;base64,' in page
    assert "![Drawn at random. train, NORMAL: one.jpeg, 40 x 30.](figures/1-official-samples.png)" in text
    with Image.open(tmp_path / "figures/1-official-samples.png") as picture:
        assert picture.size == (20, 10)


def test_pictures_of_phantoms_are_called_synthetic() -> None:
    [family] = families([with_pictures("mine", images="synthetic")])
    [section] = pictures.section(family, "The images", "samples")
    assert "synthetic phantoms" in section.text[0]
    assert section.figures[0].caption.startswith("Synthetic phantoms. ")


def test_a_kept_run_has_no_pictures_and_says_nothing_of_them() -> None:
    [family] = families([result("mine")])
    assert pictures.section(family, "The images", "samples") == []
    [family] = families([with_pictures("mine")])
    assert pictures.section(family, "Where the network looks", "saliency") == [], "its picture is not there"


def test_an_explanation_older_than_the_words_has_no_pictures() -> None:
    older = json.dumps({key: value for key, value in EXPLAINED.items() if key not in ("foreign", "pictures")}).encode()
    content = with_pictures("mine").beside("plots/samples.png")
    made = replace(result("mine"), beside={"data/details/explain.json": older, "plots/samples.png": content}.get)
    assert pictures.section(families([made])[0], "The images", "samples") == []
