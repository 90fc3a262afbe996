"""The training reads what it is told to, and goes on where it was killed."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Project
from tests.stages.conftest import error_of, ok

pytestmark = pytest.mark.slow


def test_a_network_larger_than_the_memory_is_refused(trained: Project) -> None:
    kept = (trained.folder / "params.yaml").read_bytes()
    try:
        trained.set(model__layers="C-F-D", model__dense_units=65536, model__filters=[65536, 1])
        assert "GiB are free" in error_of(trained.stage("train"))
    finally:
        (trained.folder / "params.yaml").write_bytes(kept)


def test_more_devices_than_there_are_are_refused_and_several_are_recorded(trained: Project) -> None:
    """The network of two devices is saved as any other; `evaluate` needs but one."""
    code = (
        "import runpy, tensorflow as tf\n"
        "(cpu,), one = tf.config.list_physical_devices('CPU'), tf.config.LogicalDeviceConfiguration()\n"
        "tf.config.set_logical_device_configuration(cpu, [one, one])\n"
        "runpy.run_module('stages.train', run_name='__main__')\n"
    )
    kept = (trained.folder / "params.yaml").read_bytes()
    try:
        trained.set(train__devices=2)
        assert error_of(trained.stage("train")) == "error: train.devices is 2, and this machine has 1: cpu:0"
        alone = pd.read_csv(trained.folder / "plots" / "history.csv")
        trained.ok("python", "-c", code)
    finally:
        (trained.folder / "params.yaml").write_bytes(kept)
    assert json.loads((trained.folder / "data/details/train.json").read_text())["device"].startswith("2 x cpu")
    shared = pd.read_csv(trained.folder / "plots" / "history.csv")
    pd.testing.assert_frame_equal(shared.drop(columns="seconds"), alone.drop(columns="seconds"), rtol=1e-3)
    ok(trained, "evaluate")


def test_training_reads_no_image_but_those_of_its_lists(trained: Project) -> None:
    """Every row of data/images.npy that the stage asks for is noted."""
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
    asked = set(json.loads(trained.ok("python", "-c", code)))
    train, val, test = (
        set(pd.read_csv(trained.folder / "data" / "split" / f"{name}.csv")["row"]) for name in ("train", "val", "test")
    )
    assert asked == train | val
    assert not asked & test


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


@pytest.fixture(scope="module")
def in_one_go(trained: Project) -> tuple[str, bytes]:
    """The curves and the model of a training of four epochs, set now in params.yaml, that nothing disturbed."""
    trained.set(train__epochs=4, train__learning_rate=0.01)
    ok(trained, "train")
    history, model = trained.folder / "plots" / "history.csv", trained.folder / "models" / "model.keras"
    result = history.read_text(), model.read_bytes()
    history.unlink()
    model.unlink()
    return result


def killed(trained: Project) -> Path:
    """Train and be killed; the checkpoint that this leaves."""
    kill_in_third_epoch(trained)
    (stored,) = (trained.folder / ".dvc" / "tmp" / "cxr" / "checkpoints").iterdir()
    return stored


def test_a_killed_training_resumes_with_the_same_result(trained: Project, in_one_go: tuple[str, bytes]) -> None:
    """Killed after its first epochs, with no chance to clean up; the curves and the model are those of one go."""
    stored = killed(trained)
    again = trained.stage("train")
    assert again.returncode == 0, again.stderr
    told = json.loads((trained.folder / "data" / "details" / "train.json").read_text())
    assert f"training in {told['precision']} on {told['device']}" in again.stderr
    assert "resuming after epoch 2\n" in again.stderr
    assert "epoch 3/4" in again.stderr
    assert "epoch 2/4" not in again.stderr
    last = re.split(r"[\r\n]", again.stderr.rstrip())[-1].rstrip()
    assert re.fullmatch(r"epoch 4/4, \d\d:\d\d(, (val_)?(loss|accuracy) \d\.\d{4}){4}", last)
    assert not stored.exists()

    def without_time(text: str) -> list[list[str]]:
        return [line.split(",")[:-1] for line in text.splitlines()]

    assert without_time((trained.folder / "plots" / "history.csv").read_text()) == without_time(in_one_go[0])
    assert (trained.folder / "models" / "model.keras").read_bytes() == in_one_go[1]


def test_a_damaged_checkpoint_is_said_and_training_starts_anew(trained: Project, in_one_go: tuple[str, bytes]) -> None:
    stored = killed(trained)
    os.truncate(stored, stored.stat().st_size // 2)
    again = trained.stage("train")
    assert again.returncode == 0, again.stderr
    assert "is damaged (File is not a zip file); training starts anew\n" in again.stderr
    assert "epoch 1/4" in again.stderr
    assert (trained.folder / "models" / "model.keras").read_bytes() == in_one_go[1]
    assert not stored.exists()


def test_a_checkpoint_is_of_one_version_of_each_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-done training went on under another TensorFlow."""
    import keras
    import tensorflow as tf

    from stages import train

    monkeypatch.setattr(train, "PARTS", [])

    def key() -> str:
        return train._key({}, np.zeros((1, 1, 1), np.uint8), [])

    before = key()
    assert key() == before
    for library in (keras, tf, np):
        with monkeypatch.context() as other:
            other.setattr(library, "__version__", "0.1")
            assert key() != before


def test_test_images_of_any_kind_give_the_same_model(trained: Project, in_one_go: tuple[str, bytes]) -> None:
    folder = trained.folder
    kept = (folder / "data" / "images.npy").read_bytes()
    try:
        images = np.load(folder / "data" / "images.npy", mmap_mode="r+")
        images[pd.read_csv(folder / "data" / "split" / "test.csv")["row"]] = 255
        images.flush()
        assert (folder / "data" / "images.npy").read_bytes() != kept
        ok(trained, "train")
    finally:
        (folder / "data" / "images.npy").write_bytes(kept)
    assert (folder / "models" / "model.keras").read_bytes() == in_one_go[1]
