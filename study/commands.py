"""Run DVC and Git as commands."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cxr.errors import UserError


def dvc(*arguments: str) -> str:
    """Output of a DVC command, run with this Python's environment. Raises UserError with DVC's own last line."""
    return run([sys.executable, "-m", "dvc", *arguments], f"dvc {' '.join(arguments[:2])}")


def git(*arguments: str) -> str:
    """Output of a Git command. Raises UserError with Git's last line."""
    return run(["git", *arguments], f"git {arguments[0]}")


def run(command: list[str], name: str) -> str:
    """Standard output of a command that finds this Python first. Raises UserError, `name` and its last line."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # Files, not pipes: `dvc queue start` leaves workers behind that would hold a pipe open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        environment = {**os.environ, "PATH": path}
        # A session of its own: Ctrl-C in the terminal is for this process, which then stops things in order.
        done = subprocess.run(command, env=environment, stdout=out, stderr=err, start_new_session=True)
        out.seek(0)
        err.seek(0)
        output, errors = out.read(), err.read()
    if done.returncode:
        lines = [line for line in (errors or output).splitlines() if line.strip()]
        raise UserError(f"{name} failed: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return output
