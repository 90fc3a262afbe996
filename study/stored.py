"""The files of a finished experiment, wherever they are: in Git, in DVC's cache, or in its remote."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.api import DVCFileSystem

from study import share
from study.commands import git


class Stored:
    """The files of the experiment at a Git ref, by their path in the pipeline.

    Reading raises OSError where one is nowhere, UserError where the remote that has it cannot be asked.
    """

    def __init__(self, ref: str) -> None:
        self.files = DVCFileSystem(rev=git("rev-parse", ref).strip())

    def read_bytes(self, path: str) -> bytes:
        with self._asking():
            return bytes(self.files.read_bytes(path))

    def read_text(self, path: str) -> str:
        return self.read_bytes(path).decode()

    def copy(self, path: str, target: Path) -> None:
        with self._asking():
            self.files.get_file(path, str(target))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            raise
        # Of a remote's own library, which promises no kind of exception.
        except Exception as error:
            raise share.failed(error, self.files.repo) from None
