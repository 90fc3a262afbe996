import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.errors import UserError
from stages import project

ROOT = Path(__file__).parents[2]


def test_whole_replaces_only_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "file.txt"
    with project.whole(target) as partial:
        partial.write_text("first")

    def fail_half_way() -> None:
        with project.whole(target) as partial:
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
    with project.whole(tmp_path / "file.txt") as partial:
        partial.write_text("content")
    assert done == ["fsync", "replace"]
    assert (tmp_path / "file.txt").read_text() == "content"


def test_whole_replaces_a_folder(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with project.whole(tmp_path / "tree") as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"data: [unclosed", "params.yaml is not valid YAML"),
        ("data: {directory: Röntgen}".encode("latin-1"), "params.yaml is not text in UTF-8: invalid"),
        (b"data: " + 5000 * b"[" + 5000 * b"]", "params.yaml is not valid YAML: it is nested too deeply"),
        (b"data: " + 5000 * b"9", "params.yaml is not valid YAML: Exceeds the limit"),
        (b"data: 2024-13-45", "params.yaml is not valid YAML: month must be in"),
        (b"- data", "params.yaml holds no mapping"),
    ],
)
def test_a_file_that_is_no_mapping_in_yaml_is_one_line(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        project.read_yaml(path)
    assert told in str(error.value)
    assert len(str(error.value)) < 400
    assert "\n" not in str(error.value)


def test_a_folder_is_no_params_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        project.read_yaml(tmp_path)


def test_whole_sweeps_what_the_killed_left_and_nothing_that_is_being_written(tmp_path: Path) -> None:
    """Three processes write one file: two live, one is killed."""
    write = (
        "import sys\n"
        "from stages import project\n"
        "with project.whole(sys.argv[1]) as partial:\n"
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


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    call = "from stages import project\nwith project.alone('x'):\n    print('in', flush=True)\n"
    with project.alone("x"):
        second = subprocess.Popen(
            [sys.executable, "-c", call], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr
        assert second.stderr.readline() == "x: waiting for another run of this project that is at it\n"
        assert second.poll() is None
    with second:
        assert second.communicate(timeout=60)[0] == "in\n"


def test_home_is_the_project_also_from_a_queued_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queued = tmp_path / "mine" / ".dvc" / "tmp" / "exps" / "tmpabc"
    queued.mkdir(parents=True)
    monkeypatch.chdir(queued)
    assert project.home() == tmp_path / "mine"
    assert project.scratch("x").is_relative_to(tmp_path / "mine" / ".dvc" / "tmp")
    monkeypatch.chdir(tmp_path / "mine")
    assert project.home() == tmp_path / "mine"
