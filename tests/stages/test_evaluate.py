import pytest

from tests.conftest import Project
from tests.stages.conftest import error_of

pytestmark = pytest.mark.slow


def test_a_damaged_model_is_one_line(trained: Project) -> None:
    path = trained.folder / "models" / "model.keras"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept[: len(kept) // 2])
        told = error_of(trained.stage("evaluate"))
    finally:
        path.write_bytes(kept)
    assert "models/model.keras cannot be read" in told
    assert told.endswith("train again with `dvc repro -f train`")
