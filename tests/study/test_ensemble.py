import json
import re
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from cxr.errors import UserError
from study import ensemble
from tests.study.results_made import result, save

RECIPE = Path(__file__).parents[2] / "docs" / "results" / "recipe" / "runs"


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["ensemble", *map(str, words)])
    ensemble.main()


def test_the_recipes_five_seeds_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The figures that were computed by hand before there was a command."""
    run(monkeypatch, "--kept", RECIPE, "--out", tmp_path / "five.json")
    written = json.loads((tmp_path / "five.json").read_text())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    titles = [row for row in rows if row[0] == "run"]
    figures = [row for row in rows if row[0] == "the 5 as one"]
    told = dict(zip(chain(*titles), chain(*figures), strict=True))
    assert (told["accuracy"], told["auroc"]) == ("0.9487 (0.929-0.966)", "0.9895 (0.982-0.995)")
    assert [told[name].split()[0] for name in ("sensitivity", "specificity")] == [
        f"{written[name]:.4f}" for name in ("sensitivity", "specificity")
    ]
    assert [told[name] for name in ensemble.ALONE] == [f"{written[name]:.3f}" for name in ensemble.ALONE]
    assert written["runs"] == [f"recipe-seed{seed}" for seed in range(5)]
    assert (written["n_images"], written["threshold"]) == (624, 0.5)
    assert written["accuracy"] == pytest.approx(0.9487, abs=1e-4)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a"], "wants two runs or more, there is a alone"),
        (["a", "a"], "a run is named twice"),
        (["a", "b"], r"different images: official, 600 .*; pooled, 600"),
        (["a", "c"], "a and c were tested on different images"),
        (["a", "again"], "wants two runs or more, there is a alone"),
        (["a", "d"], "holds no result called d"),
    ],
)
def test_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: list[str], told: str) -> None:
    again, other = replace(result("a"), name="again"), result("c", seed=1)
    other.predictions["path"] = "x" + other.predictions["path"]
    for one in (result("a"), again, result("b", protocol="pooled"), other):
        save(tmp_path, one)
    with pytest.raises(UserError, match=told):
        run(monkeypatch, *names, "--kept", tmp_path, "--out", tmp_path / "never.json")
    assert not (tmp_path / "never.json").exists()
