from hypothesis import given
from hypothesis import strategies as st

from cxr.errors import UserError


@given(st.text())
def test_an_error_is_one_line_that_steers_no_terminal(text: str) -> None:
    assert str(UserError(text)).isprintable()


def test_readable_text_stays_as_it_is() -> None:
    assert str(UserError("data.directory 'Röntgen 漢' is no folder")) == "data.directory 'Röntgen 漢' is no folder"
    assert str(UserError("a\nb\x1b[2J\u202e")) == r"a\nb\x1b[2J\u202e"
