"""What a training has reached, on disk, checked before it is used."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr.networks.training import Progress

CONTENTS = "contents.json"


class DamagedError(Exception):
    """A file that is not as `write` left it; its text says why."""


def write(path: Path, history: list[dict[str, float]], variables: Iterable[NDArray[Any]]) -> None:
    """Write the history and all variables, one at a time: together they are three times the weights.

    The format is that of numpy.savez, arrays of plain numbers in a zip archive. Reading it runs no code, as reading a
    pickle would, and its checksums tell whether the members are whole. A damaged directory can hide members without an
    error, so their number is checked too.
    """
    n_variables = 0
    with zipfile.ZipFile(path, "w") as archive:
        for values in variables:
            with archive.open(_member(n_variables), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, values, allow_pickle=False)
            n_variables += 1
        archive.writestr(CONTENTS, json.dumps({"history": history, "n_variables": n_variables}))


def read(path: Path) -> Progress:
    """What `write` wrote; its variables are read when they are asked for. Raises DamagedError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise DamagedError(f"{damaged} in it is damaged")
            contents = json.loads(archive.read(CONTENTS))
            missing = {_member(i) for i in range(contents["n_variables"])} - set(archive.namelist())
            if missing:
                raise DamagedError(f"{min(missing)} is missing in it")
    # What is raised depends on the place of the damage; zipfile promises no kind of exception.
    except Exception as error:
        raise DamagedError(str(error) or type(error).__name__) from None
    return Progress(contents["history"], _variables(path, contents["n_variables"]))


def _variables(path: Path, n_variables: int) -> Iterator[NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        for i in range(n_variables):
            with archive.open(_member(i)) as file:
                yield np.lib.format.read_array(file, allow_pickle=False)


def _member(i: int) -> str:
    return f"{i:06}.npy"
