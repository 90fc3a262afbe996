"""Whether what DVC and Git have stored is sound: every object against the sum that is its name."""

import hashlib
import json
import re
from pathlib import Path

from dvc.schema import COMPILED_LOCK_FILE_STAGE_SCHEMA
from dvc.utils import dict_sha256
from ruamel.yaml import YAML
from voluptuous import Invalid

from tests.conftest import Project
from tests.torture.case import LossError

OBJECTS = Path(".dvc/cache/files/md5")
RUNS = Path(".dvc/cache/runs")


def check(project: Project) -> None:
    """Raises LossError that names what is damaged in DVC's cache, its run cache, or Git's objects and refs."""
    found = [*damaged_objects(project.folder / OBJECTS), *_runs(project.folder / RUNS), *_git(project)]
    if found:
        raise LossError(f"damaged: {'; '.join(found[:5])}")


def damaged_objects(top: Path) -> list[str]:
    """Files of DVC's cache that are not what their names say; lists of folders that name files that are not there.

    Another name is a file's that is still being written.
    """
    damaged = []
    for path in sorted(top.glob("[0-9a-f][0-9a-f]/*")):
        named = re.fullmatch(r"([0-9a-f]{32})(\.dir)?", path.parent.name + path.name)
        if not named:
            continue
        content = path.read_bytes()
        if hashlib.md5(content).hexdigest() != named[1]:
            damaged.append(f"{path.parent.name}/{path.name} has another content")
        elif named[2]:
            sums = [entry["md5"] for entry in json.loads(content)]
            damaged += [f"{digest} of a folder is missing" for digest in sums if not _place(top, digest).exists()]
    return damaged


def _place(top: Path, digest: str) -> Path:
    return top / digest[:2] / digest[2:]


def _runs(top: Path) -> list[str]:
    """Entries of the run cache that are not what their names say, as DVC writes and reads them."""
    damaged = []
    for path in sorted(top.glob("[0-9a-f][0-9a-f]/*/*")):
        if not re.fullmatch("[0-9a-f]{64}", path.name):
            continue
        try:
            entry = COMPILED_LOCK_FILE_STAGE_SCHEMA(YAML(typ="safe").load(path))
        except Invalid:
            damaged.append(f"{path.name} is no stage")
            continue
        if dict_sha256(entry, exclude=["size", "nfiles"]) != path.name:
            damaged.append(f"{path.name} has another content")
    return damaged


def _git(project: Project) -> list[str]:
    """What Git finds wrong; commits that no ref holds are no damage."""
    done = project.run("git", "fsck", "--full", "--no-dangling")
    return [line for line in (done.stdout + done.stderr).splitlines() if done.returncode and line.strip()]
