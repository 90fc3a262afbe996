"""What a training has reached, on disk, checked before it is used."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr.networks.training import Progress

HISTORY = "history.json"


class DamagedError(Exception):
    """A file that is not as `write` left it; its text says why."""


def write(path: Path, history: list[dict[str, float]], variables: Iterable[NDArray[Any]]) -> None:
    """Write the history and all variables, one at a time: together they are three times the weights.

    The format is that of numpy.savez, arrays of plain numbers in a zip archive. Reading it runs no code, as reading a
    pickle would, and its checksums tell whether it is whole.
    """
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(HISTORY, json.dumps(history))
        for i, values in enumerate(variables):
            with archive.open(_member(i), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, values, allow_pickle=False)


def read(path: Path) -> Progress:
    """What `write` wrote; its variables are read when they are asked for. Raises DamagedError."""
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():
                raise DamagedError(f"{damaged} in it is damaged")
            history = json.loads(archive.read(HISTORY))
            n_variables = len(archive.namelist()) - 1
    # What is raised depends on the place of the damage; zipfile promises no kind of exception.
    except Exception as error:
        raise DamagedError(str(error) or type(error).__name__) from None
    return Progress(history, _variables(path, n_variables))


def _variables(path: Path, n_variables: int) -> Iterator[NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        for i in range(n_variables):
            with archive.open(_member(i)) as file:
                yield np.lib.format.read_array(file, allow_pickle=False)


def _member(i: int) -> str:
    return f"{i:06}.npy"
