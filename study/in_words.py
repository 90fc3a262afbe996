"""What a small study shows, said in sentences that its results decide."""

from collections import Counter
from collections.abc import Iterable

from cxr.statistics.estimate import Estimate
from cxr.statistics.significance import SIGNIFICANCE, Verdict
from study.facts import SHORTCUTS, count, is_synthetic
from study.families import Configuration, Family

# Verdicts, said after the number of pairs: of one and of several.
SAID = {
    Verdict.DIFFER: ("differs", "differ"),
    Verdict.EQUAL: ("practically equal", "practically equal"),
    Verdict.TRAININGS: ("differs as trained", "differ as trained"),
    Verdict.UNTOLD: ("cannot be told", "cannot be told"),
}
# What a file tells without being decoded.
OF_STORAGE = ("jpeg_quality", "bytes_per_pixel", "size", "mode", "metadata")


def sentences(families: list[Family]) -> list[str]:
    """Five sentences: what was learned, what needs no lungs, which trap was found, what differs, what stays open.

    The family with most networks speaks for the networks; a trap may be found in any.
    """
    largest = max(families, key=lambda family: len(family.configurations))
    return [_learned(largest), without_lungs(largest), _trap(families), difference(largest), _open(largest)]


def _learned(family: Family) -> str:
    """How many networks do better than naming one class always."""
    majority, n = family.shortcuts["majority"]["accuracy"].value, len(family.configurations)
    n_learned = sum(network.estimates["accuracy"].low > majority for network in family.configurations)
    best = max(family.configurations, key=_accuracy)
    return (
        f"Learning: {n_learned} of {count(n, 'network')} do better than the majority class ({majority:.3f}). The "
        f"best, {best.name}, calls {_told(best.estimates['accuracy'])} of the test images right, with specificity "
        f"{best.estimates['specificity'].value:.2f}; of the validation images {best.train_mean('val_accuracy'):.3f}."
    )


def without_lungs(family: Family) -> str:
    """Where the intervals of networks lie beside that of the best classifier which sees no lungs in such images."""
    networks = family.prepared_alike
    key, accuracy = networks[0].first.best_without_lungs
    n_above = sum(network.estimates["accuracy"].low > accuracy.high for network in networks)
    n_below = sum(network.estimates["accuracy"].high < accuracy.low for network in networks)
    n, name = len(networks), networks[0].name
    if n == 1:
        place = "lies above" if n_above else "lies below" if n_below else "overlaps"
        where = f"the interval of {name} {place} it"
    else:
        alike = "" if n == len(family.configurations) else f" whose images are prepared as those of {name}"
        where = f"the whole interval of {n_above} of {n} networks{alike} lies above it and of {n_below} below it; "
        where += f"that of {n - n_above - n_below} overlaps it"
    return f"Without lungs ({family.protocol}): {SHORTCUTS.get(key, key)} gives {_told(accuracy)}; {where}."


def _trap(families: list[Family]) -> str:
    """Where the storage of the files alone tells the label best, if anywhere."""
    found = [
        (family, key, accuracy, accuracy.value - family.shortcuts["majority"]["accuracy"].value)
        for family in families
        for key in OF_STORAGE
        if (accuracy := family.shortcuts[key]["accuracy"]).low > family.shortcuts["majority"]["accuracy"].value
    ]
    if not found:
        return (
            "Traps: the audit caught none; by how the files are stored no more images are told right than by the "
            "majority class."
        )
    family, key, accuracy, _ = max(found, key=lambda one: one[3])
    majority = family.shortcuts["majority"]["accuracy"].value
    return (
        f"A trap is caught ({family.protocol}): {SHORTCUTS[key]} tells {_told(accuracy)} right with no pixel seen, "
        f"where the majority class gives {majority:.3f}: the classes were stored differently."
    )


def difference(family: Family) -> str:
    """How many pairs have which verdict, and the largest difference in accuracy that is told."""
    n = len(family.pairs)
    if not n:
        return f"Differences ({family.protocol}): none to tell, there is one network."
    by_accuracy = _counted(pair.comparison.accuracy.verdict for pair in family.pairs)
    by_auroc = _counted(pair.comparison.auroc.verdict for pair in family.pairs)
    sentence = (
        f"Differences ({family.protocol}), of {count(n, 'pair')} of networks: in accuracy {by_accuracy}; in AUROC "
        f"{by_auroc}."
    )
    told = [pair for pair in family.pairs if pair.comparison.accuracy.verdict in (Verdict.DIFFER, Verdict.TRAININGS)]
    if not told:
        return sentence
    pair = max(told, key=lambda pair: abs(pair.comparison.accuracy.estimate.value))
    largest = pair.comparison.accuracy
    are_alike = len({pair.comparison.accuracy.verdict for pair in told}) == 1
    as_trained = "" if are_alike or largest.verdict is Verdict.DIFFER else ", as trained"
    return (
        f"{sentence} The largest told in accuracy{as_trained}: {pair.title}, {_told(largest.estimate, '+.3f')}, "
        f"p = {largest.p_adjusted:.2g} for all pairs."
    )


def _counted(verdicts: Iterable[Verdict]) -> str:
    """How many of each verdict."""
    counts = Counter(verdicts)
    return _listed([f"{n} {SAID[verdict][n > 1]}" for verdict in SAID if (n := counts[verdict])])


def _listed(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def precisions(family: Family) -> list[str]:
    """That runs were trained in different precisions, and which in the rarer ones; nothing where all were alike."""
    runs = family.results
    by_precision: dict[str, list[str]] = {}
    for result in runs:
        by_precision.setdefault(result.train["precision"], []).append(result.name)
    *rarer, (commonest, _) = sorted(by_precision.items(), key=lambda item: len(item[1]))
    if not rarer:
        return []
    told = " and ".join(f"in {precision} ({', '.join(sorted(names))})" for precision, names in rarer)
    n = sum(len(names) for _, names in rarer)
    were = "was" if n == 1 else "were"
    trained = f"{n} of {len(runs)} runs {were} trained {told}, not in {commonest}"
    return [f"{trained}: rounding is part of their differences."]


def _open(family: Family) -> str:
    """What the results cannot say."""
    if not family.pairs:
        seeds = "one network says nothing of others"
    elif all(len(network.results) == 1 for network in family.configurations):
        seeds = "each network was trained once, and with other seeds their order may change"
    elif not (
        known := [pair.comparison.accuracy for pair in family.pairs if pair.comparison.accuracy.covers_trainings]
    ):
        seeds = "of each pair a network was trained once, and with other seeds their order may change"
    else:
        n_differ = sum(difference.p_adjusted <= SIGNIFICANCE for difference in known)
        differ = SAID[Verdict.DIFFER][n_differ != 1]
        seeds = f"{n_differ} of {count(len(known), 'pair')} {differ} by more than patients and training seeds bring"
        if n_once := len(family.pairs) - len(known):
            seeds += f"; of {n_once} more a network was trained once"
    drawn = "; the images are drawn, so none of this holds for real radiographs"
    return f"Open: {seeds}{drawn if is_synthetic(family.first) else ''}."


def _accuracy(network: Configuration) -> float:
    return network.estimates["accuracy"].value


def _told(estimate: Estimate, form: str = ".3f") -> str:
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"
