"""Tables in a terminal: they fit 100 columns, in a file or a pipe too."""

from collections.abc import Collection

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

WIDTH = 100


def console() -> Console:
    return Console(width=WIDTH, highlight=False, markup=False)


def frame() -> Table:
    """A table without columns and rows."""
    return Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))


def columns(titles: list[str], rows: list[list[str]], whole: Collection[str]) -> Table:
    """A table of texts; what is too long goes on in the next line, but for the columns of these titles."""
    table = frame()
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title in whole)
    for row in rows:
        table.add_row(*row)
    return table
