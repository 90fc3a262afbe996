"""Shared parts: a tiny project of its own, phantoms, a folder in Kaggle's layout."""

import fcntl
import gc
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from ruamel.yaml import YAML

from cxr.sources import phantoms
from cxr.sources.params import PhantomParams
from study import params_text
from tests import in_process

ROOT = Path(__file__).parents[1]
CODE = [
    "cxr",
    "stages",
    "study",
    "docs/reference",
    "dvc.yaml",
    "params.yaml",
    "study.yaml",
    "demo.yaml",
    ".dvcignore",
    ".gitignore",
]
TINY = {
    "data.source": "phantom",
    "phantom.n_images": 80,
    "phantom.pixels": 48,
    "images.size": 16,
    "model.layers": "C-P-F-D",
    # With two of each every image gets the same probability.
    "model.filters": [4, 4],
    "model.dense_units": 4,
    "train.epochs": 1,
    "evaluate.bootstrap_samples": 100,
    "audit.bootstrap_samples": 100,
}
# Two networks that train, the first with the parameters of TINY, and one that cannot.
STUDY = """runs:
  layers-1: {model.layers: C-P-F-D}
  layers-2: {model.layers: P-C-F-D, train.learning_rate: 1e-5}
  doomed: {train.learning_rate: 1e+30, train.epochs: 40}
"""
# Keras on JAX, in a process of its own; compiled with less care, which takes two thirds of the time.
ON_JAX = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_llvm_disable_expensive_passes=true"}

# A machine at other work is no failure of a law.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Loading all tests makes hundreds of thousands of objects that stay: none is looked through for garbage.

    That would take a second and a half of each worker, and more whenever what tests leave is looked for.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: no worker is left alone with a long one.

    Of those that share `original_study` one begins, beside others, so that no worker waits while another makes it.
    """
    files = sorted({item.path for item in items}, reverse=True)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    sharing = {item.path for item in items if "original_study" in getattr(item, "fixturenames", ())}
    first, second, third = (
        [path for path in files if path in kind] for kind in (slow & sharing, slow - sharing, {*files} - slow)
    )
    beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)) - 1
    order = [*first[:1], *second[:beside], *first[1:], *second[beside:], *third]
    items.sort(key=lambda item: order.index(item.path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Tests read params.yaml as it stands: where some fail after `dvc exp run -S`, what that left there may be why."""
    if exitstatus and subprocess.run(["git", "diff", "--quiet", "HEAD", "--", "params.yaml"], cwd=ROOT).returncode == 1:
        terminalreporter.write_line("params.yaml is not the committed one; if so by chance: git checkout params.yaml")


def phantom_params(**changes: Any) -> PhantomParams:
    """Small phantoms, all traps set unless changed."""
    traps = dict.fromkeys(("quality_trap", "brightness_trap", "duplicate_trap", "prevalence_trap"), True)
    return PhantomParams(**{"n_images": 80, "pixels": 48, "opacity": 1.0, "seed": 0, **traps, **changes})


@pytest.fixture(scope="session")
def kaggle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty phantoms as a folder in Kaggle's layout; not to be changed."""
    folder = tmp_path_factory.mktemp("kaggle")
    params = phantom_params()
    for planned in phantoms.plan(params):
        path = folder / planned.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(phantoms.encode(planned, params.opacity))
    return folder


def _until_closed(terminal: int) -> Iterator[bytes]:
    """What is written to a pseudo-terminal until its last writer has gone; Linux then says EIO."""
    with suppress(OSError):
        while content := os.read(terminal, 65536):
            yield content


class Project:
    """A project like this one in another folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def new(cls, folder: Path) -> "Project":
        """This project's files, and nothing that was done with them."""
        folder.mkdir(parents=True)
        for name in CODE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        return cls(folder)

    def copy(self, folder: Path) -> "Project":
        """All of this one in another folder, to do with as one likes."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)

    def set(self, **params: Any) -> None:
        """Change params.yaml; `section__key=value`."""
        self.set_all({key.replace("__", "."): value for key, value in params.items()})

    def set_all(self, params: dict[str, Any]) -> None:
        path = self.folder / "params.yaml"
        path.write_text(params_text.apply(path.read_text(), params))

    def leave_out(self, stage: str) -> None:
        """Take a stage on which nothing depends out of dvc.yaml."""
        yaml = YAML()
        path = self.folder / "dvc.yaml"
        content = yaml.load(path)
        del content["stages"][stage]
        yaml.dump(content, path)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project with this Python first on the path."""
        variables = self.environment() | environment
        return subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True, timeout=600)

    def begin(self, *command: str, **options: Any) -> "subprocess.Popen[Any]":
        """Start a command in the project as `run` does; `options` are Popen's."""
        return subprocess.Popen(command, cwd=self.folder, env=self.environment(), **options)

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        modules = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT / "tests" / "start")])
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        identity = {
            f"GIT_{role}_{field}": "tester@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for field in ("NAME", "EMAIL")
        }
        return {**inherited, **identity, "PATH": path, "PYTHONPATH": modules}

    def stage(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", f"stages.{name}", **environment)

    def ok(self, *command: str) -> str:
        """Run a command that must succeed; its output."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def here(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        """What `python -m MODULE WORD ...` says, run in this process: see in_process.py."""
        return in_process.run(self.folder, self.environment(), module, *words)

    def on_terminal(self, *command: str, columns: int, **environment: str) -> str:
        """What a command shows on a terminal of so many columns, without colours; it must end by itself and succeed."""
        ours, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        inherited = {key: value for key, value in self.environment().items() if key not in ("COLUMNS", "PAGER", "LESS")}
        variables = inherited | {"TERM": "xterm"} | environment
        started = subprocess.Popen(
            command, cwd=self.folder, env=variables, stdin=terminal, stdout=terminal, stderr=terminal
        )
        os.close(terminal)
        shown: list[bytes] = []
        reader = threading.Thread(target=lambda: shown.extend(_until_closed(ours)))
        reader.start()
        try:
            status = started.wait(timeout=120)
        finally:
            started.kill()
            reader.join()
            os.close(ours)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z=>]", "", b"".join(shown).decode()).replace("\r\n", "\n")
        assert status == 0, text
        return text

    def start_dvc(self) -> None:
        """Make it a Git repository with DVC and everything committed."""
        self.ok("git", "init", "-q", "-b", "main")
        # What Git keeps of it, as in a clone.
        shutil.copytree(ROOT / ".dvc" / "plots", self.folder / ".dvc" / "plots")
        for name in ("config", ".gitignore"):
            shutil.copy(ROOT / ".dvc" / name, self.folder / ".dvc" / name)
        self.commit("start")

    def commit(self, message: str) -> None:
        self.ok("git", "add", "-A")
        self.ok("git", "commit", "-q", "-m", message)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A tiny project without DVC, for running single stages."""
    made = Project.new(tmp_path / "project")
    made.set_all(TINY)
    return made


def _tiny(folder: Path) -> Project:
    """A tiny project under Git and DVC, without the pictures of each run: they take longer than its training."""
    made = Project.new(folder)
    made.set_all(TINY)
    made.leave_out("explain")
    made.start_dvc()
    return made


@pytest.fixture(scope="module")
def make_dvc_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Makes tiny projects under Git and DVC in which nothing has run."""
    return lambda: _tiny(tmp_path_factory.mktemp("dvc") / "project")


@dataclass(frozen=True)
class Study:
    """A tiny project whose study.yaml (STUDY) has been worked off, and what that said."""

    project: Project
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def original_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Made once, by the first of pytest's workers that needs it; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, told = base / "study" / "project", base / "study" / "told.json"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            shutil.rmtree(folder, ignore_errors=True)
            made = _tiny(folder)
            (folder / "study.yaml").write_text(STUDY)
            made.ok(sys.executable, "-m", "study.offline")
            made.commit("a study of three")
            done = made.run(sys.executable, "-m", "study.run", "study.yaml", "--plots", "dvc_plots")
            told.write_text(json.dumps([done.args, done.returncode, done.stdout, done.stderr]))
    return Study(Project(folder), subprocess.CompletedProcess(*json.loads(told.read_text())))


@pytest.fixture(scope="module")
def study(original_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A copy for the tests of one file."""
    return Study(original_study.project.copy(tmp_path_factory.mktemp("study") / "project"), original_study.done)


@pytest.fixture(scope="module")
def applied(study: Study) -> Project:
    """The same with layers-1's data, model and figures in the work tree."""
    study.project.ok("dvc", "exp", "apply", "layers-1")
    return study.project
