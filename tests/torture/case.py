"""One case of a fault, and how it ended."""

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from cxr.errors import UserError

# whole: all is as if nothing had happened. told: one line said what is wrong, and nothing half done was left.
Ending = Literal["whole", "told", "lost"]


class LossError(AssertionError):
    """Something was lost, silently wrong, half written, left at work, or ended in a traceback; its text says what."""


@dataclass(frozen=True)
class Measured:
    """How a case ended, and what was counted: a row of figures for each of its steps, processes that SIGKILL ended at
    work, and the trainings that went on from a checkpoint after that.
    """

    ending: Ending
    rows: list[dict[str, Any]] = field(default_factory=list)
    kills: int = 0
    resumed: int = 0


@dataclass(frozen=True)
class Fault:
    """A fault class: what it is in words, how many cases are tried, and the function that makes one."""

    what: str
    n_cases: int
    make: Callable[[np.random.Generator], Ending | Measured]


@dataclass(frozen=True)
class Case:
    fault: str
    number: int
    ending: Ending
    reason: str
    seconds: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    kills: int = 0
    resumed: int = 0


def said_by(
    act: Callable[[], object], seconds: float = math.inf, error: type[Exception] = UserError, longest: int = 2000
) -> str:
    """The line in which a call ended, empty where it ended well.

    Raises LossError where it is none or has more than `longest` letters, or the call took longer than `seconds`.
    """
    start = time.monotonic()
    line = ""
    try:
        act()
    except error as told:
        line = str(told)
        if not line or "\n" in line or len(line) > longest:
            raise LossError(f"no line that one can read: {line[:200]!r}") from None
    if (taken := time.monotonic() - start) > seconds:
        raise LossError(f"took {taken:.0f} s, {seconds:.0f} at most were meant")
    return line


def ending(line: str) -> Ending:
    return "told" if line else "whole"


def run(name: str, fault: Fault, number: int, seed: int) -> Case:
    """Make one case; what it raises besides LossError is a loss as well."""
    generator = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
    start = time.monotonic()
    measured = Measured("lost")
    reason = ""
    try:
        made = fault.make(generator)
        measured = made if isinstance(made, Measured) else Measured(made)
    except LossError as loss:
        reason = str(loss)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - start
    return Case(name, number, measured.ending, reason, seconds, measured.rows, measured.kills, measured.resumed)
