"""Pictures of radiographs, drawn by matplotlib: equal input gives equal bytes."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

INCHES = 1.75
DOTS_PER_INCH = 100
TITLE_INCHES = 0.5
NAME_INCHES = 0.3
TITLE_LETTERS = 24
# As many as the names of the study's files have, but for a few.
CAPTION_LETTERS = 29
CAPTION_LINES = 3
CAPTION_INCHES = 0.15 * CAPTION_LINES
MAP_STRENGTH = 0.7


@dataclass(frozen=True)
class Tile:
    """A radiograph uint8 `(size, size)`, the words under it, and what may lie over it.

    `saliency` `(size, size)` from 0 to 1 is laid over it in colour, `outline` bool `(size, size)` is drawn around.
    """

    image: NDArray[np.uint8]
    caption: str
    saliency: NDArray[np.float32] | None = None
    outline: NDArray[np.bool_] | None = None


def write_grid(path: Path, title: str, rows: dict[str, list[Tile]], n_columns: int) -> None:
    """Write a PNG of titled rows of tiles, `n_columns` wide; a row without tiles says so."""
    heights = [NAME_INCHES + (INCHES + CAPTION_INCHES if tiles else 0) for tiles in rows.values()]
    whole = TITLE_INCHES + sum(heights)
    figure = Figure(figsize=(INCHES * n_columns + 0.3, whole), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    # Words may be names of files, classes and patients, in which a dollar is a dollar and begins no formula.
    wrapped = "\n".join(textwrap.wrap(title, TITLE_LETTERS * n_columns))
    figure.suptitle(wrapped, fontsize=10, x=0.01, ha="left", va="top", y=0.995, parse_math=False)
    for i, (name, tiles) in enumerate(rows.items()):
        top = 1 - (TITLE_INCHES + sum(heights[:i])) / whole
        words = name if tiles else f"{name}: none"
        figure.text(0.01, top, words, fontsize=9, weight="bold", va="top", parse_math=False)
        for column, tile in enumerate(tiles[:n_columns]):
            left = (0.1 + column * INCHES) / (INCHES * n_columns + 0.3)
            axes = figure.add_axes(
                (left, top - (0.25 + INCHES) / whole, (INCHES - 0.08) / (INCHES * n_columns + 0.3), INCHES / whole)
            )
            _draw(axes, tile)
    # No date and no version of the library: equal pictures are equal files.
    figure.savefig(path, format="png", metadata={"Software": None})


def in_words(title: str, rows: dict[str, list[Tile]]) -> str:
    """What `write_grid` draws, for who cannot see it: the title, and each row with the words under its tiles."""
    told = []
    for name, tiles in rows.items():
        captions = [tile.caption.replace("\n", ", ") for tile in tiles if tile.caption]
        told.append(f"{name}: {'; '.join(captions) if captions else len(tiles) or 'none'}")
    return f"{title}. {'. '.join(told)}."


def _draw(axes: Axes, tile: Tile) -> None:
    axes.imshow(tile.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    if tile.saliency is not None:
        axes.imshow(tile.saliency, cmap="inferno", vmin=0, vmax=1, alpha=MAP_STRENGTH * tile.saliency)
    # A mask of everything or nothing has no outline.
    if tile.outline is not None and tile.outline.any() and not tile.outline.all():
        axes.contour(tile.outline, levels=[0.5], colors=["#56b4e9"], linewidths=0.8)
    axes.set_xticks([])
    axes.set_yticks([])
    lines = [line for part in tile.caption.split("\n") for line in textwrap.wrap(part, CAPTION_LETTERS)]
    axes.set_xlabel("\n".join(lines[:CAPTION_LINES]), fontsize=7, labelpad=2, parse_math=False)
