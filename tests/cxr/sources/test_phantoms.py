import time
from collections import Counter

import numpy as np
import pytest

from cxr.data.images import decode
from cxr.data.names import identify
from cxr.sources import phantoms as phantom
from cxr.sources.source import KERMANY_NAMES
from tests.conftest import phantom_params

BARE = dict.fromkeys(("quality_trap", "brightness_trap", "duplicate_trap", "prevalence_trap"), False)


def part(plan: list[phantom.Phantom], where: str) -> list[phantom.Phantom]:
    return [each for each in plan if each.path.startswith(where)]


def test_same_seed_same_bytes() -> None:
    plan = phantom.plan(phantom_params())
    assert plan == phantom.plan(phantom_params())
    assert plan != phantom.plan(phantom_params(seed=1))
    assert phantom.encode(plan[0], 1.0) == phantom.encode(plan[0], 1.0)
    assert len({each.path for each in plan}) == len(plan) == 80


def test_names_are_kaggles_and_groups_stay_on_one_side() -> None:
    plan = phantom.plan(phantom_params(n_images=600))
    group_of = {each.path: identify(each.path, KERMANY_NAMES)["patient_group"] for each in plan}
    train, test = ({group_of[each.path] for each in part(plan, split)} for split in ("train", "test"))
    assert not train & test
    assert max(Counter(group_of.values()).values()) > 2
    assert any(group.startswith("NORMAL2") for group in train)


def test_each_trap_is_planted_or_not() -> None:
    with_traps, bare = (phantom.plan(phantom_params(n_images=1000, **traps)) for traps in ({}, BARE))
    assert {each.quality for each in part(with_traps, "train/NORMAL")} == {95}
    assert {each.quality for each in with_traps if not each.path.startswith("train/NORMAL")} == {75}
    assert {each.quality for each in bare} == {75}
    assert {each.brightness for each in part(with_traps, "test")} == {phantom.BRIGHTNESS_SHIFT}
    assert {each.brightness for each in bare} == {0.0}
    for split, prevalence in (("train", 0.74), ("test", 0.625)):
        counts = phantom.expected_counts(with_traps)[split]
        assert counts["PNEUMONIA"] / sum(counts.values()) == pytest.approx(prevalence, abs=0.005)
        counts = phantom.expected_counts(bare)[split]
        assert counts["PNEUMONIA"] / sum(counts.values()) == pytest.approx(0.5, abs=0.005)
    copies = [n for n in Counter(each.image for each in with_traps).values() if n > 1]
    assert len(copies) >= 5
    assert len({each.image for each in bare}) == len(bare)


def test_duplicates_are_equal_bytes_of_one_class() -> None:
    plan = phantom.plan(phantom_params(n_images=200))
    by_image: dict[tuple[int, ...], list[phantom.Phantom]] = {}
    for each in plan:
        by_image.setdefault(each.image, []).append(each)
    pairs = [same for same in by_image.values() if len(same) > 1]
    assert pairs
    for one, two in pairs:
        assert phantom.encode(one, 1.0) == phantom.encode(two, 1.0)
        assert one.path.split("/")[:2] == two.path.split("/")[:2]


def test_opacity_is_in_the_lungs_and_can_be_switched_off() -> None:
    plan = phantom.plan(phantom_params())
    for each in (part(plan, "train/PNEUMONIA")[0], part(plan, "train/NORMAL")[0]):
        clear, ill = (phantom.draw(each, opacity).astype(int) for opacity in (0.0, 2.0))
        change = np.abs(ill - clear).max()
        assert change > 10 if "PNEUMONIA" in each.path else change == 0


def test_a_patients_images_resemble_each_other_more_than_others() -> None:
    plan = [each for each in phantom.plan(phantom_params(n_images=300, **BARE)) if each.etiology == "normal"]
    images = np.stack([decode(phantom.encode(each, 1.0), 24) for each in plan]).reshape(len(plan), -1).astype(float)
    images -= images.mean(axis=0)
    alike = np.corrcoef(images)
    patients = np.array([each.patient[-1] for each in plan])
    same = (patients[:, None] == patients) & ~np.eye(len(plan), dtype=bool)
    assert alike[same].mean() > alike[patients[:, None] != patients].mean() + 0.2


def test_a_thousand_images_a_minute() -> None:
    plan = phantom.plan(phantom_params(n_images=60, pixels=256))
    started = time.process_time()
    for each in plan:
        phantom.encode(each, 1.0)
    assert time.process_time() - started < 60 * len(plan) / 1000
