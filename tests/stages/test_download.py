"""The download stage, each public source from a server on the loopback that stands for the real one."""

import hashlib
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from cxr.sources.kaggle import SOURCE
from cxr.sources.source import Counts
from tests.conftest import Project
from tests.server import kaggle_environment, serving, zipped
from tests.stages.conftest import error_of, ok, use_folder


def images(counts: Counts) -> dict[str, bytes]:
    """As many images of one pixel, under names as Kaggle's."""
    stored = io.BytesIO()
    Image.new("L", (1, 1), 99).save(stored, "JPEG")
    names = {"NORMAL": "IM-{:04d}-0001.jpeg", "PNEUMONIA": "person{}_virus_1.jpeg"}
    return {
        f"{split}/{name}/{names[name].format(i)}": stored.getvalue()
        for split, classes in counts.items()
        for name, n in classes.items()
        for i in range(n)
    }


def taken(project: Project) -> dict[str, bytes]:
    raw = project.folder / "data" / "raw"
    return {path.relative_to(raw).as_posix(): path.read_bytes() for path in raw.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_kaggles_5856_images_come(project: Project, tmp_path: Path) -> None:
    """The real client, and the real counts."""
    assert SOURCE.counts
    expected = images(SOURCE.counts)
    assert len(expected) == 5856
    project.set(data__source="kaggle")
    with serving(zipped({f"chest_xray/{path}": content for path, content in expected.items()})) as server:
        done = project.stage("download", **kaggle_environment(tmp_path / "home", server.port))
        assert done.returncode == 0, done.stderr
        assert taken(project) == expected
    told = json.loads((project.folder / "data" / "details" / "download.json").read_text())
    assert told["source"] == "kaggle"
    assert told["images"] == "real"
    assert told["expected_counts"] == SOURCE.counts
    assert project.stage("manifest").returncode == 0


MENDELEY = """
import runpy, sys
from dataclasses import replace
from cxr.sources import mendeley
counts = {split: {"NORMAL": 2, "PNEUMONIA": 2} for split in ("train", "test")}
mendeley.SOURCE = replace(mendeley.SOURCE, address=sys.argv[1], sha256=sys.argv[2], counts=counts)
runpy.run_module("stages.download", run_name="__main__")
"""


def test_mendeleys_archive_comes_and_one_that_has_rotted_is_fetched_anew(project: Project) -> None:
    expected = images({split: {"NORMAL": 2, "PNEUMONIA": 2} for split in ("train", "test")})
    archive = zipped({f"chest_xray/{path}": content for path, content in expected.items()})
    project.set(data__source="mendeley")
    stored = project.folder / ".dvc" / "tmp" / "cxr" / "downloads" / "ChestXRay2017.zip"
    with serving(archive) as server:
        address, sha256 = f"http://127.0.0.1:{server.port}/file", hashlib.sha256(archive).hexdigest()

        def download() -> str:
            done = project.run("python", "-c", MENDELEY, address, sha256, NO_PROXY="127.0.0.1")
            assert done.returncode == 0, done.stderr
            assert taken(project) == expected
            return done.stderr

        download()
        download()
        assert len(server.requests) == 1, "the second comes from what was kept"
        stored.write_bytes(stored.read_bytes()[:-100])
        assert f"Mendeley's data set in {stored} is not whole: " in download()
        assert len(server.requests) == 2
        assert stored.read_bytes() == archive


def test_mendeleys_archive_that_lacks_images_names_the_file_to_remove(project: Project) -> None:
    short = images({split: {"NORMAL": 2, "PNEUMONIA": 1} for split in ("train", "test")})
    archive = zipped({f"chest_xray/{path}": content for path, content in short.items()})
    project.set(data__source="mendeley")
    stored = project.folder / ".dvc" / "tmp" / "cxr" / "downloads" / "ChestXRay2017.zip"
    with serving(archive) as server:
        address, sha256 = f"http://127.0.0.1:{server.port}/file", hashlib.sha256(archive).hexdigest()
        done = project.run("python", "-c", MENDELEY, address, sha256, NO_PROXY="127.0.0.1")
    assert done.returncode == 1
    assert len(server.requests) == 2
    assert done.stderr.splitlines()[-1] == (
        "error: Mendeley's data set is not whole, nor when fetched anew: 1 images instead of 2 in train/PNEUMONIA, "
        f"1 images instead of 2 in test/PNEUMONIA; remove {stored} and run it again later, or use another data.source"
    )
    assert not (project.folder / "data" / "raw").exists()


HOSPITAL = """
import io, runpy
from PIL import Image
from cxr.data.names import FileNames, Origin
from cxr.sources import archive, records
from cxr.sources.source import Brought, Source
from cxr.vocabulary import CLASSES

COUNTS = {"train": {"NORMAL": 3, "PNEUMONIA": 3}, "test": {"NORMAL": 3, "PNEUMONIA": 3}}

def bring(raw, request):
    stored = io.BytesIO()
    Image.new("L", (8, 8), 99).save(stored, "PNG")
    for split, classes in COUNTS.items():
        for name, n in classes.items():
            for i in range(n):
                archive.write(raw / split / name / f"{split}-{i}_{name[0]}.png", stored.getvalue())
    names = FileNames(pattern, pattern, "<split>-<N>_<k>")
    return Brought(Origin(CLASSES, "file names", names), {**COUNTS, "val": {"NORMAL": 0, "PNEUMONIA": 0}})

pattern = r"(?P<patient_group>\\w+-\\d+)_[NP]"
records.SOURCES["hospital"] = Source("nowhere", "none", bring)
runpy.run_module("stages.download", run_name="__main__")
"""


def test_a_source_of_ones_own_is_a_record_and_a_function(project: Project) -> None:
    """Its names tell its patients: the manifest reads the rule from what the download left."""
    project.set(data__source="hospital")
    done = project.run("python", "-c", HOSPITAL)
    assert done.returncode == 0, done.stderr
    done = project.stage("manifest")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(project.folder / "data" / "manifest.csv")
    assert sorted(set(table["patient_group"])) == [
        f"patient {split}-{i}" for split in ("test", "train") for i in range(3)
    ]
    assert len(table) == 12


def test_a_full_disk_is_told_to_make_room(project: Project, tmp_path: Path) -> None:
    """A limit on the size of a file stands for a full disk, in the client as here."""
    project.set(data__source="kaggle")
    with serving(zipped({"chest_xray/ballast": bytes(2_000_000)})) as server:
        limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 1000; exec python -m stages.download"]
        done = project.run(*limited, **kaggle_environment(tmp_path / "home", server.port))
    assert done.returncode == 1
    cache = tmp_path / "home" / "cache"
    assert f"cannot be stored in {cache}: File too large; make room there" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
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
    assert told in error_of(project.here("stages.download"))
    assert not (project.folder / "data").exists() or not list((project.folder / "data").iterdir())


@pytest.mark.slow
def test_after_a_refusal_the_next_call_brings_the_images(project: Project) -> None:
    project.set(data__source="directory", data__directory="not/here")
    assert "data.directory 'not/here' is no folder" in error_of(project.stage("download"))
    project.set(data__source="phantom")
    ok(project, "download")


@pytest.mark.slow
def test_an_empty_class_folder_is_named_and_can_be_filled(project: Project, kaggle_folder: Path) -> None:
    folder = use_folder(project, kaggle_folder)
    shutil.move(folder / "test" / "NORMAL", project.folder / "aside")
    (folder / "test" / "NORMAL").mkdir()
    assert "no images in test/NORMAL" in error_of(project.stage("download"))
    shutil.rmtree(folder / "test" / "NORMAL")
    shutil.move(project.folder / "aside", folder / "test" / "NORMAL")
    ok(project, "download", "manifest")


@pytest.mark.slow
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
