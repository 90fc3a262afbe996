"""Repositories whose experiments are finished by hand: Git alone, without DVC."""

import os
from pathlib import Path

import pytest

from study.commands import git
from tests.conftest import Project

STAGES = """
stages:
  check: {cmd: check, deps: [cxr/sections.py], outs: [checked.txt]}
  download: {cmd: download, deps: [checked.txt, cxr/sources], outs: [data/raw]}
  images: {cmd: images, deps: [data/raw, cxr/data], outs: [data/images.npy]}
  split: {cmd: split, deps: [cxr/data], outs: [data/train.csv]}
  train: {cmd: train, deps: [data/images.npy, data/train.csv, cxr/networks], outs: [model], plots: [{h.csv: {x: y}}]}
  evaluate: {cmd: evaluate, deps: [model, cxr/statistics], outs: [predictions.csv]}
"""
LOCK = """
stages:
  download: {{params: {{params.yaml: {{data: {data}}}}}}}
  manifest: {{outs: [{{path: data/details/data.json, md5: 0e}}, {{path: data/manifest.csv, md5: {images}}}]}}
  images: {{outs: [{{path: data/images.npy, md5: {images}}}]}}
  split: {{outs: [{{path: data/train.csv, md5: 0b}}]}}
"""
PARAMS = "data: {source: phantom}\n"


class Repository:
    """A project whose experiments are finished by hand, each a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.new(folder)
        self.seconds = 1_800_000_000
        (folder / "dvc.yaml").write_text(STAGES)
        (folder / "params.yaml").write_text(PARAMS)
        self.project.ok("git", "init", "-q", "-b", "main")
        self.project.commit("start")

    def commit(self, path: str = "README.md") -> str:
        """Change a file in the next commit; the commit before in seven letters."""
        before = git("rev-parse", "HEAD").strip()[:7]
        file = self.project.folder / path
        file.write_text(f"{file.read_text() if file.exists() else ''}# changed\n")
        self.project.commit(f"change {path}")
        return before

    def finish(self, name: str, data: str = "here", images: str = "0a", params: str = PARAMS) -> str:
        """Leave an experiment on the present commit; its ref."""
        self.seconds += 1
        head = git("rev-parse", "HEAD").strip()
        self.project.folder.joinpath("dvc.lock").write_text(LOCK.format(data=data, images=images))
        self.project.folder.joinpath("params.yaml").write_text(params)
        git("add", "-A")
        date = f"{self.seconds} +0000"
        commit = git("commit-tree", git("write-tree").strip(), "-p", head, "-m", name, GIT_COMMITTER_DATE=date).strip()
        git("reset", "-q", "--hard")
        ref = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
        git("update-ref", ref, commit)
        return ref


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "project"
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    made = Repository(folder)
    monkeypatch.chdir(folder)
    return made
