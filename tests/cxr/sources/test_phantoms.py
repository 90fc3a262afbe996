import time
from collections import Counter

import numpy as np
import pytest

from cxr.data.images import decode
from cxr.data.names import identify
from cxr.sources import phantoms
from cxr.sources.source import KERMANY
from tests.conftest import phantom_params

BARE = dict.fromkeys(("quality_trap", "brightness_trap", "duplicate_trap", "prevalence_trap"), False)


def part(plan: list[phantoms.Phantom], where: str) -> list[phantoms.Phantom]:
    return [phantom for phantom in plan if phantom.path.startswith(where)]


def test_same_seed_same_bytes() -> None:
    plan = phantoms.plan(phantom_params())
    assert plan == phantoms.plan(phantom_params())
    assert plan != phantoms.plan(phantom_params(seed=1))
    assert phantoms.encode(plan[0], 1.0) == phantoms.encode(plan[0], 1.0)
    assert len({phantom.path for phantom in plan}) == len(plan) == 80


def test_names_are_kaggles_and_groups_stay_on_one_side() -> None:
    plan = phantoms.plan(phantom_params(n_images=600))
    group_of = {phantom.path: identify(phantom.path, KERMANY)["patient_group"] for phantom in plan}
    train, test = ({group_of[phantom.path] for phantom in part(plan, split)} for split in ("train", "test"))
    assert not train & test
    assert max(Counter(group_of.values()).values()) > 2
    assert any(group.startswith("NORMAL2") for group in train)


def test_each_trap_is_planted_or_not() -> None:
    with_traps, bare = (phantoms.plan(phantom_params(n_images=1000, **traps)) for traps in ({}, BARE))
    assert {phantom.quality for phantom in part(with_traps, "train/NORMAL")} == {95}
    assert {phantom.quality for phantom in with_traps if not phantom.path.startswith("train/NORMAL")} == {75}
    assert {phantom.quality for phantom in bare} == {75}
    assert {phantom.brightness for phantom in part(with_traps, "test")} == {phantoms.BRIGHTNESS_SHIFT}
    assert {phantom.brightness for phantom in bare} == {0.0}
    for split, prevalence in (("train", 0.74), ("test", 0.625)):
        counts = phantoms.expected_counts(with_traps)[split]
        assert counts["PNEUMONIA"] / sum(counts.values()) == pytest.approx(prevalence, abs=0.005)
        counts = phantoms.expected_counts(bare)[split]
        assert counts["PNEUMONIA"] / sum(counts.values()) == pytest.approx(0.5, abs=0.005)
    copies = [n for n in Counter(phantom.image for phantom in with_traps).values() if n > 1]
    assert len(copies) >= 5
    assert len({phantom.image for phantom in bare}) == len(bare)


def test_duplicates_are_equal_bytes_of_one_class() -> None:
    plan = phantoms.plan(phantom_params(n_images=200))
    by_image: dict[tuple[int, ...], list[phantoms.Phantom]] = {}
    for phantom in plan:
        by_image.setdefault(phantom.image, []).append(phantom)
    pairs = [same for same in by_image.values() if len(same) > 1]
    assert pairs
    for one, two in pairs:
        assert phantoms.encode(one, 1.0) == phantoms.encode(two, 1.0)
        assert one.path.split("/")[:2] == two.path.split("/")[:2]


def test_opacity_is_in_the_lungs_and_can_be_switched_off() -> None:
    plan = phantoms.plan(phantom_params())
    for phantom in (part(plan, "train/PNEUMONIA")[0], part(plan, "train/NORMAL")[0]):
        clear, ill = (phantoms.draw(phantom, opacity).astype(int) for opacity in (0.0, 2.0))
        change = np.abs(ill - clear).max()
        assert change > 10 if "PNEUMONIA" in phantom.path else change == 0


def test_a_patients_images_resemble_each_other_more_than_others() -> None:
    plan = [phantom for phantom in phantoms.plan(phantom_params(n_images=300, **BARE)) if phantom.etiology == "normal"]
    images = (
        np.stack([decode(phantoms.encode(phantom, 1.0), 24) for phantom in plan]).reshape(len(plan), -1).astype(float)
    )
    images -= images.mean(axis=0)
    alike = np.corrcoef(images)
    patients = np.array([phantom.patient[-1] for phantom in plan])
    same = (patients[:, None] == patients) & ~np.eye(len(plan), dtype=bool)
    assert alike[same].mean() > alike[patients[:, None] != patients].mean() + 0.2


def test_a_thousand_images_a_minute() -> None:
    plan = phantoms.plan(phantom_params(n_images=60, pixels=256))
    started = time.process_time()
    for phantom in plan:
        phantoms.encode(phantom, 1.0)
    assert time.process_time() - started < 60 * len(plan) / 1000
