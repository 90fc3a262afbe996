from dataclasses import replace

import pytest

from study.families import families
from study.side_by_side import by_label
from tests.study.results_made import result


def test_a_setting_has_the_name_that_its_runs_share() -> None:
    results = [
        result("layers-1", "C-F", protocol="official"),
        result("layers-1-pooled", "C-F", protocol="pooled"),
        result("layers-12", "P-F", protocol="official"),
        result("other", "P-F", protocol="pooled"),
        result("alone", "C-C-F", protocol="official"),
    ]
    official, pooled = by_label(families(results))
    assert set(official) == {"layers-1", "P-F, 1e-4", "alone"}
    assert set(pooled) == {"layers-1", "P-F, 1e-4"}


@pytest.mark.parametrize(
    ("section", "change", "is_another"),
    [
        ("train", {"epochs": 2}, True),
        ("augment", {"flip": True}, True),
        ("evaluate", {"threshold": 0.3}, True),
        ("train", {"precision": "bfloat16"}, False),
        ("evaluate", {"bootstrap_samples": 100}, False),
    ],
)
def test_a_label_means_one_way_to_train(section: str, change: dict, is_another: bool) -> None:
    """The same layers and rate, trained for less or with images mirrored, are another network's row."""
    whole, other = result("a", "C-F"), result("a-short", "C-F", protocol="pooled")
    other.params[section] = {**other.params[section], **change}
    official, pooled = by_label(families([whole, other]))
    assert (set(official), set(pooled)) == ({"a"}, {"a-short"} if is_another else {"a"})


def test_networks_of_one_setting_are_told_apart_in_every_part() -> None:
    runs = [
        result(f"{name}{label}", "C-F", protocol=protocol)
        for name, label, protocol in (
            ("a", "", "official"),
            ("a", "-pooled", "pooled"),
            ("flip", "", "official"),
            ("flip", "-pooled", "pooled"),
        )
    ]
    for run in runs[2:]:
        run.params["augment"] = {**run.params["augment"], "flip": True}
    official, pooled = by_label(families(runs))
    assert set(official) == set(pooled) == {"a", "flip"}
    nameless = [replace(run, name=f"{letters}c") for run, letters in zip(runs, ("aa", "ab", "ba", "bb"), strict=True)]
    official, pooled = by_label(families(nameless))
    assert set(official) == set(pooled) == {"C-F, 1e-4 (aac)", "C-F, 1e-4 (bac)"}


def test_what_only_its_code_tells_apart_has_its_name() -> None:
    [official] = by_label(families([result("a", "C-F"), replace(result("b", "C-F"), made_of=("other",))]))
    assert set(official) == {"a", "b"}


def test_a_shared_name_ends_where_a_part_of_all_names_does() -> None:
    official, pooled = by_label(families([result("ab", "C-F"), result("ac", "C-F", protocol="pooled")]))
    assert set(official) == set(pooled) == {"C-F, 1e-4"}
