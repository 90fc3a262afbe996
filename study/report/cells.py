"""A table of numbers, which become text when it is drawn."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tabulate import tabulate

from cxr.statistics.estimate import Estimate

Cell = str | int | float | Estimate | None
Item = TypeVar("Item")

NOTHING = "-"


@dataclass(frozen=True)
class Column(Generic[Item]):
    """A column of a table: its title, its cell of an item, and the format of its numbers."""

    title: str
    cell: Callable[[Item], Cell]
    form: str = ".3f"


@dataclass(frozen=True)
class Row:
    """Cells by column; an aside is no configuration, and drawn in italics."""

    cells: dict[str, Cell]
    is_aside: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under titles, each with the format of its column's numbers."""

    forms: dict[str, str]
    rows: list[Row]

    @property
    def titles(self) -> list[str]:
        return list(self.forms)

    def texts(self, row: Row) -> list[str]:
        """A row's cells as they are read; what is absent or undefined is a dash."""
        return [_text(row.cells.get(title), form) for title, form in self.forms.items()]

    def only(self, *titles: str) -> "Table":
        """The same with some of its columns, in this order."""
        return Table({title: self.forms[title] for title in titles}, self.rows)

    def lines(self, row: Row) -> list[tuple[str, list[str]]]:
        """A row's cells, each as its column's title and the lines of a narrow cell."""
        return [(title, _lines(row.cells.get(title), form)) for title, form in self.forms.items()]


def tabulated(columns: list[Column[Item]], items: list[Item]) -> Table:
    """A row for each item, with its cell of each column."""
    rows = [Row({column.title: column.cell(item) for column in columns}) for item in items]
    return Table({column.title: column.form for column in columns}, rows)


def markdown(table: Table) -> str:
    """A table as Markdown; the first cell of an aside is in italics."""
    drawn = []
    for row in table.rows:
        first, *others = (text.replace("|", "\\|") for text in table.texts(row))
        drawn.append([f"*{first}*" if row.is_aside else first, *others])
    return tabulate(drawn, table.titles, tablefmt="github", disable_numparse=True)


def _text(cell: Cell, form: str) -> str:
    """A cell as it is read in one line."""
    value, *beside = _lines(cell, form)
    return " ".join([value, ", ".join(beside)]) if beside else value


def _lines(cell: Cell, form: str) -> list[str]:
    """A cell as it is read: an estimate, its interval, its deviation over seeds where there are several; or a word."""
    if isinstance(cell, str):
        return [cell]
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return [NOTHING]
    if not isinstance(cell, Estimate):
        return [format(cell, form)]
    value, low, high = (format(number, form) for number in (cell.value, cell.low, cell.high))
    interval = [] if math.isnan(cell.low) else [f"({low} to {high})"]
    return [value, *interval, *([] if math.isnan(cell.sd) else [f"sd {cell.sd:{form}}"])]
