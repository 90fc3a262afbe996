"""The pictures of a run and their figures, made by the stages themselves."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Project

PICTURES = [f"plots/{name}.png" for name in ("samples", "augmented", "errors", "saliency")]


@pytest.mark.slow
def test_pictures_and_their_figures_are_the_same_each_time(applied: Project) -> None:
    project = applied
    project.set(explain__n_columns=3)
    done = project.stage("explain")
    assert done.returncode == 0, done.stderr
    made = [(project.folder / name).read_bytes() for name in PICTURES]
    for name in PICTURES:
        with Image.open(project.folder / name) as picture:
            assert picture.width > 400
    figures = read(project.folder / "data/details/explain.json")
    assert figures["n_images"] == read(project.folder / "data/details/test.json")["n_images"]
    assert set(figures) >= {"share_in_lungs", "probability_drop", "agreement_random"}
    assert figures["foreign"]["n_images"] == figures["n_images"]
    assert figures["foreign"]["hits"]["noise"] > 0.9
    assert set(figures["pictures"]) == {Path(name).stem for name in PICTURES}
    assert "normal, called pneumonia: " in figures["pictures"]["errors"]
    assert figures["pictures"]["augmented"].startswith("No augmentation: ")
    for name in ("errors", "saliency"):
        assert "p: probability of pneumonia; " in figures["pictures"][name]
    assert all("images: synthetic" in words for words in figures["pictures"].values())
    again = project.stage("explain")
    assert again.returncode == 0, again.stderr
    assert [(project.folder / name).read_bytes() for name in PICTURES] == made
    assert read(project.folder / "data/details/explain.json") == figures


def read(path: Path) -> dict:
    return json.loads(path.read_text())
