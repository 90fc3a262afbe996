"""The pictures that the stage explain has drawn, with the words that stand for them; none where a run is only kept."""

from study import facts
from study.families import Family
from study.report.checklist import best_validated
from study.report.figures import Picture
from study.report.pages import Section
from study.results import Result

CAPTIONS = {
    "samples": "Images of each part and class, picked at random",
    "augmented": "Training images as they are, and as the first epochs showed them",
    "errors": "The most confident errors on the test part",
    "saliency": "Grad-CAM on images of each outcome, picked at random; blue: the coarse lung field",
}


def section(family: Family, title: str, name: str, figures: str = "") -> list[Section]:
    """A section with that picture of a family's run that is best on validation, or none where it has none."""
    run = best_validated(family).first
    if (picture := _picture(run, name, family.protocol)) is None:
        return []
    kind = "synthetic phantoms" if facts.is_synthetic(run) else "images"
    text = f"Of {run.name}, the best on validation; {kind} at {run.params['images']['size']} px. {figures}"
    return [Section(title, text=[text.strip()], figures=[picture])]


def _picture(result: Result, name: str, protocol: str) -> Picture | None:
    """A picture with the words that the stage wrote of it; None where the run has not both."""
    explained, content = facts.explained(result), result.beside(f"plots/{name}.png")
    if explained is None or content is None:
        return None
    kind = "Synthetic phantoms. " if facts.is_synthetic(result) else ""
    return Picture(f"{protocol}-{name}", f"{kind}{CAPTIONS[name]}", explained["pictures"][name], content)
