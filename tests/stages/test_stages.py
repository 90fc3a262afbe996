"""Single stages on bad input: one clear line, a non-zero exit, nothing half written; then all is well."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from tests.conftest import Project

pytestmark = pytest.mark.slow


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a stage says when it fails."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def leftovers(project: Project) -> list[str]:
    """Temporary names that a stage should have taken away."""
    return [path.name for path in project.folder.rglob(".*") if path.name.startswith((".raw", ".images", ".manifest"))]


def ok(project: Project, *names: str) -> None:
    for name in names:
        done = project.stage(name)
        assert done.returncode == 0, done.stderr


def use_folder(project: Project, source: Path) -> Path:
    folder = project.folder / "mine"
    shutil.copytree(source, folder)
    project.set(data__source="directory", data__directory="mine")
    return folder


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"data__source": "nowhere"}, "data.source should be 'kaggle', 'mendeley', 'directory', 'table' or 'phantom'"),
        ({"data__source": "directory"}, "data.directory is null; name a folder"),
        ({"data__source": "directory", "data__directory": "not/here"}, "data.directory 'not/here' is no folder"),
        (
            {"data__source": "directory", "data__directory": "~nosuchuser/x"},
            "data.directory '~nosuchuser/x' is no folder",
        ),
        ({"data__source": "directory", "data__directory": "x" * 300}, "is no folder (File name too long)"),
        ({"phantom__n_images": 0}, "phantom.n_images should be greater than or equal to 60"),
    ],
)
def test_download_refuses(params: dict[str, object], told: str, project: Project) -> None:
    project.set(**params)
    assert told in error_of(project.stage("download"))
    assert not (project.folder / "data").exists() or not list((project.folder / "data").iterdir())
    project.set(data__source="phantom", phantom__n_images=80)
    ok(project, "download")


def test_an_empty_class_folder_is_named_and_can_be_filled(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    shutil.move(folder / "test" / "NORMAL", project.folder / "aside")
    (folder / "test" / "NORMAL").mkdir()
    assert "no images in test/NORMAL" in error_of(project.stage("download"))
    shutil.rmtree(folder / "test" / "NORMAL")
    shutil.move(project.folder / "aside", folder / "test" / "NORMAL")
    ok(project, "download", "manifest")


def test_all_bad_files_are_listed_at_once(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    normal = sorted((folder / "train" / "NORMAL").iterdir())
    normal[0].write_bytes(b"")
    normal[1].write_bytes(normal[1].read_bytes()[:-100])
    normal[2].write_text("no image")
    normal[3].rename(folder / "train" / "PNEUMONIA" / normal[3].name)
    ok(project, "download")
    told = error_of(project.stage("manifest"))
    assert "4 of 80 files" in told
    for path, reason in zip(normal[:4], ("empty file", "truncated", "not an image", "mislabelled"), strict=True):
        assert path.name in told
        assert reason in told
    assert not (project.folder / "data" / "manifest.csv").exists()
    assert leftovers(project) == []


def test_of_many_bad_files_ten_are_shown_and_all_are_in_a_file(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    bad = sorted((folder / "train").rglob("*.jpeg"))[:30]
    for path in bad:
        path.write_bytes(b"")
    ok(project, "download")
    told = error_of(project.stage("manifest"))
    assert told.count("empty file") == 10
    listed = project.folder / ".dvc" / "tmp" / "cxr" / "problems" / "manifest.txt"
    assert told.endswith(f"; and 20 more, all in {listed}")
    assert listed.read_text() == "".join(f"{path.relative_to(folder)} (empty file)\n" for path in bad)


def test_a_patient_in_training_and_test_is_one_line_of_the_split(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    first = next((folder / "train" / "NORMAL").iterdir())
    shutil.copy(first, folder / "test" / "NORMAL" / first.name)
    ok(project, "download", "manifest")
    done = project.stage("split")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: official: The test part is not apart: 1 of its ")


def test_missing_images_are_noticed(project: Project) -> None:
    ok(project, "download")
    next((project.folder / "data" / "raw" / "train" / "NORMAL").iterdir()).unlink()
    assert "phantom should give" in error_of(project.stage("manifest"))


def test_an_image_that_rots_after_the_manifest_is_named(project: Project) -> None:
    ok(project, "download", "manifest")
    rotten = next((project.folder / "data" / "raw" / "test" / "NORMAL").iterdir())
    rotten.write_bytes(rotten.read_bytes()[:-100])
    told = error_of(project.stage("images"))
    assert told.startswith(f"error: {rotten.relative_to(project.folder)}: truncated or corrupt image")
    assert not (project.folder / "data" / "images.npy").exists()
    assert leftovers(project) == []


def test_a_changed_user_folder_is_never_altered(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    before = {
        path: (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*.jpeg")
    }
    ok(project, "download")
    for path in (project.folder / "data" / "raw").rglob("*.jpeg"):
        path.chmod(0o444)
    after = {path: (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*.jpeg")}
    assert after == before


def test_a_full_disk_is_one_line_and_leaves_nothing(project: Project) -> None:
    """A limit on the size of a file stands for a full disk: the same error path, without root."""
    ok(project, "download", "manifest")
    project.set(images__size=512)
    limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 2000; exec python -m stages.images"]
    done = project.run(*limited)
    assert "nothing half written was kept" in error_of(done)
    assert not (project.folder / "data" / "images.npy").exists()
    assert leftovers(project) == []
    ok(project, "images")


@pytest.mark.parametrize(
    ("stage", "params", "told"),
    [
        ("images", {"images__size": 0}, "images.size should be greater than 0"),
        ("check", {"split__val_fraction": 1.5}, "split.val_fraction should be less than 1"),
        ("check", {"model__layers": "C-X"}, "'X' is no layer"),
        ("check", {"model__layers": "C-P-P-P-P-P-F"}, "too many P for images of 16 pixels"),
        ("check", {"model__layers": "D-F"}, "D (dense) stands before F"),
        ("check", {"train__learning_rate": -1}, "train.learning_rate should be greater than 0"),
        ("check", {"train__learning_rate": "fast"}, "train.learning_rate should be a valid number"),
        ("check", {"train__batch_size": 0}, "train.batch_size should be greater than 0"),
        ("check", {"train__lerning_rate": 1}, "train.lerning_rate is not a known key"),
        (
            "train",
            {"model__layers": "C-F-D", "model__dense_units": 65536, "model__filters": [65536, 1]},
            "GiB are free",
        ),
        ("check", {"evaluate__threshold": "best"}, "evaluate.threshold should be a probability"),
    ],
)
def test_wrong_parameters(stage: str, params: dict[str, object], told: str, shared_project: Project) -> None:
    kept = (shared_project.folder / "params.yaml").read_bytes()
    try:
        shared_project.set(**params)
        assert told in error_of(shared_project.stage(stage))
    finally:
        (shared_project.folder / "params.yaml").write_bytes(kept)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tiny project whose data are ready."""
    from tests.conftest import TINY

    made = Project(tmp_path_factory.mktemp("stages") / "project")
    made.set_all(TINY)
    ok(made, "download", "manifest", "images", "split", "train")
    return made


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
    ],
)
def test_every_section_is_checked_first(params: dict[str, object], told: str, project: Project) -> None:
    project.set(**params)
    assert told in error_of(project.stage("check"))
    assert not (project.folder / "data").exists()


def test_the_check_starts_no_library_that_learns(project: Project) -> None:
    heavy = "import sys, stages.check; print({'keras', 'tensorflow', 'sklearn', 'pandas'} & set(sys.modules))"
    assert project.ok("python", "-c", heavy) == "set()\n"


def kill_in_third_epoch(project: Project) -> None:
    """Train and be killed when two epochs are stored, with no chance to clean up."""
    code = (
        "import os, runpy, signal, cxr.networks.training as t\n"
        "train = t.train\n"
        "def until_second(*a):\n"
        "    for history in train(*a):\n"
        "        if len(history) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield history\n"
        "t.train = until_second\n"
        "runpy.run_module('stages.train', run_name='__main__')\n"
    )
    assert project.run("python", "-c", code).returncode == -9


def test_a_killed_training_resumes_with_the_same_result(shared_project: Project) -> None:
    """Killed after its first epochs, with no chance to clean up; the curves and the model are those of one go."""
    shared_project.set(train__epochs=4, train__learning_rate=0.01)
    history, model = (shared_project.folder / name for name in ("plots/history.csv", "models/model.keras"))
    ok(shared_project, "train")
    whole_history, whole_model = history.read_text(), model.read_bytes()
    history.unlink()
    model.unlink()
    kill_in_third_epoch(shared_project)
    checkpoints = shared_project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints"
    assert len(list(checkpoints.iterdir())) == 1
    again = shared_project.stage("train")
    assert again.returncode == 0, again.stderr
    told = json.loads((shared_project.folder / "data" / "details" / "train.json").read_text())
    assert f"training in {told['precision']} on {told['device']}" in again.stderr
    assert "resuming after epoch 2\n" in again.stderr
    assert "epoch 3/4" in again.stderr
    assert "epoch 2/4" not in again.stderr
    assert list(checkpoints.iterdir()) == []

    def without_time(text: str) -> list[list[str]]:
        return [line.split(",")[:-1] for line in text.splitlines()]

    assert without_time(history.read_text()) == without_time(whole_history)
    assert model.read_bytes() == whole_model


def test_a_damaged_checkpoint_is_said_and_training_starts_anew(shared_project: Project) -> None:
    shared_project.set(train__epochs=3, train__learning_rate=0.02)
    ok(shared_project, "train")
    model = shared_project.folder / "models" / "model.keras"
    undisturbed = model.read_bytes()
    kill_in_third_epoch(shared_project)
    (stored,) = (shared_project.folder / ".dvc" / "tmp" / "cxr" / "checkpoints").iterdir()
    os.truncate(stored, stored.stat().st_size // 2)
    again = shared_project.stage("train")
    assert again.returncode == 0, again.stderr
    assert "is damaged (File is not a zip file); training starts anew\n" in again.stderr
    assert "epoch 1/3" in again.stderr
    assert model.read_bytes() == undisturbed
    assert not stored.exists()


def test_a_damaged_model_is_one_line(shared_project: Project) -> None:
    path = shared_project.folder / "models" / "model.keras"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept[: len(kept) // 2])
        told = error_of(shared_project.stage("evaluate"))
    finally:
        path.write_bytes(kept)
    assert "models/model.keras cannot be read" in told
    assert told.endswith("train again with `dvc repro -f train`")


def test_training_reads_no_image_but_those_of_its_lists(shared_project: Project) -> None:
    """Every row of data/images.npy that the stage asks for is noted."""
    shared_project.set(train__epochs=1)
    code = (
        "import json, runpy, numpy as np\n"
        "load, asked = np.load, set()\n"
        "class Images:\n"
        "    def __init__(self, array): self.array, self.shape, self.dtype = array, array.shape, array.dtype\n"
        "    def __len__(self): return len(self.array)\n"
        "    def __getitem__(self, index):\n"
        "        rows = index[0] if isinstance(index, tuple) else index\n"
        "        asked.update(np.arange(len(self.array))[rows].ravel().tolist())\n"
        "        return self.array[index]\n"
        "np.load = lambda *a, **k: Images(load(*a, **k))\n"
        "runpy.run_module('stages.train', run_name='__main__')\n"
        "print(json.dumps(sorted(asked)))\n"
    )
    asked = set(json.loads(shared_project.ok("python", "-c", code)))
    train, val, test = (
        set(pd.read_csv(shared_project.folder / "data" / "split" / f"{name}.csv")["row"])
        for name in ("train", "val", "test")
    )
    assert asked == train | val
    assert not asked & test


def test_test_images_of_any_kind_give_the_same_model(shared_project: Project) -> None:
    folder = shared_project.folder
    shared_project.set(train__epochs=1)
    ok(shared_project, "train")
    model = (folder / "models" / "model.keras").read_bytes()
    kept = (folder / "data" / "images.npy").read_bytes()
    try:
        images = np.load(folder / "data" / "images.npy", mmap_mode="r+")
        images[pd.read_csv(folder / "data" / "split" / "test.csv")["row"]] = 255
        images.flush()
        assert (folder / "data" / "images.npy").read_bytes() != kept
        ok(shared_project, "train")
    finally:
        (folder / "data" / "images.npy").write_bytes(kept)
    assert (folder / "models" / "model.keras").read_bytes() == model


def test_images_are_one_uint8_array_in_the_manifests_order(shared_project: Project) -> None:
    from cxr.data.images import decode

    array = np.load(shared_project.folder / "data" / "images.npy", mmap_mode="r")
    assert array.shape == (80, 16, 16)
    assert array.dtype == np.uint8
    paths = (shared_project.folder / "data" / "manifest.csv").read_text().splitlines()[1:]
    for row in (0, 40, 79):
        content = (shared_project.folder / "data" / "raw" / paths[row].split(",")[0]).read_bytes()
        np.testing.assert_array_equal(array[row], decode(content, 16))


def test_a_killed_stage_leaves_no_worker_and_its_leavings_are_swept(project: Project) -> None:
    """Killed while it writes the array: its workers go too, and the next run takes away what it had begun."""
    project.set(phantom__n_images=600)
    ok(project, "download", "manifest")
    data = project.folder / "data"
    with subprocess.Popen(["python", "-m", "stages.images"], cwd=project.folder, env=project.environment()) as process:
        deadline = time.monotonic() + 60
        while not (begun := list(data.glob(".images.npy.*/images.npy"))) and time.monotonic() < deadline:
            time.sleep(0.01)
        stage = psutil.Process(process.pid)
        while not (at_work := stage.children()) and time.monotonic() < deadline:
            time.sleep(0.01)
        stage.kill()
    assert begun
    assert leftovers(project)
    psutil.wait_procs(at_work, timeout=20)
    assert not [worker for worker in at_work if worker.is_running()]
    ok(project, "images")
    assert leftovers(project) == []
    assert np.load(data / "images.npy", mmap_mode="r").shape == (600, 16, 16)
