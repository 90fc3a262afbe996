"""The layer notation: a network as letters joined by dashes, e.g. `C-P-C-P-F-D-D`.

    C    3x3 convolution, same padding, ReLU        C32   the same, 32 filters
    P    2x2 max pooling, same padding
    F    flatten, exactly one
    D    dense, ReLU                                D256  the same, 256 units

Plain letters take their width from `model.filters` and `model.dense_units`: the first half of the
convolutions gets the first entry of `filters`, the second half the second; a network of exactly two
convolutions gets the first entry for both (the study's own rule, read off its parameter counts).
"""

import math
import re
from dataclasses import dataclass

from cxr.errors import UserError

TOKEN = re.compile(r"([CPFD])([1-9][0-9]*)?")


@dataclass(frozen=True)
class Step:
    """One letter of the notation; `width` is None for P, F and a plain C or D."""

    letter: str
    width: int | None = None


@dataclass(frozen=True)
class Convolution:
    """3x3 convolution with ReLU; `is_pooled`: closed by a 2x2 max pooling; `has_dropout` after it."""

    filters: int
    is_pooled: bool
    has_dropout: bool


@dataclass(frozen=True)
class Pooling:
    """A 2x2 max pooling that does not follow a convolution directly."""


def parse(layers: str) -> list[Step]:
    """The steps of a notation string. Raises UserError, naming the first token that is wrong."""
    steps = [_step(token, layers) for token in layers.split("-")]
    letters = "".join(step.letter for step in steps)
    if letters.count("F") != 1:
        raise UserError(f"model.layers '{layers}': exactly one F (flatten) is needed, found {letters.count('F')}")
    before, after = letters.split("F")
    if "D" in before:
        raise UserError(f"model.layers '{layers}': D (dense) stands before F (flatten); put it after")
    if set(after) - {"D"}:
        raise UserError(f"model.layers '{layers}': only D (dense) may follow F (flatten)")
    return steps


def _step(token: str, layers: str) -> Step:
    match = TOKEN.fullmatch(token)
    if not match:
        raise UserError(
            f"model.layers '{layers}': '{token}' is no layer; use C, P, F, D, or C and D with a width such as C32"
        )
    letter, width = match.groups()
    if width and letter in "PF":
        raise UserError(f"model.layers '{layers}': '{token}': {letter} takes no width")
    return Step(letter, int(width) if width else None)


def features(steps: list[Step], filters: list[int]) -> list[Convolution | Pooling]:
    """The feature layers before F: each convolution with its width, pooling and dropout settled.

    Dropout follows every pooling, and every convolution that no later pooling closes.
    """
    steps = steps[: [step.letter for step in steps].index("F")]
    widths = iter(_widths(steps, filters))
    last_pool = max((i for i, step in enumerate(steps) if step.letter == "P"), default=-1)
    layers: list[Convolution | Pooling] = []
    for i, step in enumerate(steps):
        follows_convolution = i > 0 and steps[i - 1].letter == "C"
        is_pooled = i + 1 < len(steps) and steps[i + 1].letter == "P"
        if step.letter == "C":
            layers.append(Convolution(next(widths), is_pooled, has_dropout=is_pooled or i > last_pool))
        elif not follows_convolution:
            layers.append(Pooling())
    return layers


def _widths(steps: list[Step], filters: list[int]) -> list[int]:
    """The number of filters of each convolution, in order."""
    convolutions = [step for step in steps if step.letter == "C"]
    n_first = len(convolutions) if len(convolutions) == 2 else math.ceil(len(convolutions) / 2)
    plain = [filters[0]] * n_first + [filters[1]] * (len(convolutions) - n_first)
    return [step.width or default for step, default in zip(convolutions, plain, strict=True)]


def dense_units(steps: list[Step], plain: int) -> list[int]:
    """The number of units of each dense layer, in order."""
    return [step.width or plain for step in steps if step.letter == "D"]


def check_poolings(steps: list[Step], image_size: int, layers: str) -> None:
    """Raises UserError where a pooling would meet a map of one pixel."""
    size = image_size
    for step in steps:
        if step.letter == "P":
            if size <= 1:
                raise UserError(
                    f"model.layers '{layers}': too many P for images of {image_size} pixels; "
                    "a pooling meets a map of 1 pixel. Remove a P or raise images.size"
                )
            size = math.ceil(size / 2)
