"""What a reader with one minute takes along: three to five sentences, each decided by the data at hand.

The families are such as may stand in one comparison (study.families.together).
"""

from cxr.data.names import images_of, in_prose
from study import in_words
from study.facts import is_kermany
from study.families import Family
from study.report.conclusions import GOAL
from study.report.words import ways_to_cut


def findings(all_families: list[Family]) -> list[str]:
    """Accuracies by test part, what brings the lowest about, what needs no lungs, which networks differ."""
    largest = max(all_families, key=lambda family: len(family.configurations))
    differences = [in_words.difference(largest)] if largest.pairs else []
    return [
        _accuracies(all_families),
        *_why_lowest(all_families),
        in_words.without_lungs(largest),
        *differences,
    ]


def _accuracies(all_families: list[Family]) -> str:
    """The range of accuracies on each test part, and on the study's images how many reach its goal."""
    ways = ways_to_cut(all_families)
    told = "; ".join(
        f"{_range(family, 'accuracy')} {where} ({', '.join([ways[family.protocol], *_once(family)])})"
        for family, where in _places(all_families)
    )
    n = {len(family.configurations) for family in all_families}
    if n == {1}:
        names = dict.fromkeys(family.configurations[0].name for family in all_families)
        networks = f"{', '.join(names)}: an accuracy of"
    else:
        networks = f"The {n.pop()} networks reach accuracies of" if len(n) == 1 else "The networks reach accuracies of"
    return f"{networks} {told}.{_of_the_goal(all_families)}"


def _once(family: Family) -> list[str]:
    """Which of its networks were trained once, in a few words; nothing where none was."""
    n, n_once = len(family.configurations), sum(len(network.results) == 1 for network in family.configurations)
    if not n_once:
        return []
    if n_once < n:
        return [f"{n_once} of {n} trained once"]
    return ["trained once" if n == 1 else "each trained once"]


def _of_the_goal(all_families: list[Family]) -> str:
    """Of the test parts of the study's images; nothing where there is none."""
    reached = []
    for family, where in _places(all_families):
        if is_kermany(family.first):
            n = sum(network.estimates["accuracy"].low >= GOAL for network in family.configurations)
            reached.append(f"{n or 'none'} of {len(family.configurations)} {where}")
    if not reached:
        return ""
    return f" The study's goal of {GOAL:.2f} is reached, with the whole interval, by {', '.join(reached)}."


def _why_lowest(all_families: list[Family]) -> list[str]:
    """Which errors make the test part with the lowest accuracies what it is, beside the one with the highest."""
    if len(all_families) < 2:
        return []
    (lowest, low), *_, (highest, high) = sorted(_places(all_families), key=lambda place: _mean_accuracy(place[0]))
    negative, positive = all_families[0].first.classes
    parts = []
    for family, where in ((lowest, low), (highest, high)):
        is_one = len(family.configurations) == 1
        find, call = ("the network finds", "calls") if is_one else ("the networks find", "call")
        parts.append(
            f"{where} {find} {_range(family, 'sensitivity')} of the {images_of(positive)} and {call} "
            f"{_range(family, 'specificity')} of the {images_of(negative)} {in_prose(negative)}"
        )
    return [f"The errors differ: {parts[0]}; {parts[1]}."]


def _places(all_families: list[Family]) -> list[tuple[Family, str]]:
    """Each family with the words for its test part: its protocol, and all of it where another has the same."""
    protocols = [family.protocol for family in all_families]
    return [
        (family, f"on {family.protocol if protocols.count(family.protocol) == 1 else family.test_part}")
        for family in all_families
    ]


def _mean_accuracy(family: Family) -> float:
    values = [network.estimates["accuracy"].value for network in family.configurations]
    return sum(values) / len(values)


def _range(family: Family, name: str) -> str:
    values = [network.estimates[name].value for network in family.configurations]
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return low if low == high else f"{low} to {high}"
