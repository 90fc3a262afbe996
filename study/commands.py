"""Run DVC and Git as commands."""

import os
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from cxr.errors import UserError


def dvc(*arguments: str) -> str:
    """Output of a DVC command, run with this Python's environment. Raises UserError with DVC's own words."""
    return run([sys.executable, "-m", "dvc", *arguments], f"dvc {' '.join(arguments[:2])}")


def git(*arguments: str, **variables: str) -> str:
    """Output of a Git command, with these environment variables. Raises UserError with Git's own words."""
    return run(["git", *arguments], f"git {arguments[0]}", **variables)


def environment() -> dict[str, str]:
    """The environment in which a command finds this Python first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def run(command: list[str], name: str, **variables: str) -> str:
    """Standard output of a command that finds this Python first.

    Raises UserError, `name` and why, where it fails; KeyboardInterrupt where Ctrl-C has ended it.
    """
    # Files, not pipes: what a command leaves behind would hold a pipe open. What is no text in them is shown as bytes.
    opened = partial(tempfile.TemporaryFile, "w+", encoding="utf-8", errors="backslashreplace")
    with opened() as out, opened() as err:
        # A session of its own: Ctrl-C in the terminal is for this process, which then stops things in order.
        done = subprocess.run(command, env=environment() | variables, stdout=out, stderr=err, start_new_session=True)
        out.seek(0)
        err.seek(0)
        output, errors = out.read(), err.read()
    if done.returncode == -signal.SIGINT:
        # Ctrl-C in the moment before it had its session: it asks this process to stop too, and blames no command.
        raise KeyboardInterrupt
    if done.returncode:
        raise UserError(f"{name} failed: {_why(errors or output) or f'exit code {done.returncode}'}")
    return output


def _why(text: str) -> str:
    """Of what a command has said its error with the line before it, where SSH says why; else its last line.

    After an error Git and DVC give advice: "Please make sure you have the correct access rights".
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.lower().startswith(("error", "fatal"))]
    return " ".join(lines[max(errors[0] - 1, 0) : errors[0] + 1] if errors else lines[-1:])


def error_line(text: str) -> str:
    """What went wrong, of all that a command has said: its first line that tells an error, or its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return errors[0].partition(": ")[2] or errors[0] if errors else lines[-1] if lines else ""
