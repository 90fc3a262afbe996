"""What every stage shares: reading params.yaml, writing whole files or none, one-line errors."""

import errno
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cxr import ending
from cxr.errors import UserError
from cxr.files import lock, write_json
from cxr.params import parse

Params = TypeVar("Params")

# Disk full, quota used up, file size limit, no permission, read-only.
NOT_OUR_FAULT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS}


def read_params(kind: type[Params], section: str) -> Params:
    """A section of params.yaml, checked."""
    return parse(kind, section, read_yaml(Path("params.yaml")).get(section))


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping. Raises UserError where it is missing or something else."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run this from the top of the project") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    content = parse_yaml(text, str(path))
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no mapping of keys")
    return content


def parse_yaml(text: str, name: str) -> Any:
    """YAML 1.2, in which 1e-4 is a number. Raises UserError that begins with `name` where it is not valid."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except RecursionError:
        reason = "it is nested too deeply"
    except (YAMLError, ValueError) as error:
        # ValueError: a number of thousands of digits, a date of no calendar.
        reason = " ".join(str(error).split())
    raise UserError(f"{name} is not valid YAML: {reason}")


def home() -> Path:
    """The project's own folder, also from the temporary copy in which DVC runs a queued experiment."""
    here = Path.cwd()
    for parent in here.parents:
        if parent.parts[-3:] == (".dvc", "tmp", "exps"):
            return parent.parents[2]
    return here


def scratch(name: str) -> Path:
    """A folder that outlives a stage's outputs and is never committed."""
    folder = home() / ".dvc" / "tmp" / "cxr" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Run the block while no other process of this project, queued or not, runs one of this name; waits for it."""
    with (scratch("locks") / name).open("w") as file:
        if lock(file.fileno(), is_patient=False) is False:
            print(f"{name}: waiting for another run of this project that is at it", file=sys.stderr)
            lock(file.fileno(), is_patient=True)
        yield


def write_details(name: str, details: Mapping[str, Any]) -> None:
    """Write data/details/`name`.json whole: all that a report needs of a stage and no table of runs."""
    write_json(f"data/details/{name}.json", details)


def read_details(name: str) -> dict[str, Any]:
    """What an earlier stage wrote with `write_details`."""
    details: dict[str, Any] = json.loads(Path(f"data/details/{name}.json").read_text())
    return details


def write_metrics(name: str, metrics: Mapping[str, Any]) -> None:
    """Write metrics/`name`.json whole: the few numbers by which DVC's tables compare runs."""
    write_json(f"metrics/{name}.json", metrics)


def run(command: Callable[[], None]) -> None:
    """Run a stage, or another command of the project, as `ending.run` does; a full disk too becomes one line."""

    def in_words() -> None:
        try:
            command()
        except OSError as error:
            # So tempfile says that it can write a file nowhere: not a name that is missing.
            if error.errno == errno.ENOENT and error.filename is None and error.strerror:
                raise UserError(f"{error.strerror}; make room there, or name a folder in TMPDIR") from None
            if error.errno not in NOT_OUR_FAULT:
                raise
            raise UserError(
                f"{error.strerror}: {error.filename or 'the project folder'}; nothing half written was kept"
            ) from None

    ending.run(in_words)
