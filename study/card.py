"""The model card of a finished network: `python -m study.card NAME [NAME ...] [--kept FOLDER] [--out FILE]`.

Names are the trainings of one configuration, which differ in their seed alone. With --kept the runs that
`python -m study.keep FOLDER` wrote; what they do not hold is said to be not kept. The card is Markdown under a header
in YAML, as the Hugging Face Hub reads it (huggingface_hub.ModelCard).
"""

import argparse
import io
from typing import Any

from ruamel.yaml import YAML

from cxr import files
from cxr.arguments import file_to_write
from cxr.data.names import in_prose
from cxr.errors import UserError
from stages import project
from study import experiments, facts, results, trained
from study.families import Configuration, Family, families
from study.report import cells, tables
from study.report.cells import Row, Table
from study.results import Result
from study.subgroups import FEWEST_PATIENTS, Subgroup, missing, subgroups

# As the Hub calls them.
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "auroc": "roc_auc",
    "sensitivity": "recall",
    "specificity": "specificity",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.card",
        description="Write the model card of one network, in Markdown. NAMEs are its trainings, which differ only in "
        "their seed.",
    )
    experiments.add_names(parser)
    results.add_kept(parser)
    parser.add_argument(
        "--out",
        type=file_to_write,
        default="model_card.md",
        metavar="FILE",
        help="where to write it (default: model_card.md)",
    )
    arguments = parser.parse_args()
    names = arguments.names
    found = results.from_folder(arguments.kept, names) if arguments.kept else results.from_experiments(names)
    family = one_network(families(found))
    with files.whole(arguments.out) as partial:
        partial.write_text(card(family))
    print(f"card: {arguments.out.resolve()}")


def one_network(found: list[Family]) -> Family:
    """The family of one configuration. Raises UserError where there are more."""
    names = [configuration.name for family in found for configuration in family.configurations]
    if len(names) > 1:
        raise UserError(f"a card is of one network, these are {len(names)}: {', '.join(names)}; name the runs of one")
    return found[0]


def card(family: Family) -> str:
    """The card of a family's only configuration: a header in YAML, then Markdown."""
    [configuration] = family.configurations
    buffer = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.dump(header(family), buffer)
    return f"---\n{buffer.getvalue()}---\n\n" + "\n\n".join(_body(family, configuration)) + "\n"


def header(family: Family) -> dict[str, Any]:
    """What the Hub reads of a card: licence, library, task, and the figures of the test part."""
    [configuration] = family.configurations
    result = configuration.first
    told = [
        {"type": METRICS[name], "name": f"{name} (95% {one.low:.3f}-{one.high:.3f})", "value": round(one.value, 4)}
        for name, one in configuration.estimates.items()
        if name in METRICS
    ]
    dataset = {"name": family.test_part, "type": "image-folder", "split": "test"}
    measured = [{"task": {"type": "image-classification"}, "dataset": dataset, "metrics": told}]
    kind = "synthetic-images" if facts.is_synthetic(result) else "chest-radiographs"
    return {
        "license": "mit" if _is_ours(result) else "unknown",
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["medical-imaging", kind, "not-for-clinical-use"],
        "metrics": list(METRICS.values()),
        "model-index": [{"name": configuration.name, "results": measured}],
    }


def _is_ours(result: Result) -> bool:
    """Whether the images leave the licence of the weights to this project; a user's own do not."""
    return facts.is_synthetic(result) or facts.is_kermany(result)


def _body(family: Family, configuration: Configuration) -> list[str]:
    """The paragraphs and tables of the card."""
    result = configuration.first
    classes = [in_prose(name) for name in result.classes]
    blocks = [f"# {configuration.name}"]
    if facts.is_synthetic(result):
        blocks.append("**All images are synthetic phantoms. No figure here says anything of real radiographs.**")
    parts = subgroups(configuration)
    return [
        *blocks,
        f"{trained.network(configuration)}. Written by study.card from the results of "
        f"{', '.join(run.name for run in configuration.results)}.",
        "## Intended use",
        f"Research on how networks that tell {classes[1]} from {classes[0]} on chest radiographs are compared, and on "
        "what makes such comparisons go wrong. **Not for diagnosis, screening, triage or any other care of patients**: "
        "it was tried on no image of another hospital, no reader was compared with it, no approval was sought, and the "
        "classes that it knows are two of the many that a radiograph may show.",
        "## Data",
        _points(
            {
                "Images": facts.images(result),
                "As files": facts.stored_as(result),
                "Labels": facts.reference_standard(result),
                "Parts": facts.partition(result),
                "Apart": facts.disjoint(result),
                "Licence of the images": facts.licence(result),
            }
        ),
        "## Network and training",
        _points(
            {
                "Input": facts.preprocessing(result),
                "Weights at the start": trained.start(result),
                "Training": trained.training(configuration),
                "Software": trained.software(configuration),
                "Decision": f"probability of {classes[1]} from {trained.threshold(configuration)}",
            }
        ),
        "## Figures",
        f"Tested on {family.test_part}. {facts.intervals(family, configuration)}.",
        cells.markdown(_performance(configuration)),
        "By subgroup, mean over the trainings, with intervals that cover patients alone. A subgroup of one class has "
        "no specificity or no sensitivity; its AUROC is against all test images of the other class. What rests "
        f"on fewer than {FEWEST_PATIENTS} patients of a class has no interval. Not told: "
        f"{'; '.join(missing(result))}.",
        cells.markdown(_subgroups(parts)) if parts else "No subgroup is known.",
        "## Shortcuts",
        "What classifiers reach on the same parts that never see the lungs. Where one comes near the network, the "
        "network's figure proves little.",
        cells.markdown(tables.audit(family)),
        "## Where it looks, and what it was not made for",
        _points({"Grad-CAM": facts.saliency(result), "Warning of foreign pictures": facts.foreign(result)}),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(configuration)),
        "## Licence",
        f"{'Code and weights: MIT' if _is_ours(result) else 'Code: MIT. Weights: whoever trained them says'}. Images: "
        f"{facts.licence(result)}.",
    ]


def _performance(configuration: Configuration) -> Table:
    rows = [Row({"figure": name, "value (95% interval)": one}) for name, one in configuration.estimates.items()]
    return Table({"figure": "", "value (95% interval)": ".3f"}, rows)


def _subgroups(parts: list[Subgroup]) -> Table:
    names = ["sensitivity", "specificity", "auroc"]
    rows = [
        Row({"subgroup": part.name, "images": part.n_images, "patients": part.n_patients, **part.estimates})
        for part in parts
    ]
    return Table({"subgroup": "", "images": ",d", "patients": ",d", **dict.fromkeys(names, ".3f")}, rows)


def _points(told: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {words}" for name, words in told.items())


def _limits(configuration: Configuration) -> list[str]:
    """What the figures do not say."""
    result = configuration.first
    n_seeds = len(configuration.results)
    told = [
        "An interval covers patients drawn anew from the same source, not another hospital, device or age group.",
        f"Without the lungs, {facts.without_lungs(result)}.",
    ]
    if result.data["patients"] == "file names":
        told.append("Patients are those of the file names: no table of identities exists.")
    if result.data["patients"] == "unknown":
        told.append("Patients are unknown: the intervals are too narrow where one has several images.")
    if n_seeds == 1:
        told.append("One training: with another seed the figures are others.")
    if facts.is_kermany(result) and result.data.get("width") == [224, 224]:
        told.append("The images were reduced to 224 pixels and stored again by others before this project saw them.")
    told.append(
        f"Share of {facts.positive(result)}: {facts.prevalence(result)}; where it is another, probabilities and "
        "predictive values are too."
    )
    return told


if __name__ == "__main__":
    project.run(main)
