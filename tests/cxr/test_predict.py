"""The project as a package: what pip installs, and the command that it brings."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# The build system that pyproject.toml names; pip would bring it from the network.
pytest.importorskip("setuptools", minversion="77")


@pytest.mark.slow
def test_pip_installs_the_code_with_its_templates_and_the_command(tmp_path: Path) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    for name in ("cxr", "stages", "study"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (site / "study/report/report.html.j2").exists()
    run = [sys.executable, str(site / "bin" / "cxr-predict"), "no.keras", str(tmp_path / "no.png")]
    said = subprocess.run(run, cwd=tmp_path, env={"PYTHONPATH": str(site), "PATH": ""}, capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1] == f"error: {tmp_path / 'no.png'} does not exist"
