from cxr.statistics.comparison import Verdict
from study.families import families
from study.report import figures
from tests.study.results_made import result


def test_the_forest_tells_networks_that_differ_from_trainings_that_do() -> None:
    made = {"a": ("C-F", [0.70, 0.71]), "b": ("C-F-D", [0.90, 0.91]), "c": ("P-F-D", [0.80]), "d": ("P-F", [0.81])}
    results = [
        result(f"{name}-{seed}", layers, accuracy=accuracy, seed=seed)
        for name, (layers, accuracies) in made.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    [family] = families(results)
    drawn = figures.forest(family)
    kinds = {row["pair"]: row["kind"] for row in drawn.spec["data"]["values"]}
    assert kinds["b-0 - a-0"] == Verdict.REAL
    assert kinds["c-0 - a-0"] == kinds["c-0 - b-0"] == Verdict.OPEN
    assert kinds["d-0 - c-0"] == Verdict.UNTOLD
    assert f"1 {Verdict.REAL}" in drawn.alt
