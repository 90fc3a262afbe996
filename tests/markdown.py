"""Tables of our pages, to be held against the figures that they show."""

from tests.conftest import ROOT


def table(page: str, *header: str) -> list[list[str]]:
    """The cells of the page's first table whose header begins so, row by row, without the header."""
    lines = (ROOT / page).read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    begin = next(i for i, row in enumerate(rows) if row[: len(header)] == list(header)) + 2
    end = next((i for i, row in enumerate(rows[begin:], start=begin) if not row), len(rows))
    return rows[begin:end]


def short(value: float, digits: int = 3) -> str:
    """As our pages write a share: .748, and 1 where it is rounded to that."""
    text = f"{value:.{digits}f}"
    return "1" if float(text) == 1 else text.lstrip("0")
