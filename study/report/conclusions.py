"""The study's three conclusions, held against a family of results: holds, does not hold, or cannot be told."""

import math
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from study.families import Configuration, Family, Pair
from study.notebook import own_run

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"

# The study's goal for the accuracy on its test part.
GOAL = 0.90
# Two timings this close are taken as equal: one run each, on a machine that may do other things.
TIMING_TOLERANCE = 0.10

WINNER = "layers-2"
SAME_PARAMETERS = [("layers-1", "layers-3"), ("layers-4", "layers-5")]
BY_RATE = ["rate-1", "layers-5", "rate-2", "rate-3"]


@dataclass(frozen=True)
class Part:
    """One claim within a conclusion, what is found of it, and the figures that decide it."""

    claim: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class Conclusion:
    """One of the study's conclusions in our words, with its parts."""

    text: str
    parts: list[Part]

    @property
    def verdict(self) -> str:
        """The worst verdict of its parts."""
        verdicts = {part.verdict for part in self.parts}
        return next(verdict for verdict in (FAILS, UNKNOWN, HOLDS) if verdict in verdicts)


def conclusions(family: Family, notebook: pd.DataFrame) -> list[Conclusion]:
    """The three conclusions as this family of results decides them; `notebook` has the study's runs."""
    runs = _by_study_name(family, notebook)
    return [
        Conclusion("layers-2 gives good accuracy in the least time", [_good(runs), _fastest(runs, notebook)]),
        Conclusion(
            "With equal parameters the order of C and P matters, and consecutive C cost more",
            [_order_matters(family, runs), _consecutive_cost(runs)],
        ),
        Conclusion("A smaller learning rate cures over-fitting", [_gap_closes(runs), _no_rise(runs)]),
    ]


def _by_study_name(family: Family, notebook: pd.DataFrame) -> dict[str, Configuration]:
    """The configurations that are a run of the study, by its name there."""
    own = [(own_run(each.first, notebook), each) for each in family.configurations]
    return {str(run["run"]): each for run, each in own if run is not None}


def _missing(claim: str, runs: dict[str, Configuration], needed: list[str]) -> Part | None:
    """That a claim cannot be told, where a run that it needs is not there."""
    absent = [name for name in needed if name not in runs]
    return Part(claim, UNKNOWN, f"Not run: {', '.join(absent)}.") if absent else None


def _good(runs: dict[str, Configuration]) -> Part:
    claim = f"{WINNER} reaches the study's goal, an accuracy of {GOAL:.2f}"
    if missing := _missing(claim, runs, [WINNER]):
        return missing
    figures = runs[WINNER].measured.figures
    low, high = figures["accuracy_low"], figures["accuracy_high"]
    verdict = HOLDS if low >= GOAL else FAILS if high < GOAL else UNKNOWN
    return Part(claim, verdict, f"Accuracy {figures['accuracy']:.3f}, 95% interval {low:.3f} to {high:.3f}.")


def _fastest(runs: dict[str, Configuration], notebook: pd.DataFrame) -> Part:
    claim = f"{WINNER} trains in the least time of the five stacks"
    stacks = [str(name) for name in notebook["run"] if str(name).startswith("layers-")]
    if missing := _missing(claim, runs, stacks):
        return missing
    speeds = {name: runs[name].train("images_per_second") for name in stacks}
    others = {name: speed for name, speed in speeds.items() if name != WINNER}
    rival = max(others, key=lambda name: others[name])
    ratio = speeds[WINNER] / speeds[rival]
    verdict = HOLDS if ratio > 1 + TIMING_TOLERANCE else FAILS if ratio < 1 - TIMING_TOLERANCE else UNKNOWN
    said = ", ".join(f"{name} {speed:.0f}" for name, speed in speeds.items())
    return Part(claim, verdict, f"Training images per second: {said}; {ratio:.2f} times the next fastest, {rival}.")


def _order_matters(family: Family, runs: dict[str, Configuration]) -> Part:
    claim = "The order changes the accuracy"
    if missing := _missing(claim, runs, [name for pair in SAME_PARAMETERS for name in pair]):
        return missing
    pairs = [family.pair(runs[one], runs[two]) or family.pair(runs[two], runs[one]) for one, two in SAME_PARAMETERS]
    found = [pair for pair in pairs if pair is not None]
    said = []
    for pair in found:
        needed = pair.figures["n_images_needed"]
        telling = "" if math.isnan(needed) else f", {needed:,.0f} test images would tell such a difference"
        said.append(
            f"{pair.title}: {pair.figures['accuracy_difference']:+.3f} "
            f"({pair.figures['accuracy_difference_low']:+.3f} to {pair.figures['accuracy_difference_high']:+.3f}), "
            f"p after Holm {pair.p_images:.2g}, {_by_seeds(pair)}{telling}"
        )
    verdict = HOLDS if any(pair.is_real for pair in found) else UNKNOWN
    return Part(claim, verdict, "; ".join(said) + ".")


def _by_seeds(pair: Pair) -> str:
    return "a single seed" if math.isnan(pair.p_seeds) else f"by seeds {pair.p_seeds:.2g}"


def _consecutive_cost(runs: dict[str, Configuration]) -> Part:
    claim = "Consecutive C cost more time"
    if missing := _missing(claim, runs, [name for pair in SAME_PARAMETERS for name in pair]):
        return missing
    ratios = {
        f"{one} / {two}": (
            runs[two].train("images_per_second") / runs[one].train("images_per_second"),
            runs[one].train("flops_per_image") / runs[two].train("flops_per_image"),
        )
        for one, two in SAME_PARAMETERS
    }
    slowest = min(seconds for seconds, _ in ratios.values())
    verdict = HOLDS if slowest > 1 + TIMING_TOLERANCE else FAILS if slowest < 1 - TIMING_TOLERANCE else UNKNOWN
    said = "; ".join(
        f"{name}: {seconds:.1f} times the time, {flops:.1f} times the FLOPs"
        for name, (seconds, flops) in ratios.items()
    )
    return Part(claim, verdict, said + ".")


def _gap_closes(runs: dict[str, Configuration]) -> Part:
    claim = "Each smaller rate narrows the gap between validation and training loss"
    if missing := _missing(claim, runs, BY_RATE):
        return missing
    gaps = [runs[name].train("loss_gap") for name in BY_RATE]
    is_narrowing = all(later < earlier for earlier, later in pairwise(gaps))
    verdict = HOLDS if is_narrowing else FAILS if gaps[-1] >= gaps[0] else UNKNOWN
    said = ", ".join(f"{runs[name].learning_rate:g}: {gap:+.3f}" for name, gap in zip(BY_RATE, gaps, strict=True))
    return Part(claim, verdict, f"Gap at the last epoch by rate: {said}.")


def _no_rise(runs: dict[str, Configuration]) -> Part:
    claim = "With the smallest rate the validation loss does not rise again"
    name = BY_RATE[-1]
    if missing := _missing(claim, runs, [name]):
        return missing
    rise, jitter = (runs[name].train(key) for key in ("val_loss_rise", "val_loss_jitter"))
    reached = runs[name].measured.figures["accuracy"]
    return Part(
        claim,
        HOLDS if rise <= jitter else FAILS,
        f"Rise {rise:.3f} with a jitter of {jitter:.3f}; accuracy reached in its epochs: {reached:.3f}.",
    )


def not_run(families: list[Family], notebook: pd.DataFrame, protocols: list[str]) -> list[str]:
    """What is absent for a whole comparison: runs by protocol, seeds, the study's image size."""
    told = []
    for protocol in protocols:
        own = [family for family in families if family.protocol == protocol]
        found = {name for family in own for name in _by_study_name(family, notebook)}
        absent = [str(name) for name in notebook["run"] if name not in found]
        if absent:
            told.append(f"{protocol}: {'none of the eight runs' if not found else ', '.join(absent)}")
    seeds = [len(each.results) for family in families for each in family.configurations]
    if min(seeds) == 1:
        told.append(f"more than one training seed: {seeds.count(1)} of {len(seeds)} configurations have a single one")
    sizes = sorted({family.first.params["images"]["size"] for family in families})
    if sizes != [224]:
        told.append(f"the study's image size of 224 pixels; these runs are at {', '.join(map(str, sizes))}")
    return told
