import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.errors import UserError
from cxr.networks import notation

feature_tokens = st.lists(st.sampled_from(["C", "P", "C8"]), max_size=6)
dense_tokens = st.lists(st.sampled_from(["D", "D16"]), max_size=3)


def steps(layers: str) -> list[notation.Step]:
    return notation.steps(layers, [64, 128], 128)


def describe(layers: str) -> str:
    """The steps as words: convolutions and dense layers with their width, `drop` for dropout."""
    words = []
    for step in steps(layers):
        match step:
            case notation.Convolution(filters):
                words.append(f"C{filters}")
            case notation.Dense(units):
                words.append(f"D{units}")
            case notation.Dropout():
                words.append("drop")
            case _:
                words.append("P" if step == notation.Pooling() else "F")
    return " ".join(words)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("C-C-P-C-C-P-F-D-D", "C64 C64 P drop C128 C128 P drop F D128 drop D128 drop"),
        ("C-P-C-P-C-P-C-P-F-D-D", "C64 P drop C64 P drop C128 P drop C128 P drop F D128 drop D128 drop"),
        ("C-P-C-P-C-C-F-D-D", "C64 P drop C64 P drop C128 drop C128 drop F D128 drop D128 drop"),
        ("C-C-P-F-D-D", "C64 C64 P drop F D128 drop D128 drop"),
        ("C-P-C-F-D-D", "C64 P drop C64 drop F D128 drop D128 drop"),
        ("C32-P-C-F", "C32 P drop C64 drop F"),
        ("P-C-P-P-F", "P drop C64 P drop P drop F"),
        ("C-F", "C64 drop F"),
        ("F-D16", "F D16 drop"),
    ],
)
def test_widths_poolings_and_dropout(layers: str, expected: str) -> None:
    assert describe(layers) == expected


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        ("C-X-F", "'X' is no layer"),
        ("", "'' is no layer"),
        ("C--F", "'' is no layer"),
        ("c-F", "'c' is no layer"),
        ("C0-F", "'C0' is no layer"),
        ("P2-F", "P takes no width"),
        ("C-P", "exactly one F"),
        ("C-F-F", "exactly one F"),
        ("C-D-F", "D (dense) stands before F"),
        ("C-F-D-P", "only D (dense) may follow F"),
        ("C65537-F", "'C65537': a width of at most 65536 is allowed"),
        ("C" + "9" * 5000 + "-F", "a width of at most 65536 is allowed"),
        ("C-" * 200 + "F", "model.layers has 201 layers; at most 200"),
    ],
)
def test_refused(layers: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        steps(layers)
    assert told in str(error.value)


@given(feature_tokens, dense_tokens)
def test_every_token_is_one_step(before: list[str], after: list[str]) -> None:
    found = steps("-".join([*before, "F", *after]))
    letters = {notation.Convolution: "C", notation.Pooling: "P", notation.Flatten: "F", notation.Dense: "D"}
    told = [letters[type(step)] for step in found if not isinstance(step, notation.Dropout)]
    assert told == [token[0] for token in [*before, "F", *after]]


def test_a_pooling_of_one_pixel_is_refused() -> None:
    notation.check_poolings(steps("P-P-P-F"), 5, "P-P-P-F")
    with pytest.raises(UserError, match="a map of 1 pixel"):
        notation.check_poolings(steps("P-P-P-F"), 4, "P-P-P-F")
