import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.errors import UserError
from cxr.networks import notation

steps = st.lists(st.sampled_from(["C", "P", "C8"]), max_size=6)
dense = st.lists(st.sampled_from(["D", "D16"]), max_size=3)


def describe(layers: str, filters: tuple[int, int] = (64, 128)) -> list[str]:
    """Each feature layer as its filters, `p` if pooled, `d` if dropped out; `P` for a pooling of its own."""
    found = notation.features(notation.parse(layers), list(filters))
    return [
        "P" if isinstance(each, notation.Pooling) else f"{each.filters}{'p' * each.is_pooled}{'d' * each.has_dropout}"
        for each in found
    ]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("C-C-P-C-C-P-F-D-D", ["64", "64pd", "128", "128pd"]),
        ("C-P-C-P-C-P-C-P-F-D-D", ["64pd", "64pd", "128pd", "128pd"]),
        ("C-P-C-P-C-C-F-D-D", ["64pd", "64pd", "128d", "128d"]),
        ("C-C-P-F-D-D", ["64", "64pd"]),
        ("C-P-C-F-D-D", ["64pd", "64d"]),
        ("C32-P-C-F", ["32pd", "64d"]),
        ("P-C-P-P-F", ["P", "64pd", "P"]),
        ("C-F", ["64d"]),
        ("F-D", []),
    ],
)
def test_widths_pooling_and_dropout(layers: str, expected: list[str]) -> None:
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
    ],
)
def test_refused(layers: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        notation.parse(layers)
    assert told in str(error.value)


@given(steps, dense)
def test_every_convolution_and_pooling_is_kept(before: list[str], after: list[str]) -> None:
    parsed = notation.parse("-".join([*before, "F", *after]))
    layers = notation.features(parsed, [64, 128])
    n_convolutions = sum(isinstance(layer, notation.Convolution) for layer in layers)
    n_poolings = sum(isinstance(layer, notation.Pooling) or layer.is_pooled for layer in layers)
    assert n_convolutions == sum(step.startswith("C") for step in before)
    assert n_poolings == before.count("P")
    assert len(notation.dense_units(parsed, 128)) == len(after)


def test_a_pooling_of_one_pixel_is_refused() -> None:
    parsed = notation.parse("P-P-P-F")
    notation.check_poolings(parsed, 5, "P-P-P-F")
    with pytest.raises(UserError, match="a map of 1 pixel"):
        notation.check_poolings(parsed, 4, "P-P-P-F")
