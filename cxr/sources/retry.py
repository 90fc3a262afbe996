"""Try again where that helps."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cxr.errors import UserError

Result = TypeVar("Result")


class TransientError(Exception):
    """A failure that may pass by itself: no connection, a busy or hanging server, a damaged transfer."""


@dataclass(frozen=True)
class Patience:
    """How long to bear with a server: attempts, seconds before the second (doubled each time), seconds of silence."""

    n_attempts: int = 5
    pause: float = 2.0
    silence: float = 120.0


# Tried with tenacity: a dependency more and seven lines longer, for what is told between two attempts.
def persist(attempt: Callable[[], Result], what: str, patience: Patience) -> Result:
    """The first result of `attempt` that comes without TransientError. Raises UserError when patience runs out."""
    for i in range(patience.n_attempts):
        try:
            return attempt()
        except TransientError as error:
            reason = str(error)
        if i + 1 < patience.n_attempts:
            pause = patience.pause * 2**i
            print(f"{what}: {reason}; trying again in {pause:g} s", file=sys.stderr)
            time.sleep(pause)
    raise UserError(
        f"{what}: {reason} ({patience.n_attempts} attempts); check the network and run it again, "
        "what has arrived is kept"
    )
