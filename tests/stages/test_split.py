import shutil
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.stages.conftest import ok, use_folder

pytestmark = pytest.mark.slow


def test_a_patient_in_training_and_test_is_one_line_of_the_split(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    first = next((folder / "train" / "NORMAL").iterdir())
    shutil.copy(first, folder / "test" / "NORMAL" / first.name)
    ok(project, "download", "manifest")
    done = project.stage("split")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: official: The test part is not apart: 1 of its ")


def test_what_a_protocol_leaves_out_is_counted(project: Project, kaggle_folder: Path) -> None:
    use_folder(project, kaggle_folder)
    project.set(split__protocol="series")
    n_test = sum(path.is_file() for path in (kaggle_folder / "test").rglob("*"))
    ok(project, "download", "manifest")
    done = project.stage("split")
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"warning: series: {n_test} images whose part is test are left out\n"
