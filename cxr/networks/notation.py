"""The layer notation: a network as letters joined by dashes, e.g. `C-P-C-P-F-D-D`.

    C    3x3 convolution, same padding, ReLU        C32   the same, 32 filters
    P    2x2 max pooling, same padding
    F    flatten, exactly one
    D    dense, ReLU                                D256  the same, 256 units

Plain letters take their width from `model.filters` and `model.dense_units`: the first half of the
convolutions gets the first entry of `filters`, the second half the second; a network of exactly two
convolutions gets the first entry for both (the study's own rule, read off its parameter counts).

Dropout has no letter: it follows every P, every D, and every C that no later P closes.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cxr.errors import UserError

TOKEN = re.compile(r"([CPFD])([1-9][0-9]*)?")

# The study fed each grey image as three equal channels; the parameter counts keep that.
N_EQUAL_CHANNELS = 3

# Beyond any network that could be trained; a slip of the hand is to be told before memory runs out.
MAX_LAYERS = 200
MAX_WIDTH = 65_536


@dataclass(frozen=True)
class Convolution:
    """3x3 convolution, same padding, ReLU."""

    filters: int


@dataclass(frozen=True)
class Pooling:
    """2x2 max pooling, same padding."""


@dataclass(frozen=True)
class Dropout:
    """Dropout at the network's rate, `model.dropout`."""


@dataclass(frozen=True)
class Flatten:
    """All values of an image in one row."""


@dataclass(frozen=True)
class Dense:
    """Dense layer, ReLU."""

    units: int


Step: TypeAlias = Convolution | Pooling | Dropout | Flatten | Dense
# A letter and its own width, None where it takes the width of the plain letters.
Token: TypeAlias = tuple[str, int | None]


def in_short(model: Mapping[str, Any]) -> str:
    """Of a section `model`: a stack's layers; else its name, with its widths or where its weights come from."""
    match model["architecture"]:
        case "stack":
            return str(model["layers"])
        case "residual":
            return "-".join(["residual", *(str(width) for width in model["filters"])])
        case application:
            return str(application) if model["weights"] == "none" else f"{application}, {model['weights']}"


def steps(layers: str, filters: list[int], dense_units: int) -> list[Step]:
    """The steps of a notation string, widths settled and dropout in its places, without the final logit.

    Raises UserError, naming the first token that is wrong.
    """
    tokens = _tokens(layers)
    widths = iter(_widths(tokens, filters))
    last_pooling = max((i for i, (letter, _) in enumerate(tokens) if letter == "P"), default=-1)
    found: list[Step] = []
    for i, (letter, width) in enumerate(tokens):
        match letter:
            case "C":
                found.append(Convolution(next(widths)))
            case "P":
                found.append(Pooling())
            case "F":
                found.append(Flatten())
            case "D":
                found.append(Dense(width or dense_units))
        if letter in "PD" or (letter == "C" and i > last_pooling):
            found.append(Dropout())
    return found


def _tokens(layers: str) -> list[Token]:
    """The tokens of a notation string that stand where they may."""
    texts = layers.split("-")
    if len(texts) > MAX_LAYERS:
        raise UserError(f"model.layers has {len(texts)} layers; at most {MAX_LAYERS} are allowed")
    tokens = [_token(text, layers) for text in texts]
    letters = "".join(letter for letter, _ in tokens)
    if letters.count("F") != 1:
        raise UserError(f"model.layers '{layers:.60}': exactly one F (flatten) is needed, found {letters.count('F')}")
    before, after = letters.split("F")
    if "D" in before:
        raise UserError(f"model.layers '{layers:.60}': D (dense) stands before F (flatten); put it after")
    if set(after) - {"D"}:
        raise UserError(f"model.layers '{layers:.60}': only D (dense) may follow F (flatten)")
    return tokens


def _token(text: str, layers: str) -> Token:
    match = TOKEN.fullmatch(text)
    if not match:
        raise UserError(
            f"model.layers '{layers:.60}': '{text:.20}' is no layer; "
            "use C, P, F, D, or C and D with a width such as C32"
        )
    letter, width = match.groups()
    if width and letter in "PF":
        raise UserError(f"model.layers '{layers:.60}': '{text:.20}': {letter} takes no width")
    # The number of digits first: Python reads no number of thousands of them.
    if width and (len(width) > len(str(MAX_WIDTH)) or int(width) > MAX_WIDTH):
        raise UserError(f"model.layers: '{text:.20}': a width of at most {MAX_WIDTH} is allowed")
    return letter, int(width) if width else None


def _widths(tokens: list[Token], filters: list[int]) -> list[int]:
    """The number of filters of each convolution, in order."""
    # None: a plain C.
    given = [width for letter, width in tokens if letter == "C"]
    n_first = len(given) if len(given) == 2 else math.ceil(len(given) / 2)
    plain = [filters[0]] * n_first + [filters[1]] * (len(given) - n_first)
    return [width or default for width, default in zip(given, plain, strict=True)]


def check_poolings(steps: list[Step], image_size: int, layers: str) -> None:
    """Raises UserError where a pooling would meet a map of one pixel."""
    size = image_size
    for step in steps:
        if isinstance(step, Pooling):
            if size <= 1:
                raise UserError(
                    f"model.layers '{layers:.60}': too many P for images of {image_size} pixels; "
                    "a pooling meets a map of 1 pixel. Remove a P or raise images.size"
                )
            size = math.ceil(size / 2)
