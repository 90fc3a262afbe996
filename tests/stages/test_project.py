import subprocess
import sys
from pathlib import Path

import pytest

from cxr.errors import UserError
from stages import project

ROOT = Path(__file__).parents[2]


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


def test_a_disk_that_takes_no_temporary_file_is_one_line() -> None:
    call = "import tempfile\nfrom stages import project\nproject.run(tempfile.gettempdir)\n"
    limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "bash", sys.executable, "-B", "-c", call]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("error: No usable temporary directory found in [")
    assert done.stderr.endswith("; make room there, or name a folder in TMPDIR\n")
