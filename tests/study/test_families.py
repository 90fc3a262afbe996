from copy import deepcopy
from dataclasses import replace

import pytest

from cxr.statistics.significance import Verdict
from study.families import families, together
from tests.study.results_made import result


def test_families_are_test_parts_and_seeds_are_one_configuration() -> None:
    made = [result("b", protocol="pooled"), result("a-1", seed=1), result("first"), result("c", learning_rate=1e-5)]
    official, pooled = families(made)
    assert [configuration.name for configuration in official.configurations] == ["first", "c"]
    assert [run.name for run in official.configurations[0].results] == ["first", "a-1"], "by their seeds"
    assert [configuration.name for configuration in pooled.configurations] == ["b"]
    assert len(official.pairs) == 1
    assert not pooled.pairs
    measured = official.configurations[0].measured
    assert measured.n_seeds == 2
    assert official.configurations[0].estimates["accuracy"].value == pytest.approx(0.9, abs=0.01)


def test_a_training_under_two_names_is_no_second_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """As a label without another train.seed leaves it: a verdict on single trainings would become one on networks."""
    once = [result("a", accuracy=0.7), result("b", "C-F-D", accuracy=0.95)]
    again = [replace(run, name=f"{run.name}-again") for run in once]
    [pair] = families([*once, *again])[0].pairs
    assert (pair.one.measured.n_seeds, pair.two.measured.n_seeds) == (1, 1)
    assert pair.comparison.accuracy.verdict is Verdict.TRAININGS
    assert "a-again (as a, train.seed 0), b-again (as b, train.seed 0)" in capsys.readouterr().err


def test_a_bootstrap_setting_of_one_run_does_not_part_it_from_the_others() -> None:
    results = [result("a", accuracy=0.7), result("b", "C-F-D", accuracy=0.9)]
    results[1].params["evaluate"] = {"bootstrap_samples": 100, "seed": 7}
    [pair] = families(results)[0].pairs
    assert not pair.comparison.accuracy.estimate.holds(0)
    results[1] = replace(results[1], predictions=results[0].predictions)
    [alike] = families(results)[0].pairs
    estimate = alike.comparison.accuracy.estimate
    assert (estimate.low, estimate.high) == (0, 0), "the same patients were drawn for both"


def test_seeds_whose_intervals_are_drawn_otherwise_are_one_networks() -> None:
    results = [result("a"), result("again", seed=1)]
    results[1].params["evaluate"] |= {"bootstrap_samples": 100, "seed": 7}
    [family] = families(results)
    assert [len(network.results) for network in family.configurations] == [2]


def test_trainings_that_are_evaluated_twice_tell_no_more_of_how_far_trainings_lie_apart() -> None:
    runs = [
        result(f"{layers}-{seed}", layers, accuracy=accuracy + seed / 50, seed=seed)
        for layers, accuracy in (("C-F", 0.7), ("P-F", 0.8), ("F", 0.75))
        for seed in (0, 1)
    ]
    again = [replace(run, name=f"{run.name}-flipped", params=deepcopy(run.params)) for run in runs]
    for run in again:
        run.params["evaluate"]["flip"] = True
    [once], [twice] = families(runs), families([*runs, *again])
    assert len(twice.configurations) == 6
    assert twice.spread("accuracy").degrees.tolist() == [3.0] * 6
    assert twice.pairs[0].comparison.accuracy.p == pytest.approx(once.pairs[0].comparison.accuracy.p)


def test_different_sizes_and_cuts_are_never_one_family() -> None:
    assert len(families([result("a"), result("b", size=112)])) == 2
    other = result("b")
    other.params["split"]["seed"] = 1
    assert [family.test_part for family in families([result("a"), other])][1].endswith(", split seed 1")


def test_other_classes_do_not_stand_in_one_comparison() -> None:
    made = [result("a"), result("b", protocol="pooled"), result("c", protocol="grouped", classes=("well", "TB"))]
    assert [[family.protocol for family in group] for group in together(families(made))] == [
        ["official", "pooled"],
        ["grouped"],
    ]


def test_a_run_is_judged_at_its_own_threshold() -> None:
    """From 0 on, every image is called pneumonia."""
    run = result("a")
    run.test["threshold"] = 0.0
    [family] = families([run, result("b", "P-F")])
    one, other = (configuration.estimates for configuration in family.configurations)
    assert (one["sensitivity"].value, one["specificity"].value) == (1, 0)
    assert 0.8 < other["specificity"].value < 1


def test_the_same_seed_once_more_is_no_second_training(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is it on another machine, where rounding makes another training of it, nor is that of other code."""
    elsewhere = result("a-elsewhere")
    elsewhere.predictions["probability"] *= 0.999
    [family] = families([result("a"), elsewhere])
    assert [run.name for run in family.results] == ["a"]
    assert "the same training once more: a-elsewhere (as a, train.seed 0)" in capsys.readouterr().err
    [family] = families([result("a"), replace(result("changed", seed=1), made_of=("other",))])
    assert [len(one.results) for one in family.configurations] == [1, 1]


def test_images_of_another_folder_of_that_name_make_another_training() -> None:
    one, other = result("a"), result("b")
    other.test["n_images"] = 500
    assert [family.configurations[0].name for family in families([one, other])] == ["b", "a"]


def test_what_the_audit_and_the_pictures_were_set_to_makes_no_other_configuration() -> None:
    one, two = result("a"), result("a-1", seed=1)
    two.params.update(audit={"seed": 7}, explain={"n_columns": 3})
    [family] = families([one, two])
    assert len(family.configurations) == 1


def test_of_several_seeds_a_figure_is_the_mean() -> None:
    runs = [result("a"), result("a-1", seed=1, val_accuracy=0.8)]
    runs[1].test["loss"] = 0.6
    [family] = families(runs)
    [configuration] = family.configurations
    assert configuration.test_loss == pytest.approx(0.5)
    assert configuration.train_mean("val_accuracy") == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("section", "change", "are_equal"),
    [
        ("train", {"learning_rate": 1e-5}, True),
        ("train", {"batch_size": 64}, False),
        ("augment", {"flip": True}, False),
        ("model", {"filters": [8, 8]}, False),
    ],
)
def test_times_of_networks_at_the_same_work_tell_the_noise(section: str, change: dict, are_equal: bool) -> None:
    one, two = result("a", images_per_second=50.0), result("b", images_per_second=60.0)
    two.params[section] = {**two.params[section], **change}
    [family] = families([one, two])
    assert (family.noise is not None) == are_equal


def test_the_machine_that_counts_has_most_of_the_configurations_not_of_the_runs() -> None:
    here = [result("a"), result("b", "P-F")]
    there = [result(f"a-{seed}", seed=seed, device="a GPU") for seed in (1, 2, 3)]
    [family] = families([*here, *there])
    assert family.machines == ["cpu (test), float32", "a GPU, float32"]
    assert [run.name for run in family.timed(family.configurations[0])] == ["a"]


def test_of_as_many_the_machine_of_the_first_seeds_counts() -> None:
    again = [result(f"{name}-1", layers, seed=1, device="a GPU") for name, layers in (("a", "C-F-D"), ("b", "P-F"))]
    [family] = families([*again, result("a", "C-F-D"), result("b", "P-F")])
    assert [run.name for one in family.configurations for run in family.timed(one)] == ["a", "b"]


def test_a_number_is_the_same_however_it_was_written() -> None:
    """A key that a run kept by an earlier version lacks is filled in as 0.0, and params.yaml says 0."""
    whole, real = result("a"), result("a-1", seed=1)
    for run, zero in ((whole, 0), (real, 0.0)):
        run.params["train"]["weight_decay"] = zero
        run.params["augment"] = {**run.params["augment"], "rotation": zero}
    [family] = families([whole, real])
    [configuration] = family.configurations
    assert len(configuration.results) == 2
    assert whole.configuration != result("b", "C-F-D").configuration


def test_the_audit_is_of_images_as_most_configurations_have_them() -> None:
    results = [result("equalised"), result("a", "C-F-D"), result("b", "P-F-D")]
    results[0].params["images"] = {**results[0].params["images"], "is_equalised": True}
    results[0].shortcuts.clear()
    [family] = families(results)
    assert [one.name for one in family.prepared_alike] == ["a", "b"]
    assert family.shortcuts == results[1].without_lungs
