import pytest

from cxr.errors import UserError
from study import study_file
from tests.conftest import ROOT


def test_a_studys_runs_are_its_own_and_their_labels_and_none_of_another_studys() -> None:
    finished = ["layers-1", "layers-1-augmented", "layers-1-pooled", "layers-10", "recipe"]
    assert study_file.runs(ROOT / "study.yaml", finished) == ["layers-1", "layers-1-pooled"]
    assert study_file.runs(ROOT / "recipe.yaml", finished) == ["layers-1-augmented", "recipe"]
    with pytest.raises(UserError, match=r"no run of .*study\.yaml is finished"):
        study_file.runs(ROOT / "study.yaml", ["recipe"])
