"""Every section of params.yaml is checked before the first stage works."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.stages.conftest import error_of, use_folder

pytestmark = pytest.mark.slow


def test_a_missing_params_file(project: Project) -> None:
    (project.folder / "params.yaml").unlink()
    assert "params.yaml is missing" in error_of(project.stage("check"))


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"model__layers": "C-P-X-F-D"}, "'X' is no layer"),
        ({"model__layers": "C-P-P-P-P-P-F"}, "too many P for images of 16 pixels"),
        ({"split__protocol": "random"}, "split.protocol should be 'official', 'grouped', 'pooled' or 'series'"),
        ({"evaluate__threshold": "best"}, "evaluate.threshold should be a probability"),
        ({"phantom__seed": 2**32}, "phantom.seed should be less than 4294967296"),
        ({"split__val_fraction": 1.5}, "split.val_fraction should be less than 1"),
        ({"model__layers": "D-F"}, "D (dense) stands before F"),
        ({"train__learning_rate": -1}, "train.learning_rate should be greater than 0"),
        ({"train__learning_rate": "fast"}, "train.learning_rate should be a valid number"),
        ({"train__batch_size": 0}, "train.batch_size should be greater than 0"),
        ({"train__lerning_rate": 1}, "train.lerning_rate is not a known key"),
    ],
)
def test_every_section_is_checked_first(params: dict[str, object], told: str, project: Project) -> None:
    project.set(**params)
    assert told in error_of(project.here("stages.check"))
    assert not (project.folder / "data").exists()


def test_the_check_starts_no_library_that_learns(project: Project) -> None:
    heavy = "import sys, stages.check; print({'keras', 'tensorflow', 'sklearn', 'pandas'} & set(sys.modules))"
    assert project.ok("python", "-c", heavy) == "set()\n"


def test_a_folder_in_data_raw_is_refused_before_dvc_removes_it(
    make_dvc_project: Callable[[], Project], kaggle_folder: Path
) -> None:
    project = make_dvc_project()
    (project.folder / "data").mkdir(exist_ok=True)
    use_folder(project, kaggle_folder).rename(project.folder / "data" / "raw")
    kept = project.folder / "data" / "raw" / "notes.xlsx"
    kept.touch()
    project.set(data__directory="data/raw")
    told = "data.directory 'data/raw' lies in the project's data/raw, which download empties"
    done = project.run("dvc", "repro", "manifest")
    assert done.returncode != 0
    assert told in done.stderr
    assert kept.exists()
    assert told in error_of(project.stage("download"))
    assert kept.exists()
