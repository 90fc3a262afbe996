"""Each part of the bench gives its table, here of next to nothing."""

import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import coverage, evaluation, growth, ingest, large, readers, verdicts
from bench.watched import watch
from cxr.errors import UserError
from cxr.statistics.estimate import sample


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


def test_errors_and_power_of_the_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "N_TRIALS", 20)
    monkeypatch.setattr(verdicts, "N_SEEDS", [5])
    table = verdicts.measure().set_index("sd of seeds")
    assert table.drop(columns="seeds").stack().between(0, 1).all()
    assert (table["coverage, mean of 28 pairs"] > 0.8).all()
    monkeypatch.setattr(verdicts, "DEVIATIONS", {"none": ([0.0005] * 8, 1)})
    monkeypatch.setattr(verdicts, "ACROSS", verdicts.WITHIN)
    [steady] = verdicts.measure().to_dict("records")
    assert steady["a difference of 0.04 told"] > 0.9
    assert steady["equal ones told"] > 0.9


def test_prediction_and_intervals_are_timed_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SIZE": 16, "N_IMAGES": 40, "N_GROUPS": 20, "N_DRAWS": 3, "N_ROUNDS": 1}.items():
        monkeypatch.setattr(evaluation, name, value)
    table = evaluation.measure()
    assert table["way"].tolist() == ["notebook", "ours", "scikit-learn in a loop", "ours"]
    assert (table["seconds"] > 0).all()


def test_both_ways_to_an_interval_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "N_DRAWS", 400)
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 2, 150), rng.integers(0, 60, 150)
    probabilities = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    loop = evaluation.in_a_loop(labels, probabilities, groups)
    ours = sample(labels, probabilities, evaluation.THRESHOLD, groups, 400, 0)
    assert loop.keys() <= ours.keys()
    for name, draws in loop.items():
        assert ours[name].draws.mean() == pytest.approx(draws.mean(), abs=0.01)
        assert ours[name].draws.std() == pytest.approx(draws.std(), rel=0.2)


@pytest.mark.slow
def test_the_stages_before_training_run_in_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "N_IMAGES", [60])
    monkeypatch.setitem(growth.PHANTOMS, "phantom.pixels", 32)
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


def test_a_command_is_watched_with_its_children(tmp_path: Path) -> None:
    work = "held = bytearray(50 << 20); sum(range(10**7)); import time; time.sleep(.5)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"
    cost = watch([sys.executable, "-c", child], tmp_path, os.environ, 60, 1000)
    assert cost.peak_mib >= cost.own_mib >= 50
    assert cost.cpu_seconds >= 0.05
    assert cost.seconds >= 0.5


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import time; time.sleep(60)", "longer than 1 s"),
        ("held = bytearray(200 << 20); import time; time.sleep(60)", "more than 100 MiB"),
        ("raise SystemExit('no images')", "failed: no images"),
    ],
)
def test_what_takes_too_much_is_stopped_and_what_fails_says_why(code: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        watch([sys.executable, "-c", code], tmp_path, os.environ, 1 if "longer" in told else 60, 100)


def test_a_numbered_file_is_another_file_with_the_same_picture(tmp_path: Path) -> None:
    large.draw(tmp_path, 80)
    files = sorted(tmp_path.rglob("*.jpeg"))
    assert len(files) == 80
    contents = [path.read_bytes() for path in files]
    assert len({hashlib.sha256(content).digest() for content in contents}) == 80
    pictures = {Image.open(path).convert("L").tobytes() for path in files}
    assert len(pictures) < 80


@pytest.mark.slow
def test_the_stages_are_measured_on_as_many_images_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "N_IMAGES", [200])
    before_networks = {stage: large.OUTPUTS[stage] for stage in ("download", "manifest", "images", "split")}
    monkeypatch.setattr(large, "OUTPUTS", before_networks)
    monkeypatch.setattr(large, "N_ON_DISK", (100, 64))
    table = large.measure()
    assert table["stage"].tolist() == [*large.OUTPUTS, large.DVC, large.FROM_DISK]
    assert (table[["seconds", "cpu_seconds", "output_mib"]] > 0).all(axis=None)
    assert (table["peak_mib"] >= table["own_mib"])[:-1].all()
    assert table.set_index("stage").loc["images", "output_mib"] == pytest.approx(200 * large.SIZE**2 / 2**20, rel=0.01)


def test_what_the_disk_cannot_hold_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "BYTES_PER_IMAGE", 2**60)
    monkeypatch.setattr(large, "N_ON_DISK", (100, 64))
    assert large.measure()["stage"].tolist() == [large.FROM_DISK]
