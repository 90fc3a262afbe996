from pathlib import Path

import pytest

from cxr.errors import UserError
from study import study_file
from tests.conftest import ROOT


def test_a_studys_runs_are_its_own_and_their_labels_and_none_of_another_studys() -> None:
    labelled = ["layers-1-augmented-seed1", "layers-1-pooled"]
    finished = ["layers-1", "layers-1-augmented", *labelled, "layers-10", "recipe"]
    assert study_file.runs(ROOT / "study.yaml", finished) == ["layers-1", "layers-1-pooled"]
    augmented = ["layers-1-augmented", "layers-1-augmented-seed1"]
    assert study_file.runs(ROOT / "recipe.yaml", finished) == [*augmented, "recipe"]
    with pytest.raises(UserError, match=r"no run of .*study\.yaml is finished"):
        study_file.runs(ROOT / "study.yaml", ["recipe"])


def test_a_runs_name_that_yaml_reads_as_no_text_is_refused(tmp_path: Path) -> None:
    """As text 1 and '1' were one run, the first of which was lost, and 007 was the run 7."""
    path = tmp_path / "mine.yaml"
    path.write_text("runs: {1: {}, '1': {}, 007: {}, null: {}, 2026-01-01: {}, one: {}}")
    with pytest.raises(UserError, match="are read as 1, 7, None, 2026-01-01 and not as text"):
        study_file.read(path)
    path.write_text("runs: {'1': {}, '007': {}}")
    assert list(study_file.read(path)["runs"]) == ["1", "007"]
