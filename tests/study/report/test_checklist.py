"""The checklists: every item is answered, from the runs or with why not."""

import pytest

from study.families import families
from study.report import checklist
from tests.study.results_made import result


def test_items_are_numbered_as_the_checklists_are() -> None:
    assert [number for number, *_ in checklist.CLAIM] == [str(i) for i in range(1, 45)]
    numbers = [number.rstrip("abcdefg") for number, *_ in checklist.TRIPOD]
    assert list(dict.fromkeys(numbers)) == [str(i) for i in range(1, 28)]
    assert len(checklist.TRIPOD) == len({number for number, *_ in checklist.TRIPOD}) == 52


@pytest.mark.parametrize("images", ["real", "synthetic"])
@pytest.mark.parametrize("patients", ["file names", "table", "unknown"])
def test_every_item_is_answered(images: str, patients: str) -> None:
    found = families([result(name, layers, images=images, patients=patients) for name, layers in RUNS.items()])
    chapter = checklist.chapter(found)
    assert "DECIDE-AI does not apply" in chapter.sections[0].text[0]
    for section in chapter.sections[1:]:
        answers = [str(row.cells["answer"]) for row in section.table.rows]
        assert all(answers)
        assert not [answer for answer in answers if answer.startswith("not reported") and "because" not in answer]
        assert any(answer.startswith("not reported, because") for answer in answers)


def test_answers_are_those_of_the_run_that_is_best_on_validation() -> None:
    [family] = families([result("a", "C-F", accuracy=0.95, val_accuracy=0.8), result("b", "P-F", val_accuracy=0.9)])
    claim = {row.cells["item"]: row.cells["answer"] for row in checklist.chapter([family]).sections[1].table.rows}
    assert "P-F: 100 weights" in claim["22"]
    accuracy = family.configurations[1].estimates["accuracy"]
    assert f"accuracy {accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})" in claim["37"]
    assert claim["38"] == "as item 37"
    assert claim["31"] == "not reported, because it is not kept with the run"


def test_radiographs_are_answered_for_before_phantoms() -> None:
    found = families([result("drawn", images="synthetic"), result("real", protocol="pooled")])
    assert [family.first.name for family in found] == ["drawn", "real"]
    assert checklist.chapter(found).sections[0].text[0].startswith("Answered for real, ")


def test_unknown_patients_are_no_claim_of_parts_that_share_none() -> None:
    [family] = families([result("a", "C-F", patients="unknown")])
    claim = {row.cells["item"]: row.cells["answer"] for row in checklist.chapter([family]).sections[1].table.rows}
    assert claim["20"].startswith("unknown, for patients are not known")
    assert "draws of images" in claim["29"]


RUNS = {"a": "C-F", "b": "P-F"}
