"""A command of the project in this process, which has loaded already what a new one would take seconds to load."""

import contextlib
import io
import signal
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from cxr import ending
from stages import project


def run(folder: Path, environment: dict[str, str], module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """What `python -m MODULE WORD ...` says in `folder`, and its exit code; another error than it tells is raised.

    That a command starts by itself is for tests that start it.
    """
    found = find_spec(module)
    assert found
    code = import_module(f"{module}.__main__" if found.submodule_search_locations else module)
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    handlers = {number: signal.getsignal(number) for number in ending.ASKING}
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", [module, *words])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            # cxr.predict, which knows no project, begins by itself.
            code.command() if hasattr(code, "command") else project.run(code.main)
            status = 0
        except SystemExit as end:
            # As Python does: words are told, and are a failure.
            status = 1 if isinstance(end.code, str) else end.code or 0
            if isinstance(end.code, str):
                print(end.code, file=err)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    told = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess([module, *words], status, *told)
