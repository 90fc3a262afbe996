"""What lies in a remote alone."""

import os
from pathlib import Path

import pytest

from cxr.errors import UserError
from study.commands import git
from study.stored import Stored

pytest.importorskip("dvc_s3")

CONFIG = "[core]\n    remote = bucket\n['remote \"bucket\"']\n    url = s3://bucket/here\n"
LOCK = """schema: '2.0'
stages:
  evaluate: {cmd: evaluate, outs: [{path: made.csv, hash: md5, md5: 0123456789abcdef0123456789abcdef, size: 5}]}
"""


@pytest.mark.slow
def test_a_remote_that_cannot_be_asked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the table of a run whose data are not here was a traceback of botocore."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(CONFIG)
    (tmp_path / "dvc.yaml").write_text("stages: {evaluate: {cmd: evaluate, outs: [made.csv]}}\n")
    (tmp_path / "dvc.lock").write_text(LOCK)
    git("init", "-q")
    git("add", ".")
    git("-c", "user.name=tester", "-c", "user.email=tester@example.org", "commit", "-q", "-m", "one")
    files = Stored("HEAD")
    with pytest.raises(UserError, match=r"^the DVC remote 'bucket' failed: Unable to locate credentials$"):
        files.read_text("made.csv")
    with pytest.raises(UserError, match="failed: Unable to locate credentials"):
        files.copy("made.csv", tmp_path / "copy.csv")
    with pytest.raises(FileNotFoundError):
        files.read_bytes("other.csv")
