"""Every command that the documentation shows: make knows its own, and all that do not last run on a tiny study."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Project

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RESULTS = sorted((ROOT / "docs").glob("*/**/*.md"))
PROGRAMS = ("make", "python", "dvc", "git", "pytest", "ruff", "mypy", ".")
# They install, download, train for long, need a remote or a worker; CI and the tests of study/run run them.
LASTING = ("make", "pytest", "ruff", "mypy", "git", ". ", "python -m study.run", "dvc repro", "dvc queue", "dvc remote")
LASTING += (
    "dvc push",
    "dvc pull",
    "dvc exp push",
    "dvc exp pull",
    "dvc exp run --queue -n",
    "dvc cache",
    "dvc config",
    "python -m tests",
)
# They remove what other commands here need; test_make_room.py runs them.
LASTING += ("dvc gc", "dvc exp remove")
LASTING += ("python -m study.share", "python -m study.one", "python -m study.ensemble", "python -m dask")
# A name that stands for the reader's own is a run of the tiny study.
NAMES = {"A": "layers-1", "B": "layers-2"}


def commands() -> list[str]:
    """The command lines in the pages' blocks and the code in their prose and tables, once, without comments."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)
    found = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
    return list(dict.fromkeys(line for line in found if line.startswith(tuple(f"{name} " for name in PROGRAMS))))


@pytest.mark.parametrize("page", [*PAGES, *RESULTS], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """To files of this repository, and to headings that they have."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_commands_of_every_kind_are_shown() -> None:
    for name in ("make demo", "make test", "dvc exp show", "dvc plots diff", "python -m cxr.predict"):
        assert any(command.startswith(name) for command in commands()), name


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_a_command_of_make_is_there(command: str) -> None:
    done = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_make_alone_shows_what_it_can_make() -> None:
    # `make test` calls these tests: the inner make would tell which folder it enters and leaves.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make"], cwd=ROOT, env=alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "  make demo  " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("The environment: EXTRA=cpu")


@pytest.fixture(scope="module")
def project(applied: Project) -> Project:
    """A tiny project with finished runs of the study's names, and images and labels of the reader's own."""
    shutil.copytree(applied.folder / "data" / "raw" / "test", applied.folder / "images")
    rows = [f"{path.relative_to(applied.folder)},{path.parent.name}" for path in applied.folder.glob("images/*/*")]
    (applied.folder / "labels.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    return applied


def begins_by_itself(command: str) -> bool:
    """Whether it runs in a process of its own: all but those of ours of which another one did, with other words."""
    program = re.match(r"python -m \S+", command)
    return not program or next(line for line in commands() if line.startswith(program[0])) == command


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in commands() if not line.startswith(LASTING)])
def test_a_command_runs(command: str, project: Project) -> None:
    words = [NAMES.get(word, word) for word in shlex.split(command) if word != "--open"]
    done = project.run(*words) if begins_by_itself(command) else project.here(*words[2:])
    assert done.returncode == 0, done.stdout + done.stderr
