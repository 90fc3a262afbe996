"""What is measured of many runs takes the place of its own section alone."""

import pytest

from tests.torture.many import HEADING, PAGE, with_section

PAGES = f"# Page\n\n{HEADING}\n\nold\n\n## Images\n\nkept\n", f"# Page\n\n## Images\n\nkept\n\n{HEADING}\n\nold\n"


@pytest.mark.parametrize("page", PAGES)
def test_one_section_is_written_anew_and_the_others_stay(page: str) -> None:
    assert with_section(page, HEADING, "new\n") == page.replace("old", "new")


def test_the_page_has_the_section() -> None:
    assert PAGE.read_text().count(f"{HEADING}\n") == 1
