import hashlib
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.data import overlap, split
from cxr.data.names import Origin, identify
from cxr.data.params import SplitParams
from cxr.errors import UserError
from cxr.vocabulary import SPLITS

PROTOCOLS = ["official", "grouped", "pooled"]


def params(protocol: str, **changes: object) -> SplitParams:
    return SplitParams(**{"protocol": protocol, "val_fraction": 0.2, "test_fraction": 0.2, "seed": 0, **changes})


def test_a_test_part_whose_class_is_of_one_patient_is_refused() -> None:
    """Every draw of patients would give the same: an interval of no width."""
    table = make_manifest(0)
    is_alone = (table["official_split"] == "test") & (table["label"] == 1)
    table.loc[is_alone, "patient_group"] = "unknown"
    with pytest.raises(UserError, match="all test images of one class are of one patient"):
        split.cut(table, params("official"))


def make_manifest(seed: int, n_groups: int = 150) -> pd.DataFrame:
    """Groups of one to many images in both official parts; a few exact copies, some across groups."""
    rng = np.random.default_rng(seed)
    rows = []
    for group in range(n_groups):
        etiology = rng.choice(["normal", "bacteria", "virus"], p=[0.3, 0.45, 0.25])
        official = "test" if rng.random() < 0.2 else "train"
        if group < 2:
            # Of a test part with one normal patient nothing is cut.
            etiology, official = "normal", "test"
        for k in range(rng.geometric(0.6)):
            path = f"{official}/{'NORMAL' if etiology == 'normal' else 'PNEUMONIA'}/g{group:03d}-{k}.jpeg"
            row = {"path": path, "official_split": official, "label": int(etiology != "normal")}
            rows.append(row | {"etiology": etiology, "patient_group": f"g{group:03d}"})
    table = pd.DataFrame(rows).sort_values("path", ignore_index=True)
    digests = [hashlib.sha256(path.encode()).hexdigest() for path in table["path"]]
    table["sha256"] = digests
    normals = table.index[(table["label"] == 0) & (table["official_split"] == "train")]
    table.loc[normals[1], "sha256"] = table.loc[normals[-1], "sha256"]
    return table


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), fraction=st.floats(0.15, 0.4))
def test_laws_of_every_cut(protocol: str, seed: int, fraction: float) -> None:
    table = make_manifest(seed)
    parts = split.cut(table, params(protocol, seed=seed, val_fraction=fraction))
    rows = np.concatenate([part["row"] for part in parts.values()])
    assert sorted(rows) == list(range(len(table)))
    for part in parts.values():
        assert table["path"].iloc[part["row"]].tolist() == part["path"].tolist()
    rest = pd.concat([parts["train"], parts["val"]])
    # Whole groups are drawn until a stratum is nearest to its share, so no further from it than half of what is drawn
    # at once: a group, or two that share a copy. Of images alone the number is rounded up, then that of each label.
    largest = 2 * table.groupby("patient_group").size().max()
    for etiology, stratum in rest.groupby("etiology"):
        if protocol != "pooled":
            n_drawn = (parts["val"]["etiology"] == etiology).sum()
            assert abs(n_drawn - fraction * len(stratum)) <= largest / 2
    if protocol == "pooled":
        for label, stratum in rest.groupby("label"):
            assert abs((parts["val"]["label"] == label).sum() - fraction * len(stratum)) < 2
    if protocol == "official":
        assert set(parts["test"]["path"]) == set(table.loc[table["official_split"] == "test", "path"])


@pytest.mark.parametrize("protocol", ["official", "grouped"])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_no_patient_and_no_exact_copy_in_two_parts(protocol: str, seed: int) -> None:
    parts = split.cut(make_manifest(seed), params(protocol, seed=seed))
    figures = overlap.summarise(parts, protocol, "file names")
    assert figures["is_patient_disjoint"]
    for name in SPLITS:
        assert set(figures[name]["shared_groups"].values()) == {0}
        assert set(figures[name]["shared_copies"].values()) == {0}
    assert overlap.leak(figures) == ""


def table_manifest() -> pd.DataFrame:
    """A manifest as a table gives it: two classes, two images a patient, parts, two acquisitions."""
    rows: dict[str, dict[str, object]] = {
        f"{i}.png": {
            "official_split": "test" if i % 10 > 7 else "train",
            "label": i // 2 % 2,
            "patient_group": f"patient {i // 2}",
            "acquisition": f"acquisition {'portable' if i % 8 > 3 and i > 40 else 'fixed'}",
        }
        for i in range(160)
    }
    origin = Origin(["well", "covid"], "table", rows=rows)
    found = [{"path": path, "sha256": path, **identify(path, origin)} for path in rows]
    return pd.DataFrame(found)


@pytest.mark.parametrize("protocol", [*PROTOCOLS, "series"])
def test_a_tables_images_are_cut_by_every_protocol(protocol: str) -> None:
    table = table_manifest()
    parts = split.cut(table, params(protocol))
    figures = overlap.summarise(parts, protocol, "table")
    assert figures["is_patient_disjoint"] == (protocol != "pooled")
    assert sum(figures["test"]["etiology"].values()) == len(parts["test"])
    assert set(figures["test"]["etiology"]) == {"class well", "class covid"}
    if protocol == "series":
        assert set(parts["test"]["acquisition"]) == {"acquisition portable"}
        assert set(parts["val"]["acquisition"]) == {"acquisition fixed"}


def test_what_a_table_does_not_say_no_protocol_cuts_by() -> None:
    table = table_manifest().drop(columns="acquisition")
    with pytest.raises(UserError, match=r"series needs Kermany's file names, or a table with a column acquisition"):
        split.cut(table, params("series"))
    with pytest.raises(UserError, match=r"no image is said to be of a test part"):
        split.cut(table.assign(official_split="train"), params("official"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"acquisition": "acquisition fixed"}, "two acquisitions whose part is not test, and there are those of one"),
        ({"official_split": "test"}, "two acquisitions whose part is not test, and there are none"),
    ],
)
def test_one_acquisition_is_not_told_from_itself(changes: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=told):
        split.cut(table_manifest().assign(**changes), params("series"))


def test_of_patients_unknown_nobody_says_that_the_parts_share_none() -> None:
    table = table_manifest()
    figures = overlap.summarise(split.cut(table, params("official")), "official", "unknown")
    assert figures["is_patient_disjoint"] is None


def test_pooled_shares_patients_and_says_so() -> None:
    figures = overlap.summarise(split.cut(make_manifest(0), params("pooled")), "pooled", "file names")
    assert not figures["is_patient_disjoint"]
    assert figures["test"]["shared_groups"]["train"] > 0
    assert figures["test"]["n_images_of_shared_groups"] > 0
    assert overlap.leak(figures) == "", "that is what it is for"


def test_a_part_is_counted_with_what_it_shares() -> None:
    """Patient a stands in training and test, and so does the image x."""
    rows = {"train": "a1x a1y b0z b0w", "val": "c0v c0v d1u", "test": "a1t a1s e0x"}
    parts = {
        name: pd.DataFrame([tuple(row) for row in told.split()], columns=["patient_group", "label", "sha256"])
        .astype({"label": int})
        .assign(etiology=lambda part: np.where(part["label"] == 1, "virus", "normal"))
        for name, told in rows.items()
    }
    figures = overlap.summarise(parts, "official", "file names")
    assert [figures[name]["n_images"] for name in SPLITS] == [4, 3, 3]
    assert [figures[name]["n_groups"] for name in SPLITS] == [2, 2, 2]
    assert [figures[name]["prevalence"] for name in SPLITS] == pytest.approx([1 / 2, 1 / 3, 2 / 3])
    assert figures["test"]["etiology"] == {"normal": 1, "bacteria": 0, "virus": 2}
    assert [figures[name]["n_images_of_shared_groups"] for name in SPLITS] == [2, 0, 2]
    assert figures["test"]["shared_groups"] == {"train": 1, "val": 0}
    assert figures["test"]["shared_copies"] == {"train": 1, "val": 0}


def test_what_the_official_folders_share_is_said() -> None:
    table = make_manifest(0)
    train, test = (table.index[table["official_split"] == name] for name in ("train", "test"))
    table.loc[test[0], "patient_group"] = table.loc[train[0], "patient_group"]
    for copy in (1, 2):
        table.loc[test[copy], "sha256"] = table.loc[train[copy], "sha256"]
    figures = overlap.summarise(split.cut(table, params("official")), "official", "file names")
    assert not figures["is_patient_disjoint"]
    copies = "exact copies of 2 of its images are also in"
    assert re.search(rf"not apart: 1 of its \d+ patient groups and {copies}", overlap.leak(figures))
    figures["test"]["shared_groups"] = {"train": 0, "val": 0}
    assert f"not apart: {copies}" in overlap.leak(figures)
    figures["test"] |= {"shared_groups": {"train": 1, "val": 0}, "shared_copies": {"train": 0, "val": 0}}
    assert re.search(r"not apart: 1 of its \d+ patient groups are also in", overlap.leak(figures))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_order_of_the_rows_does_not_matter_and_the_seed_does(protocol: str) -> None:
    table = make_manifest(3)
    shuffled = table.sample(frac=1, random_state=1, ignore_index=True)
    one, two = (split.cut(rows, params(protocol)) for rows in (table, shuffled))
    for name in SPLITS:
        assert one[name]["path"].tolist() == two[name]["path"].tolist()
    other = split.cut(table, params(protocol, seed=1))
    assert set(other["val"]["path"]) != set(one["val"]["path"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_seed_that_is_allowed_cuts(protocol: str) -> None:
    assert split.cut(make_manifest(0), params(protocol, seed=2**32 - 1))


def test_pooled_has_the_sizes_of_the_study() -> None:
    n = 5856
    table = pd.DataFrame({"path": [f"train/x/{i:05d}" for i in range(n)], "official_split": "train"})
    table["label"] = (np.arange(n) % 4 != 0).astype(int)
    table["etiology"] = np.where(table["label"] == 1, "virus", "normal")
    table["patient_group"] = table["path"]
    table["sha256"] = table["path"]
    parts = split.cut(table, params("pooled"))
    assert [len(parts[name]) for name in SPLITS] == [3747, 937, 1172]


def test_a_part_without_a_class_is_refused() -> None:
    table = make_manifest(0)
    with pytest.raises(UserError, match="the test part has no image of one class"):
        split.cut(table[(table["official_split"] != "test") | (table["label"] == 1)], params("official"))


def test_series_leaves_the_official_test_out_and_holds_one_series_and_virus_out() -> None:
    table = make_manifest(3)
    is_second = (table["etiology"] == "normal") & (table["patient_group"].str[-1] < "5")
    table.loc[is_second, "patient_group"] = "NORMAL2-IM-" + table["patient_group"]
    parts = split.cut(table, params("series"))
    used = pd.concat(parts.values())
    assert set(used["path"]) == set(table.loc[table["official_split"] != "test", "path"])
    for name, part in parts.items():
        is_held_out = part["patient_group"].str.startswith("NORMAL2") | (part["etiology"] == "virus")
        assert is_held_out.all() if name == "test" else not is_held_out.any()
        assert table["path"].iloc[part["row"]].tolist() == part["path"].tolist()
    assert not set(parts["train"]["patient_group"]) & set(parts["val"]["patient_group"])
