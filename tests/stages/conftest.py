"""Stages of a tiny project, run one by one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Project


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


@pytest.fixture(scope="module")
def trained(applied: Project) -> Project:
    """A tiny project with the data, model and figures of a finished run, no file of which DVC protects."""
    for folder in ("data", "models"):
        for path in (applied.folder / folder).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
    return applied
