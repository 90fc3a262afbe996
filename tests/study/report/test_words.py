"""What the report says of how far its figures can be trusted."""

import pytest

from cxr.statistics import significance
from study.families import Family, families
from study.report import words
from tests.study.results_made import result


def family(n_seeds: int, speeds: tuple[float, ...] = (50.0,)) -> Family:
    """Two networks of so many seeds each; the speeds of the first's runs."""
    names = {"a": "C-P-F-D", "b": "P-F-D"}
    [found] = families(
        [
            result(f"{name}-{seed}", layers, seed=seed, images_per_second=speeds[seed % len(speeds)])
            for name, layers in names.items()
            for seed in range(n_seeds)
        ]
    )
    return found


@pytest.mark.parametrize(("n_seeds", "is_told"), [(1, False), (2, True), (4, True), (5, False)])
def test_few_seeds_are_told_to_tell_too_much(n_seeds: int, is_told: bool) -> None:
    assert (
        any(f"Some networks have {n_seeds} seeds." in text for text in words.of_differences(family(n_seeds))) is is_told
    )


def steady_and_not(*deviations: float) -> Family:
    """Networks whose two seeds lie so far to both sides of accuracies 5% apart."""
    [found] = families(
        [
            result(f"{'abc'[i]}-{seed}", "-".join(["P"] * i + ["F", "D"]), seed=seed, accuracy=0.9 - i / 20 + side * by)
            for i, by in enumerate(deviations)
            for seed, side in enumerate((-1, 1))
        ]
    )
    return found


def of_accuracy(family: Family) -> str:
    [said] = [text for text in words.of_differences(family) if text.startswith("In accuracy ")]
    return said


@pytest.mark.parametrize(
    ("deviations", "how", "is_another"),
    [
        ((0.01, 0.01), "the networks share one deviation", False),
        ((0.003, 0.003, 0.02), "the networks share one deviation", True),
        ((0.001, 0.06, 0.001), "each network has its own deviation", True),
    ],
)
def test_what_hangs_on_one_deviation_for_all_is_said(deviations: tuple[float, ...], how: str, is_another: bool) -> None:
    family = steady_and_not(*deviations)
    otherwise = significance.tested(family.spread("accuracy").otherwise(), family.margin, family.n_patients)
    others = [
        f"{pair.title} ({new.verdict})"
        for pair, new in zip(family.pairs, otherwise, strict=True)
        if new.verdict is not pair.comparison.accuracy.verdict
    ]
    assert of_accuracy(family).startswith(f"In accuracy {how}")
    assert of_accuracy(family).endswith(
        f"would be another: {', '.join(others)}." if is_another else "no verdict would be another."
    )
    assert bool(others) is is_another


def test_of_one_deviation_nothing_is_said_where_no_two_have_any() -> None:
    assert not any(text.startswith("In accuracy ") for text in words.of_differences(family(1)))


def test_times_that_tell_nothing_are_no_number() -> None:
    assert "No network here was trained twice on one machine" in words.of_times(family(1))
    assert "differ by a factor of 1." in words.of_times(family(3, (50.0, 51.0, 52.0)))
    assert "no difference in time can be told here" in words.of_times(family(2, (50.0, 500.0)))


def test_losses_of_another_kind_are_told() -> None:
    plain, others = result("a"), result("b", "P-F")
    assert words.of_losses(families([plain])[0]) == []
    others.params["train"].update(target="etiology", label_smoothing=0.05)
    others.params["evaluate"] = {**others.params["evaluate"], "temperature": "validation"}
    [said] = words.of_losses(families([plain, others])[0])
    assert "of b training and validation over the etiologies, with smoothed labels and test at its temperature" in said


def test_how_many_were_trained_how_and_compared_is_counted() -> None:
    decayed = result("c", "C-F")
    decayed.params["train"]["weight_decay"] = 0.01
    twice = family(2)
    assert words.lead([twice])[0].startswith("4 trainings of 2 networks: a-0, b-0.")
    [found] = families([*twice.results, decayed, result("d", "F")])
    assert "for the 6 pairs compared here" in words.of_differences(found)[0]
    assert words.methods([found])[0].startswith("6 runs of 5 epochs with Adam or AdamW at batch size 32")
    assert "with Adam at batch size 32;" in words.methods([twice])[0]
    larger = result("larger", "F-D")
    larger.params["train"]["batch_size"] = 128
    assert "at batch size 32 or 128;" in words.methods(families([larger, *twice.results]))[0]
    assert words.methods(families([larger]))[0].startswith("1 run of 5 epochs")
    shared = families([result("a", protocol="pooled")])
    assert "100 images of groups that are also in training or validation" in words.methods(shared)[0]


def test_an_image_that_stands_in_both_classes_is_told() -> None:
    clean, wrong = result("a"), result("b", "P-F", protocol="grouped")
    wrong.data["n_duplicates_across_labels"] = 2
    assert not any("Both classes" in text for text in words.lead(families([clean])))
    told = [text for text in words.lead(families([clean, wrong])) if "Both classes" in text]
    assert len(told) == 1
    assert told[0].startswith("Both classes hold exact copies of 2 images: one label of each is wrong")


def test_a_title_says_which_networks() -> None:
    assert words.title([family(2)]) == "Convolutional networks on chest radiographs, compared: a-0, b-0"
    many = families([result(f"run-{i}", "-".join(["C"] * i + ["F", "D"])) for i in range(1, 7)])
    assert words.title(many).endswith("compared: run-1 to run-6, 6 networks")
