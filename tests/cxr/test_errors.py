from hypothesis import given
from hypothesis import strategies as st

from cxr.errors import LONGEST, N_SHOWN, UserError, clipped, shortened


@given(st.text())
def test_an_error_is_one_line_that_steers_no_terminal(text: str) -> None:
    assert str(UserError(text)).isprintable()


def test_readable_text_stays_as_it_is() -> None:
    assert str(UserError("data.directory 'Röntgen 漢' is no folder")) == "data.directory 'Röntgen 漢' is no folder"
    assert str(UserError("a\nb\x1b[2J\u202e")) == r"a\nb\x1b[2J\u202e"


@given(st.text(max_size=LONGEST // 10))
def test_a_short_text_keeps_its_middle(text: str) -> None:
    assert clipped(text) == str(UserError(text))


@given(st.lists(st.text() | st.text(min_size=400), min_size=1))
def test_complaints_of_any_length_and_number_stay_readable(complaints: list[str]) -> None:
    line = str(UserError(shortened(complaints, "errors.txt")))
    assert len(line) <= N_SHOWN * (LONGEST + len(" ... ; ")) + 100
    assert (f"and {len(complaints) - N_SHOWN} more, all in errors.txt" in line) == (len(complaints) > N_SHOWN)


def test_both_ends_of_a_long_text_are_shown() -> None:
    text = "chest_xray/" + "a" * 5000 + ".jpeg"
    assert clipped(text).startswith("chest_xray/aaa")
    assert clipped(text).endswith("aaa.jpeg")
