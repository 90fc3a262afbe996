"""The one exception for what a user can put right."""

from collections.abc import Sequence

N_SHOWN = 10
# Letters of one complaint.
LONGEST = 300


class UserError(Exception):
    """Bad input. Its text says in one line what is wrong and what to do; stages print it alone.

    What it quotes may hold line breaks and characters that steer a terminal: they are shown, not sent.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


def printable(text: str) -> str:
    """A text in which what cannot be shown (line breaks, control characters, bytes that are no text) is escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def clipped(text: str) -> str:
    """A text without its middle where it is long, as shown: an archive may name an entry with thousands of letters."""
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def shortened(complaints: Sequence[str], rest_in: str = "") -> str:
    """The first ten of many complaints and how many more there are, all of which stand in the file `rest_in`."""
    shown = "; ".join(map(clipped, complaints[:N_SHOWN]))
    if len(complaints) <= N_SHOWN:
        return shown
    return f"{shown}; and {len(complaints) - N_SHOWN} more" + (f", all in {rest_in}" if rest_in else "")
