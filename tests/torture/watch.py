"""What Python itself does during a block: files opened to be written, programs started, connections made.

By audit hooks (PEP 578), which see every call of the interpreter and its libraries that goes through it. A hook
cannot be taken away, so there is one, which is asleep outside of the block.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.torture.case import LossError

STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
CONNECTS = ("socket.connect", "socket.sendto")
CHANGES = ("os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_allowed: list[Path] = []
_found: list[str] = []
_is_awake = False
_is_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _is_awake:
        return
    if event in STARTS or event in CONNECTS:
        _found.append(f"{event} {arguments[0]!r}")
    elif event == "open":
        path, mode, flags = arguments
        is_writing = isinstance(flags, int) and bool(flags & WRITING)
        if isinstance(path, str | bytes) and is_writing and not _is_allowed(os.fsdecode(path)):
            _found.append(f"open {path!r} {mode}")
    elif event in CHANGES:
        paths = [os.fsdecode(value) for value in arguments[:2] if isinstance(value, str | bytes | os.PathLike)]
        # A link's target is not what is changed.
        changed = paths[1:] if event == "os.symlink" else paths
        _found.extend(f"{event} {path!r}" for path in changed if not _is_allowed(path))


def _is_allowed(path: str) -> bool:
    absolute = Path(os.path.abspath(path))
    return any(absolute.is_relative_to(folder) for folder in _allowed)


@contextmanager
def watched(*allowed: Path) -> Iterator[None]:
    """The block may write below `allowed` and nowhere else, start no program, make no connection. Raises LossError."""
    global _is_awake, _is_hooked
    if not _is_hooked:
        sys.addaudithook(_hook)
        _is_hooked = True
    _allowed[:] = [path.resolve() for path in allowed]
    _found.clear()
    _is_awake = True
    try:
        yield
    finally:
        _is_awake = False
    if _found:
        raise LossError(f"did what it must not: {'; '.join(_found[:3])}")
