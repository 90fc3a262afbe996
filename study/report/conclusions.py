"""The study's three conclusions, held against a family of results."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxr.statistics.estimate import Estimate
from cxr.statistics.significance import Verdict
from cxr.statistics.trainings import spread
from study.families import Configuration, Family, Pair
from study.notebook import notebook_run
from study.report import tables
from study.report.cells import Row, Table

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"
# The same of configurations that were trained once: other seeds may turn it round.
OF_TRAININGS = {HOLDS: "holds for these trainings", FAILS: "does not hold for these trainings"}
# From the worst on.
VERDICTS = (FAILS, OF_TRAININGS[FAILS], UNKNOWN, OF_TRAININGS[HOLDS], HOLDS)

# The study's goal for the accuracy on its test part.
GOAL = 0.90

WINNER = "layers-2"
SAME_PARAMETERS = [("layers-1", "layers-3"), ("layers-4", "layers-5")]
BY_RATE = ["rate-1", "layers-5", "rate-2", "rate-3"]


@dataclass(frozen=True)
class Claim:
    """One claim within a conclusion, what is found of it, and the numbers that decide it."""

    text: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class Conclusion:
    """One of the study's conclusions in our words, with its claims."""

    text: str
    claims: list[Claim]

    @property
    def verdict(self) -> str:
        """The worst verdict of its claims."""
        verdicts = {claim.verdict for claim in self.claims}
        return next(verdict for verdict in VERDICTS if verdict in verdicts)


def conclusions(family: Family, notebook: pd.DataFrame) -> list[Conclusion]:
    """The three conclusions as this family of results decides them; `notebook` has the study's runs."""
    runs = _by_study_name(family, notebook)
    return [
        Conclusion("layers-2 gives good accuracy in the least time", [_good(runs), _fastest(family, runs, notebook)]),
        Conclusion(
            "With equal parameters the order of C and P matters, and consecutive C cost more",
            [_order_matters(family, runs), _consecutive_cost(family, runs)],
        ),
        Conclusion("A smaller learning rate cures over-fitting", [_gap_closes(runs), _no_rise(runs)]),
    ]


def matrix(all_families: list[Family], notebook: pd.DataFrame) -> Table:
    """What becomes of each of the study's conclusions, a column for each family."""
    first = "the study's conclusion"
    rows: dict[str, Row] = {}
    for family in all_families:
        for conclusion in conclusions(family, notebook):
            row = rows.setdefault(conclusion.text, Row({first: conclusion.text}))
            row.cells[family.test_part] = conclusion.verdict
    return Table(dict.fromkeys([first, *(family.test_part for family in all_families)], ""), list(rows.values()))


def has_runs_of_the_study(family: Family, notebook: pd.DataFrame) -> bool:
    """Whether a network of the family is one of the study's, trained as there: else it says nothing of them."""
    return bool(_by_study_name(family, notebook))


def _by_study_name(family: Family, notebook: pd.DataFrame) -> dict[str, Configuration]:
    """The configurations that are a run of the study, by its name there.

    Of several with its layers and rate the one trained for its number of epochs speaks, of as many the first.
    """
    found: dict[str, Configuration] = {}
    for configuration in family.configurations:
        run = notebook_run(configuration.first, notebook)
        if run is None:
            continue
        before = found.setdefault(str(run["run"]), configuration)
        if _epochs(before) != run["epochs"] == _epochs(configuration):
            found[str(run["run"])] = configuration
    return found


def _epochs(configuration: Configuration) -> int:
    return int(configuration.first.params["train"]["epochs"])


def _missing(text: str, runs: dict[str, Configuration], needed: list[str]) -> Claim | None:
    """That a claim cannot be told, where a run that it needs is not there."""
    absent = [name for name in needed if name not in runs]
    return Claim(text, UNKNOWN, f"Not run: {', '.join(absent)}.") if absent else None


def _good(runs: dict[str, Configuration]) -> Claim:
    text = f"{WINNER} reaches the study's goal, an accuracy of {GOAL:.2f}"
    if missing := _missing(text, runs, [WINNER]):
        return missing
    accuracy = runs[WINNER].estimates["accuracy"]
    verdict = HOLDS if accuracy.low >= GOAL else FAILS if accuracy.high < GOAL else UNKNOWN
    evidence = f"Accuracy {accuracy.value:.3f}, 95% interval {accuracy.low:.3f} to {accuracy.high:.3f}."
    return _claim(text, verdict, evidence, [runs[WINNER]])


def _claim(text: str, verdict: str, evidence: str, of: list[Configuration]) -> Claim:
    """A claim of configurations; of those that were trained once it speaks for that training alone."""
    once = [configuration.name for configuration in of if len(configuration.results) == 1]
    if not once:
        return Claim(text, verdict, evidence)
    trained = "Trained once" if len(once) == len(of) else f"{', '.join(once)} trained once"
    return Claim(text, OF_TRAININGS.get(verdict, verdict), f"{evidence} {trained}: other seeds may turn it round.")


def _fastest(family: Family, runs: dict[str, Configuration], notebook: pd.DataFrame) -> Claim:
    text = f"{WINNER} trains in the least time of the five stacks"
    stacks = [str(name) for name in notebook["run"] if str(name).startswith("layers-")]
    if missing := _missing(text, runs, stacks):
        return missing
    rivals = [name for name in stacks if name != WINNER]
    return _faster(text, family, runs, [(WINNER, rival) for rival in rivals])


def _consecutive_cost(family: Family, runs: dict[str, Configuration]) -> Claim:
    text = "Consecutive C cost more time"
    if missing := _missing(text, runs, [name for pair in SAME_PARAMETERS for name in pair]):
        return missing
    return _faster(text, family, runs, [(apart, consecutive) for consecutive, apart in SAME_PARAMETERS])


def _faster(text: str, family: Family, runs: dict[str, Configuration], pairs: list[tuple[str, str]]) -> Claim:
    """A claim that of each pair the first trains faster: by more than equal networks' runs lie apart."""
    machines = {run.machine for pair in pairs for name in pair for run in family.timed(runs[name])}
    if len(machines) > 1:
        return Claim(text, UNKNOWN, f"Trained on different machines: {'; '.join(sorted(machines))}.")
    ratios = {f"{one} / {two}": family.speed_ratio(runs[one], runs[two]) for one, two in pairs}
    told = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    if len(told) < len(ratios):
        return Claim(text, UNKNOWN, "No two runs of equal networks, so nobody knows how far their times lie apart.")
    said = ", ".join(f"{name} {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" for name, ratio in told.items())
    where = f" on {machines.pop()}" if len(family.machines) > 1 else ""
    return Claim(
        text,
        _all_above_one(list(told.values())),
        f"Training images per second{where}: {said}; the 95% intervals are of what runs of equal networks lie apart.",
    )


def _all_above_one(ratios: list[Estimate]) -> str:
    if all(ratio.low > 1 for ratio in ratios):
        return HOLDS
    return FAILS if any(ratio.high < 1 for ratio in ratios) else UNKNOWN


def _order_matters(family: Family, runs: dict[str, Configuration]) -> Claim:
    text = "The order changes the accuracy"
    if missing := _missing(text, runs, [name for pair in SAME_PARAMETERS for name in pair]):
        return missing
    pairs = [family.pair(runs[one], runs[two]) for one, two in SAME_PARAMETERS]
    verdicts = {pair.comparison.accuracy.verdict for pair in pairs}
    verdict = HOLDS if Verdict.DIFFER in verdicts else FAILS if verdicts == {Verdict.EQUAL} else UNKNOWN
    return Claim(text, verdict, ". ".join(_told(pair) for pair in pairs) + ".")


def _told(pair: Pair) -> str:
    """What is known of a difference in accuracy."""
    difference = pair.comparison.accuracy
    accuracy, enough = difference.estimate, tables.would_tell(difference)
    alone = "" if difference.covers_trainings else ", a single seed"
    told = f"{difference.verdict}{alone}" + (f"; would be told by {enough}" if enough else "")
    return (
        f"{pair.title} {accuracy.value:+.3f} ({accuracy.low:+.3f} to {accuracy.high:+.3f}), p {difference.p:.2g}, for "
        f"all pairs {difference.p_adjusted:.2g}: {told}"
    )


def _gap_closes(runs: dict[str, Configuration]) -> Claim:
    text = "Each smaller rate narrows the gap between validation and training loss"
    if missing := _missing(text, runs, BY_RATE):
        return missing
    gaps = [np.array([float(run.train["loss_gap"]) for run in runs[name].results]) for name in BY_RATE]
    # The loss on validation is of the same patients for all: what moves a gap is the training.
    together = spread(gaps, np.zeros([sum(map(len, gaps))] * 2))
    steps = [together.difference(i, i + 1).interval() for i in range(len(gaps) - 1)]
    is_wider = any(low >= 0 for low, _ in [*steps, together.difference(0, len(gaps) - 1).interval()])
    verdict = HOLDS if all(high < 0 for _, high in steps) else FAILS if is_wider else UNKNOWN
    means = zip(BY_RATE, together.values, strict=True)
    said = ", ".join(f"{gap:+.4f} at {runs[name].first.rate}" for name, gap in means)
    evidence = f"Validation - training loss at the last epoch: {said}."
    if all(len(trainings) > 1 for trainings in gaps):
        evidence += " A step counts where its 95% interval, over trainings, leaves out 0."
    return _claim(text, verdict, evidence, [runs[name] for name in BY_RATE])


def _no_rise(runs: dict[str, Configuration]) -> Claim:
    text = "With the smallest rate the validation loss does not rise again"
    name = BY_RATE[-1]
    if missing := _missing(text, runs, [name]):
        return missing
    rise, jitter = (runs[name].train_mean(key) for key in ("val_loss_rise", "val_loss_jitter"))
    reached = runs[name].estimates["accuracy"].value
    evidence = (
        f"After its lowest epoch it rises by {rise:.3f}, where it jitters by {jitter:.3f}; accuracy on the test part: "
        f"{reached:.3f}."
    )
    if math.isnan(rise + jitter):
        return Claim(text, UNKNOWN, "How uneven the validation loss runs is not known, as of fewer than three epochs.")
    return _claim(text, HOLDS if rise <= jitter else FAILS, evidence, [runs[name]])


def not_run(families: list[Family], notebook: pd.DataFrame, protocols: list[str]) -> list[str]:
    """What is absent for a whole comparison: runs by protocol, seeds, the study's image size."""
    told = []
    for protocol in protocols:
        alike = [family for family in families if family.protocol == protocol]
        found = {name for family in alike for name in _by_study_name(family, notebook)}
        absent = [str(name) for name in notebook["run"] if name not in found]
        if absent:
            told.append(f"{protocol}: {'none of the eight runs' if not found else ', '.join(absent)}")
    seeds = [len(configuration.results) for family in families for configuration in family.configurations]
    if min(seeds) == 1:
        told.append(f"more than one training seed: {seeds.count(1)} of {len(seeds)} configurations have a single one")
    sizes = sorted({family.first.params["images"]["size"] for family in families})
    if sizes != [224]:
        told.append(f"the study's image size of 224 pixels; these runs are at {', '.join(map(str, sizes))}")
    return told
