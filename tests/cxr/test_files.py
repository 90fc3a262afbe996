import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr import files
from cxr.arguments import file_to_write

ROOT = Path(__file__).parents[2]


def test_whole_replaces_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.txt"
    with files.whole(target) as partial:
        partial.write_text("first")

    def fail_half_way() -> None:
        with files.whole(target) as partial:
            partial.write_text("second")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert target.read_text() == "first"
    assert list(target.parent.iterdir()) == [target]


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    for function in (os.fsync, os.replace):
        monkeypatch.setattr(os, function.__name__, lambda *a, act=function: (done.append(act.__name__), act(*a)))
    with files.whole(tmp_path / "file.txt") as partial:
        partial.write_text("content")
    assert done == ["fsync", "replace"]
    assert (tmp_path / "file.txt").read_text() == "content"


def test_a_file_never_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "kept.txt").write_text("kept")
    with pytest.raises(IsADirectoryError), files.whole(folder) as partial:
        partial.write_text("file")
    assert (folder / "kept.txt").read_text() == "kept"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_probability_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With the lowest versions that are allowed pandas alone misreads a third of them."""
    path = tmp_path / "predictions.csv"
    written = pd.DataFrame({"path": "a.png", "probability": np.random.default_rng(0).random(1000)})
    files.write_csv(str(path), written)
    assert (files.read_predictions(path)["probability"] == written["probability"]).all()


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    """A pipe, as a device cannot be made here, by its name and by a link to it."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("pipe")
    for path in (pipe, link):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        with files.whole(files.meant(path)) as partial:
            partial.write_text("table")
        assert os.read(reader, 100) == b"table"
        os.close(reader)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_a_link_that_a_user_names_leads_to_the_file_that_is_meant(tmp_path: Path) -> None:
    """Of cxr.predict alone it did; the card, bundle, ensemble, ranking and shifts took the link's place."""
    target, link = tmp_path / "elsewhere" / "table.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    for text in ("first", "second"):
        with files.whole(file_to_write(str(link))) as partial:
            partial.write_text(text)
        assert target.read_text() == text
    assert link.is_symlink()


def test_whole_replaces_a_folder(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with files.whole(tmp_path / "tree") as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["new"]


def test_a_folder_takes_the_place_of_a_link_and_not_of_what_it_leads_to(tmp_path: Path) -> None:
    """data/raw on another disk."""
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "tree"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link.symlink_to(elsewhere)
    with files.whole(link) as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert not link.is_symlink()
    assert [path.name for path in link.iterdir()] == ["new"]
    assert [path.name for path in elsewhere.iterdir()] == ["kept"]


def test_whole_sweeps_what_the_killed_left_and_nothing_that_is_being_written(tmp_path: Path) -> None:
    """Three processes write one file: two live, one is killed."""
    write = (
        "import sys\n"
        "from cxr import files\n"
        "with files.whole(sys.argv[1]) as partial:\n"
        "    partial.write_text(sys.argv[2])\n"
        "    print('begun', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    target = tmp_path / "file.txt"

    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", write, str(target), name]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        return process

    with start("living") as living, start("killed") as killed:
        killed.kill()
        killed.wait()
        assert len(list(tmp_path.glob(".file.txt.*"))) == 2
        with start("second") as second:
            assert len(list(tmp_path.glob(".file.txt.*"))) == 2
            assert sorted(path.read_text() for path in tmp_path.glob(".file.txt.*/file.txt")) == ["living", "second"]
            second.communicate(timeout=60)
        living.communicate(timeout=60)
        assert living.returncode == second.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]
    assert target.read_text() == "living"
