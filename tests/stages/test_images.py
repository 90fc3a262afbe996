"""One array of all images; what stops the stage leaves nothing of it behind."""

import numpy as np
import psutil
import pytest

from cxr.data.images import decode
from tests.conftest import Project
from tests.processes import wait_until
from tests.stages.conftest import error_of, leftovers, ok

pytestmark = pytest.mark.slow


def test_images_are_one_uint8_array_in_the_manifests_order(trained: Project) -> None:
    array = np.load(trained.folder / "data" / "images.npy", mmap_mode="r")
    assert array.shape == (80, 16, 16)
    assert array.dtype == np.uint8
    paths = (trained.folder / "data" / "manifest.csv").read_text().splitlines()[1:]
    for row in (0, 40, 79):
        content = (trained.folder / "data" / "raw" / paths[row].split(",")[0]).read_bytes()
        np.testing.assert_array_equal(array[row], decode(content, 16))


def test_a_size_of_nothing_is_refused(project: Project) -> None:
    project.set(images__size=0)
    assert "images.size should be greater than 0" in error_of(project.stage("images"))


def test_an_image_that_rots_after_the_manifest_is_named(project: Project) -> None:
    ok(project, "download", "manifest")
    rotten = next((project.folder / "data" / "raw" / "test" / "NORMAL").iterdir())
    rotten.write_bytes(rotten.read_bytes()[:-100])
    told = error_of(project.stage("images"))
    assert told.startswith(f"error: {rotten.relative_to(project.folder)}: truncated or corrupt image")
    assert not (project.folder / "data" / "images.npy").exists()
    assert leftovers(project) == []


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


def test_a_killed_stage_leaves_no_worker_and_its_leavings_are_swept(project: Project) -> None:
    """Killed while it writes the array: its workers go too, and the next run takes away what it had begun."""
    project.set(phantom__n_images=600)
    ok(project, "download", "manifest")
    data = project.folder / "data"
    with project.begin("python", "-m", "stages.images") as process:
        wait_until(lambda: list(data.glob(".images.npy.*/images.npy")), seconds=60)
        stage = psutil.Process(process.pid)
        at_work = wait_until(stage.children, seconds=60)
        stage.kill()
    assert leftovers(project)
    psutil.wait_procs(at_work, timeout=20)
    assert not [worker for worker in at_work if worker.is_running()]
    ok(project, "images")
    assert leftovers(project) == []
    assert np.load(data / "images.npy", mmap_mode="r").shape == (600, 16, 16)
