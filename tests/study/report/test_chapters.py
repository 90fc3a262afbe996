"""What stands together on the page, and what apart."""

from study import notebook
from study.families import families
from study.report.chapters import compose
from study.report.pages import Report
from study.results import Result
from tests.study.results_made import of_the_study, result

CUTS = ("official", "pooled")


def composed(*runs: Result) -> Report:
    return compose(families(list(runs)), notebook.read_runs(), notebook.read_history())


def titles(report: Report) -> list[str]:
    return [chapter.title for chapter in report.chapters]


def test_two_sizes_are_never_compared() -> None:
    report = composed(*[result(f"{size}-{cut}", size=size, protocol=cut) for size in (112, 224) for cut in CUTS])
    cuts = [title for title in titles(report) if title.startswith("Ways to cut the test part")]
    assert cuts == [f"Ways to cut the test part, side by side (real images at {size} px)" for size in (112, 224)]
    for chapter in report.chapters:
        said = [point for section in chapter.sections for point in section.points]
        tables = [title for section in chapter.sections if section.table for title in section.table.forms]
        if "112 px" in chapter.title:
            assert not any("224" in text for text in said + tables), chapter.title


def test_orders_are_compared_where_two_parts_have_one() -> None:
    layers = ["C-F-D", "C-P-F-D", "C-C-F-D"]
    runs = [
        result(f"{cut}-{i}", one, protocol=cut, accuracy=0.7 + i / 10, images="synthetic")
        for cut in CUTS
        for i, one in enumerate(layers)
    ]
    heading = "Do they rank the networks alike?"
    assert heading in words(composed(*runs))
    assert heading not in words(composed(*runs[:2], *runs[3:]))


def test_phantoms_beside_radiographs_are_named_and_stand_apart() -> None:
    both = composed(result("drawn", images="synthetic"), result("taken", "C-F-D"))
    assert both.images == "real"
    assert both.title.startswith("Convolutional networks on chest radiographs and synthetic phantoms, compared")
    assert any(line.startswith("Synthetic phantoms, in chapters of their own") for line in both.lead)
    minutes = [title for title in titles(both) if title.startswith("In one minute")]
    assert minutes == ["In one minute (real images at 224 px)", "In one minute (synthetic images at 224 px)"]
    drawn = composed(result("drawn", images="synthetic"))
    assert (drawn.images, drawn.chapters[0].title) == ("synthetic", "In one minute")
    assert drawn.title == "A convolutional network on synthetic phantoms: drawn"


def test_the_words_of_the_study_are_for_its_own_images() -> None:
    theirs = words(composed(*[of_the_study(result(cut, protocol=cut)) for cut in CUTS]))
    of_another = words(composed(*[result(cut, protocol=cut, classes=("normal", "covid")) for cut in CUTS]))
    for said in ("Kaggle", "study's goal", "the way of the study"):
        assert said in theirs
        assert said not in of_another


def test_images_beside_the_studys_have_none_of_its_words() -> None:
    """Such as a hospital's own, of the same classes and size."""
    own = result("own", protocol="pooled", accuracy=0.99)
    own.params["data"] = {**own.params["data"], "directory": "hospital"}
    both = words(composed(of_the_study(result("a", accuracy=0.7)), own))
    assert "is reached, with the whole interval, by none of 1 on official." in both
    for said in ("Kaggle's test folder", "the way of the study"):
        assert said not in both


def words(report: Report) -> str:
    """All but the checklists."""
    return str([chapter for chapter in report.chapters if not chapter.title.startswith("Reporting")])
