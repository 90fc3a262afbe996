"""What two reporting checklists ask, answered from the runs: CLAIM 2024 and TRIPOD+AI, their items in words of ours.

CLAIM: Tejani et al. 2024, Radiology: Artificial Intelligence 6(4) e240300, doi 10.1148/ryai.240300. TRIPOD+AI: Collins
et al. 2024, BMJ 385 e078378, doi 10.1136/bmj-2023-078378. Where nothing is reported the answer says why.
"""

from study import facts, trained
from study.families import Configuration, Family
from study.report.cells import Row, Table
from study.report.pages import Chapter, Section

NO_FACTS = "not reported, because the data set has no facts of its patients beyond their files"
NOT_PLANNED = "not reported, because nothing was planned: all images that there are were used"
NO_READERS = "not reported, because no reader took part here and single readings are not published"
NO_TRIAL = "not reported, because this is no trial and no study of patients in care"
NO_USERS = "not reported, because the networks are for research and have no users in care"
OUTSIDE = "not reported, because the pipeline does not know it"

# Number and subject of each item, and the name of its answer.
CLAIM = [
    ("1", "title names the technique", "subject"),
    ("2", "summary", "summary"),
    ("3", "background and role", "role"),
    ("4", "aims", "aims"),
    ("5", "prospective or retrospective", "design"),
    ("6", "goal of the study", "aims"),
    ("7", "where data come from", "data"),
    ("8", "what was included and left out", "eligibility"),
    ("9", "preprocessing", "preprocessing"),
    ("10", "subsets of the data", "partition"),
    ("11", "how patients were made unknown", "identity"),
    ("12", "missing data", "missing"),
    ("13", "how images were acquired", "acquisition"),
    ("14", "reference standard", "standard"),
    ("15", "why this standard", "why_standard"),
    ("16", "who annotated", "standard"),
    ("17", "annotation of the test part", "standard"),
    ("18", "how far readers differ", "readers"),
    ("19", "how parts were cut", "partition"),
    ("20", "at what level parts are apart", "disjoint"),
    ("21", "size intended", "planned"),
    ("22", "model", "model"),
    ("23", "software", "software"),
    ("24", "first weights", "start"),
    ("25", "training", "training"),
    ("26", "how the final model was chosen", "selection"),
    ("27", "ensembles", "ensemble"),
    ("28", "metrics", "metrics"),
    ("29", "uncertainty and tests", "uncertainty"),
    ("30", "robustness", "robustness"),
    ("31", "explanations", "saliency"),
    ("32", "test on internal data", "internal"),
    ("33", "test on external data", "external"),
    ("34", "registration as a trial", "trial"),
    ("35", "how many included and left out", "partition"),
    ("36", "patients of each part", "patients"),
    ("37", "performance with uncertainty", "performance"),
    ("38", "diagnostic accuracy with precision", "performance"),
    ("39", "what went wrong", "failures"),
    ("40", "limits", "limits"),
    ("41", "what follows for practice", "role"),
    ("42", "protocol, further details", "protocol"),
    ("43", "software, model, data to be had", "sharing"),
    ("44", "who paid", "funding"),
]
TRIPOD = [
    ("1", "title", "subject"),
    ("2", "abstract", "summary"),
    ("3a", "setting in care, reasons", "role"),
    ("3b", "for whom, used by whom", "role"),
    ("3c", "known inequalities", "fairness"),
    ("4", "aims", "aims"),
    ("5a", "sources of data", "data"),
    ("5b", "dates", "dates"),
    ("6a", "setting and centres", "data"),
    ("6b", "who was eligible", "eligibility"),
    ("6c", "treatments", "treatments"),
    ("7", "preparation of data", "preprocessing"),
    ("8a", "outcome", "standard"),
    ("8b", "who judged the outcome", "standard"),
    ("8c", "blinding of that", "readers"),
    ("9a", "choice of predictors", "predictors"),
    ("9b", "predictors, how measured", "acquisition"),
    ("9c", "who judged predictors", "predictors"),
    ("10", "sample size", "planned"),
    ("11", "missing data", "missing"),
    ("12a", "use of the data, parts", "partition"),
    ("12b", "predictors in the analysis", "preprocessing"),
    ("12c", "model and its making", "training"),
    ("12d", "differences between centres", "heterogeneity"),
    ("12e", "measures of performance", "metrics"),
    ("12f", "updating of the model", "updating"),
    ("12g", "how predictions are computed", "prediction"),
    ("13", "class imbalance", "imbalance"),
    ("14", "fairness", "fairness"),
    ("15", "output and threshold", "threshold"),
    ("16", "training against test", "differences"),
    ("17", "ethics", "ethics"),
    ("18a", "who paid", "funding"),
    ("18b", "conflicts of interest", "conflicts"),
    ("18c", "protocol", "protocol"),
    ("18d", "registration", "trial"),
    ("18e", "data to be had", "sharing"),
    ("18f", "code to be had", "sharing"),
    ("19", "patients taking part in the research", "involvement"),
    ("20a", "flow of patients", "partition"),
    ("20b", "their characteristics", "patients"),
    ("20c", "training against test", "differences"),
    ("21", "numbers in each analysis", "partition"),
    ("22", "the model in full", "prediction"),
    ("23a", "performance with intervals", "performance"),
    ("23b", "differences between centres", "heterogeneity"),
    ("24", "results of updating", "updating"),
    ("25", "what it means", "meaning"),
    ("26", "limits", "limits"),
    ("27a", "poor or missing input", "foreign"),
    ("27b", "what users must do and know", "users"),
    ("27c", "next steps", "next"),
]
# Each with where it is published.
CHECKLISTS = {
    "CLAIM 2024": (CLAIM, "Tejani et al. 2024, doi 10.1148/ryai.240300."),
    "TRIPOD+AI": (TRIPOD, "Collins et al. 2024, doi 10.1136/bmj-2023-078378."),
}


def chapter(all_families: list[Family]) -> Chapter:
    """Both checklists, answered for the configuration of the first test part that is best on validation.

    Drawn images count only where there are no others.
    """
    family = next((one for one in all_families if not facts.is_synthetic(one.first)), all_families[0])
    configuration = best_validated(family)
    answers = {**_of_data(configuration), **_of_study(family, configuration)}
    text = (
        f"Answered for {configuration.name}, the best on validation of those tested on {family.test_part}. The "
        "numbers are those of the checklists, the words are ours. DECIDE-AI does not apply: it is for the first use of "
        "a system in live care, and none of these networks was or may be used there."
    )
    sections = [
        Section(name, text=[source], table=_table(items, answers), fold=f"{len(items)} items and their answers")
        for name, (items, source) in CHECKLISTS.items()
    ]
    return Chapter("Reporting checklists", [Section(text=[text]), *sections])


def best_validated(family: Family) -> Configuration:
    """The configuration with the best accuracy on validation, mean over its seeds."""
    return max(family.configurations, key=lambda one: one.train_mean("val_accuracy"))


def _table(items: list[tuple[str, str, str]], answers: dict[str, str]) -> Table:
    first: dict[str, str] = {}
    rows = []
    for number, asks, key in items:
        answer = f"as item {first[key]}" if key in first else answers[key]
        first.setdefault(key, number)
        rows.append(Row({"item": number, "asks": asks, "answer": answer}))
    return Table(dict.fromkeys(("item", "asks", "answer"), ""), rows)


def _of_data(configuration: Configuration) -> dict[str, str]:
    """The answers of the images, their labels and their patients."""
    result = configuration.first
    is_kermany, is_known = facts.is_kermany(result), result.data["patients"] != "unknown"
    told_by = "its class and patient" if is_known else "its class"
    centres = "there is one centre" if is_kermany else "centres are not told apart"
    shares = f"share of {facts.positive(result)}: {facts.prevalence(result)}"
    return {
        "design": "drawn images" if facts.is_synthetic(result) else "retrospective: images that were there",
        "data": facts.images(result),
        "eligibility": f"every image of the source that can be decoded and whose name or row tells {told_by}",
        "identity": "by the publishers: files carry numbers, no names" if is_kermany else OUTSIDE,
        "missing": "none: an image that cannot be read, or lacks what is asked of it, stops the pipeline by name",
        "acquisition": facts.taken(result),
        "standard": facts.reference_standard(result),
        "why_standard": "it is the only one that there is",
        "readers": NO_READERS,
        "partition": facts.partition(result),
        "disjoint": facts.disjoint(result),
        "planned": NOT_PLANNED,
        "patients": NO_FACTS,
        "dates": OUTSIDE,
        "treatments": NO_FACTS,
        "heterogeneity": f"not reported, because {centres}",
        "imbalance": f"{shares}; classes weigh "
        + ("the same in the loss" if result.params["train"]["balance"] else "as they are in the loss"),
        "fairness": "not reported, because age, sex and origin of the patients are not known; what subgroups are known "
        "stand in the model card (python -m study.card)",
        "differences": f"{shares}; apart by {facts.disjoint(result)}",
        "ethics": "not reported, because published images were used" if is_kermany else OUTSIDE,
    }


def _of_study(family: Family, configuration: Configuration) -> dict[str, str]:
    """The answers of the networks and of how they were measured."""
    result, n = configuration.first, len(family.configurations)
    n_pairs = n * (n - 1) // 2
    positive = facts.positive(result)
    networks = "a network tells" if n == 1 else f"{n} networks tell"
    has_mirror = result.params["evaluate"]["flip"]
    n_trainings = len(configuration.results)
    return {
        "subject": "convolutional networks (deep learning) that call images, compared; the title says so",
        "summary": "the paragraphs under the title",
        "role": "none in care: research on how such networks are compared; not for diagnosis",
        "aims": f"development and internal test: how well {networks} {positive}, and what explains that",
        "preprocessing": facts.preprocessing(result),
        "model": trained.network(configuration),
        "software": f"Keras under DVC; {trained.software(configuration)}",
        "start": trained.start(result),
        "training": trained.training(configuration),
        "selection": "the last epoch counts; no run chooses anything on its test part",
        "ensemble": "none" + ("; the mean of an image and its mirror image" if has_mirror else ""),
        "metrics": "accuracy, AUROC, sensitivity, specificity; cross-entropy, Brier score, calibration error",
        "uncertainty": facts.intervals(family, configuration)
        + (f"; of {n_pairs} pairs, p is adjusted for their number (Holm)" if n_pairs > 1 else ""),
        "robustness": f"what needs no lungs: {facts.without_lungs(result)}",
        "saliency": _if_kept(facts.saliency(result)),
        "internal": f"{family.test_part}: {facts.performance(configuration)}",
        "external": "not reported, because no images of another source were tested; python -m cxr.predict does that",
        "trial": NO_TRIAL,
        "performance": facts.performance(configuration),
        "failures": "confusion by class; of experiments, the most confident errors as pictures",
        "limits": f"one source; {facts.disjoint(result)}; trainings: {n_trainings}",
        "protocol": "params.yaml and dvc.yaml of the repository; no other was published",
        "sharing": f"code MIT, in the repository; weights by python -m study.bundle; images: {facts.licence(result)}",
        "funding": OUTSIDE,
        "conflicts": OUTSIDE,
        "predictors": "the pixels of one image; nobody judged them",
        "updating": "not reported, because no model was updated",
        "prediction": f"{trained.network(configuration)}; {facts.preprocessing(result)}; weights by "
        "python -m study.bundle",
        "threshold": f"probability of {positive}; called so from {trained.threshold(configuration)}",
        "involvement": "none took part",
        "meaning": "the report's first chapter: findings in words, each with its figures",
        "foreign": f"a file that cannot be read is named; foreign pictures: {_if_kept(facts.foreign(result))}",
        "users": NO_USERS,
        "next": "images of other hospitals, facts of patients, readers beside the network",
    }


def _if_kept(words: str) -> str:
    return "not reported, because it is not kept with the run" if words == facts.NOT_KEPT else words
