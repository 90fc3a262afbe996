import pytest

from study.families import families, side_by_side
from tests.study.results_made import result


def test_families_are_test_parts_and_seeds_are_one_configuration() -> None:
    made = [result("b", protocol="pooled"), result("a-1", seed=1), result("a"), result("c", learning_rate=1e-5)]
    official, pooled = families(made)
    assert [configuration.name for configuration in official.configurations] == ["a", "c"]
    assert [run.name for run in official.configurations[0].results] == ["a", "a-1"]
    assert [configuration.name for configuration in pooled.configurations] == ["b"]
    assert len(official.pairs) == 1
    assert not pooled.pairs
    measured = official.configurations[0].measured
    assert measured.n_seeds == 2
    assert official.configurations[0].estimates["accuracy"].value == pytest.approx(0.9, abs=0.01)


def test_a_bootstrap_setting_of_one_run_does_not_part_it_from_the_others() -> None:
    results = [result("a", accuracy=0.7), result("b", "C-F-D", accuracy=0.9)]
    results[1].params["evaluate"] = {"bootstrap_samples": 100, "seed": 7}
    [pair] = families(results)[0].pairs
    assert not pair.comparison.accuracy.estimate.holds(0)


def test_different_sizes_are_never_one_family() -> None:
    assert len(families([result("a"), result("b", size=112)])) == 2


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


def test_side_by_side_a_setting_has_the_name_that_its_runs_share() -> None:
    results = [
        result("layers-1", "C-F", protocol="official"),
        result("layers-1-pooled", "C-F", protocol="pooled"),
        result("layers-12", "P-F", protocol="official"),
        result("other", "P-F", protocol="pooled"),
        result("alone", "C-C-F", protocol="official"),
    ]
    official, pooled = side_by_side(families(results))
    assert set(official) == {"layers-1", "P-F, 0.0001", "alone"}
    assert set(pooled) == {"layers-1", "P-F, 0.0001"}


def test_a_shared_name_ends_where_a_part_of_all_names_does() -> None:
    official, pooled = side_by_side(families([result("ab", "C-F"), result("ac", "C-F", protocol="pooled")]))
    assert set(official) == set(pooled) == {"C-F, 0.0001"}


def test_the_audit_is_of_images_as_most_configurations_have_them() -> None:
    results = [result("equalised"), result("a", "C-F-D"), result("b", "P-F-D")]
    results[0].params["images"] = {**results[0].params["images"], "is_equalised": True}
    results[0].shortcuts.clear()
    [family] = families(results)
    assert [one.name for one in family.prepared_alike] == ["a", "b"]
    assert family.shortcuts == results[1].without_lungs
