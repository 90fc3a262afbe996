"""Each part of the bench gives its table, here of next to nothing."""

from pathlib import Path

import numpy as np
import pytest

from bench import coverage, evaluation, growth, ingest, readers


def test_coverage_has_a_row_for_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "RHOS", [0.5])
    for name, value in {"N_TRIALS": 2, "N_SAMPLES": 20}.items():
        monkeypatch.setattr(coverage, name, value)
        monkeypatch.setattr(readers, name, value)
    monkeypatch.setattr(readers, "N_SEEDS", [3])
    table = coverage.measure_coverage()
    assert not table.duplicated(["what", "interval", "share of noise common to a patient", "sd of seeds"]).any()
    assert {"accuracy of one, over seeds", "auroc of one, over seeds"} <= set(table["what"])
    assert table["power"].dropna().between(0, 1).all()
    assert table["coverage"].between(0, 1).all()
    assert (table["mean width"] > 0).all()


def test_prediction_and_intervals_are_timed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SIZE": 16, "N_IMAGES": 40, "N_GROUPS": 20, "N_DRAWS": 3, "N_ROUNDS": 1}.items():
        monkeypatch.setattr(evaluation, name, value)
    table = evaluation.measure()
    assert table["way"].tolist() == ["notebook", "ours", "scikit-learn in a loop", "ours"]
    assert (table["seconds"] > 0).all()


@pytest.mark.slow
def test_the_stages_before_training_run_in_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "N_IMAGES", [60])
    monkeypatch.setattr(growth, "PHANTOM_PIXELS", 32)
    assert [row["what"] for row in growth._stages()] == growth.STAGES


@pytest.mark.slow
def test_our_ingest_runs_on_a_folder_of_jpegs(
    kaggle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MIN_IMAGES", 100)
    project = ingest._project(tmp_path, kaggle_folder)
    files = sorted((project / "data" / "raw").rglob("*.jpeg"))
    assert len(files) >= 100
    ingest._ours(project)
    images = np.load(project / "data" / "images.npy")
    assert images.shape == (len(files), ingest.SIZE, ingest.SIZE)
    assert ingest._distance(images[:1], ingest._exact(files[0])[None])["mean_difference"] < 2
