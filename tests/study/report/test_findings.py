"""What a reader with one minute takes along."""

from study.families import Family, families
from study.report.findings import findings
from tests.study.results_made import of_the_study, result


def told(family: Family, name: str) -> str:
    low, high = sorted(f"{one.estimates[name].value:.3f}" for one in family.configurations)
    return f"{low} to {high}"


def test_the_test_parts_with_the_lowest_and_the_highest_accuracies_are_told_apart() -> None:
    made = {"official": (0.7, 0.75), "grouped": (0.8, 0.85), "pooled": (0.93, 0.95)}
    found = families(
        [
            result(f"{layers}-{protocol}", layers, accuracy=accuracy, protocol=protocol)
            for protocol, accuracies in made.items()
            for layers, accuracy in zip(("C-F", "P-F"), accuracies, strict=True)
        ]
    )
    official, _, pooled = found
    assert told(official, "sensitivity") != told(official, "specificity")
    parts = [
        f"on {family.protocol} the networks find {told(family, 'sensitivity')} of the pneumonias and call "
        f"{told(family, 'specificity')} of the normal images normal"
        for family in (official, pooled)
    ]
    assert findings(found)[1] == f"The errors differ: {parts[0]}; {parts[1]}."


def test_the_family_with_most_networks_speaks_and_the_goal_wants_the_whole_interval() -> None:
    made = [result("a", accuracy=0.91), result("b", protocol="pooled"), result("c", "P-F", protocol="pooled")]
    said = findings(families([of_the_study(one) for one in made]))
    assert said[0].startswith(
        "The networks reach accuracies of 0.910 on official (Kaggle's test folder, trained once); 0.900 on pooled (all "
        "images, cut at random, each trained once)"
    )
    assert said[0].endswith("by none of 1 on official, none of 2 on pooled.")
    assert said[2].startswith("Without lungs (pooled): ")
    assert said[3].startswith("Differences (pooled), of 1 pair of networks: ")


def test_how_many_were_trained_once_is_said() -> None:
    once, twice, again = result("a"), result("b", "P-F"), result("b-1", "P-F", seed=1)
    said = {len(made): findings(families(made))[0] for made in ([once], [once, twice], [once, twice, again])}
    assert "0.900 on official (the test part that the source has, trained once)." in said[1]
    assert "on official (the test part that the source has, each trained once)." in said[2]
    assert "on official (the test part that the source has, 1 of 2 trained once)." in said[3]
    assert "trained once" not in findings(families([twice, again]))[0]


def test_one_network_under_each_test_part_is_one() -> None:
    made = [result("a", accuracy=0.8), result("b", protocol="pooled", accuracy=0.9)]
    [said] = [sentence for sentence in findings(families(made)) if sentence.startswith("The errors differ")]
    assert said.startswith("The errors differ: on official the network finds 0.")
    assert " and calls 0." in said
