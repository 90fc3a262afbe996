"""Sentences that the results decide: each is told one way and the other."""

from dataclasses import replace

import numpy as np

from study.families import families
from study.in_words import precisions, sentences, without_lungs
from study.results import Result
from tests.study.results_made import result

LAYERS = ["C-P-F-D", "P-F-D", "C-C-P-F-D"]


def audited(run: Result, **accuracies: float) -> Result:
    """The run with these accuracies of the audit's classifiers, each known to .02 either way; the rest at .6."""
    names = ("majority", "jpeg_quality", "bytes_per_pixel", "size", "mode", "metadata", "border", "thumbnail")
    audit = {}
    for name in names:
        value = accuracies.get(name, 0.6)
        ends = {"": value, "_low": value - 0.02, "_high": value + 0.02}
        audit[name] = {f"{key}{end}": at for key in ("accuracy", "auroc") for end, at in ends.items()}
    return replace(run, shortcuts={"protocol": run.test["protocol"], **audit})


def told(accuracies: list[float], **audit: float) -> list[str]:
    runs = [
        audited(result(f"run-{i}", layers, accuracy=accuracy), **audit)
        for i, (layers, accuracy) in enumerate(zip(LAYERS, accuracies, strict=False), start=1)
    ]
    return sentences(families(runs))


def trained(accuracies: dict[str, tuple[float, ...]]) -> list[Result]:
    """Networks by their layers, each with a training for each accuracy."""
    return [
        audited(result(f"{layers}-{seed}", layers, accuracy=accuracy, seed=seed))
        for layers, several in accuracies.items()
        for seed, accuracy in enumerate(several)
    ]


def test_what_was_learned_caught_and_told_apart() -> None:
    learned, lungs, trap, difference, still_open = told(
        [0.95, 0.8, 0.6], jpeg_quality=0.9, bytes_per_pixel=0.7, thumbnail=0.85
    )
    assert "2 of 3 networks do better than the majority class (0.600)" in learned
    assert "run-1, calls 0.950" in learned
    assert learned.endswith("of the validation images 0.900.")
    assert "JPEG quality (quantisation table) gives 0.900" in lungs
    assert "the whole interval of 1 of 3 networks lies above it and of 2 below it; that of 0 overlaps it" in lungs
    assert trap.startswith("A trap is caught (official): JPEG quality (quantisation table) tells 0.900")
    assert "of 3 pairs of networks: in accuracy 3 differ as trained; in AUROC" in difference
    assert "The largest told in accuracy: run-3 - run-1, -0.350" in difference
    assert "trained once" in still_open


def test_nothing_learned_nothing_caught_nothing_told_apart() -> None:
    """The first is above the majority, but not with its whole interval."""
    learned, lungs, trap, difference, _ = told([0.63, 0.6, 0.6], majority=0.62)
    assert "0 of 3 networks do better than the majority class (0.620)" in learned
    assert "the whole interval of 0 of 3 networks lies above it and of 0 below it; that of 3 overlaps it" in lungs
    assert trap.startswith(
        "Traps: the audit caught none; by how the files are stored no more images are told right than"
    )
    assert difference.startswith(
        "Differences (official), of 3 pairs of networks: in accuracy 3 cannot be told; in AUROC"
    )


def test_a_study_of_one_network_has_its_sentences() -> None:
    *_, difference, still_open = told([0.9])
    assert difference == "Differences (official): none to tell, there is one network."
    assert still_open == "Open: one network says nothing of others."


def test_what_differs_by_more_than_seeds_bring_is_counted() -> None:
    accuracies = {"C-F": (0.7, 0.71), "P-F": (0.9, 0.91), "F": (0.905, 0.906)}
    runs = trained(accuracies)
    assert sentences(families(runs))[4] == ("Open: 2 of 3 pairs differ by more than patients and training seeds bring.")


def test_a_difference_within_the_margin_is_one_and_networks_trained_once_are_told_apart() -> None:
    accuracies = {"C-F": (0.7, 0.71), "P-F": (0.9, 0.91), "F": (0.8,)}
    runs = trained(accuracies)
    said = sentences(families(runs, margin=0.5))
    assert "in accuracy 1 practically equal" in said[3]
    assert said[4] == (
        "Open: 1 of 1 pair differs by more than patients and training seeds bring; "
        "of 2 more a network was trained once."
    )


def test_pairs_of_which_one_was_trained_once_each_leave_the_seeds_open() -> None:
    """They were "0 of 0 pairs"."""
    said = sentences(families(trained({"C-F": (0.7, 0.71), "P-F": (0.9,)})))
    assert said[4] == "Open: of each pair a network was trained once, and with other seeds their order may change."


def test_that_the_largest_difference_is_of_these_trainings_is_said_where_others_are_of_more() -> None:
    accuracies = {"C-F": (0.7, 0.71), "P-F": (0.9, 0.91), "F": (0.5,)}
    runs = trained(accuracies)
    said = sentences(families(runs))[3]
    assert "in accuracy 1 differs and 2 differ as trained" in said
    assert "The largest told in accuracy, as trained: F-0 - P-F-0, -0.40" in said


def test_a_difference_in_auroc_is_counted_as_such() -> None:
    """One of two networks of equal accuracy is in doubt where it errs, and nowhere else."""
    one = audited(result("a", accuracy=0.8))
    called = one.predictions["probability"] >= 0.5
    doubt = np.where(called == one.predictions["label"], 0.5, 0.01)
    sure = one.predictions.assign(probability=np.where(called, 0.5 + doubt, 0.5 - doubt))
    [family] = families([one, replace(audited(result("b", "P-F")), predictions=sure)])
    assert "in accuracy 1 cannot be told; in AUROC 1 differs as trained." in sentences([family])[3]


def test_a_trap_of_another_cut_is_found_and_named() -> None:
    official = [audited(result(f"run-{i}", layers)) for i, layers in enumerate(LAYERS)]
    grouped = audited(result("cut", protocol="grouped"), bytes_per_pixel=0.8)
    trap = sentences(families([*official, grouped]))[2]
    assert trap.startswith("A trap is caught (grouped): bytes per pixel tells 0.800")


def test_drawn_images_are_named_as_such() -> None:
    runs = [audited(result(f"run-{i}", layers, images="synthetic")) for i, layers in enumerate(LAYERS)]
    assert sentences(families(runs))[4].endswith("the images are drawn, so none of this holds for real radiographs.")


def test_runs_trained_in_another_precision_are_named() -> None:
    runs = [result(f"run-{i}", layers, precision="bfloat16") for i, layers in enumerate(LAYERS)]
    assert precisions(families(runs)[0]) == []
    again = result("run-0-seed1", LAYERS[0], seed=1)
    [said] = precisions(families([*runs, again])[0])
    assert said.startswith("1 of 4 runs was trained in float32 (run-0-seed1), not in bfloat16")


def test_a_single_network_beside_what_sees_no_lungs() -> None:
    [family] = families([audited(result("run-1"), thumbnail=0.6)])
    assert without_lungs(family).endswith("; the interval of run-1 lies above it.")


def test_the_audit_is_that_of_images_prepared_as_the_networks_have_them() -> None:
    runs = [audited(result(f"run-{i}", layers), thumbnail=0.7) for i, layers in enumerate(LAYERS)]
    other = audited(result("other", "P-P-F-D"), thumbnail=0.95)
    other.params["images"]["is_equalised"] = True
    said = without_lungs(families([other, *runs])[0])
    alike = "of 3 networks whose images are prepared as those of run-0"
    assert f"gives 0.700 (0.680 to 0.720); the whole interval of 3 {alike} lies above it and of 0 below it" in said
