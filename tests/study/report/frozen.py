"""What our pages say of the kept runs of the study, from those runs: `python -m tests.study.report.frozen`.

Writes the committed report and the rows of the pages' tables anew, and prints the sentences that are to be changed.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.statistics import significance
from cxr.statistics.estimate import Estimate
from cxr.statistics.significance import Verdict
from study import in_words, notebook, results, study_file
from study.families import Configuration, Family, families
from study.report import tables
from study.report.conclusions import SAME_PARAMETERS
from study.side_by_side import by_label
from tests.markdown import ROOT, short

RESULTS = ROOT / "docs" / "results"
# Two sizes are never in one comparison: the kept runs of each have a report of their own.
SIZES = ("112px", "224px")
# The pages that show these figures in a table: of which size, and of its columns, from the third on, the test part and
# the figure.
PARTS = [("official", "accuracy"), ("official", "auroc"), ("grouped", "accuracy"), ("pooled", "accuracy")]
PAGES = {
    "README.md": ("112px", [("official", "accuracy"), ("official", "auroc"), ("pooled", "accuracy")]),
    "docs/results/README.md": ("112px", PARTS),
    "docs/results/112px/README.md": ("112px", PARTS),
    "docs/results/224px/README.md": (
        "224px",
        [*(("official", figure) for figure in ("accuracy", "auroc", "sensitivity", "specificity")), PARTS[-1]],
    ),
}
NOT_RUN = "not run yet"
# What their rows call the audit's classifiers.
WITHOUT_LUNGS = {
    "*nothing: majority class*": "majority",
    "*all metadata: bytes per pixel*": "metadata",
    "*the frame around the chest*": "border",
    "*the image at 8x8*": "thumbnail",
}
# These have them in a row of others' figures, and among the methods.
OTHERS = "docs/results/others.md"
STATISTICS = "docs/results/statistics.md"


def main() -> None:
    for size in SIZES:
        commit(RESULTS / size)
    for page in PAGES:
        (ROOT / page).write_text(with_figures(page))
    for page, all_said in sentences({size: kept(size) for size in SIZES}).items():
        text = prose(page)
        for said in all_said:
            if said not in text:
                print(f"{page} should say: {said}")


def commit(folder: Path) -> None:
    """Write the report of a folder's kept runs beside them."""
    with tempfile.TemporaryDirectory() as made:
        command = [sys.executable, "-m", "study.report", "--kept", str(folder / "runs"), "--out", made]
        subprocess.run(command, cwd=ROOT, check=True)
        for name in ("report.md", "results.csv"):
            shutil.copy(Path(made) / name, folder)
        shutil.rmtree(folder / "figures", ignore_errors=True)
        shutil.copytree(Path(made) / "figures", folder / "figures")


def kept(size: str) -> list[Family]:
    """The kept runs of a size: those of official, then of grouped and pooled where there are."""
    return families(results.from_folder(RESULTS / size / "runs", []), study_file.margin(ROOT / "study.yaml"))


def with_figures(page: str) -> str:
    """The page with the committed figures in its table."""
    size, parts = PAGES[page]
    committed = pd.read_csv(RESULTS / size / "results.csv")
    protocols = committed["test_part"].str.split(",").str[0]
    names = [run.removesuffix(f"-{protocol}") for run, protocol in zip(committed["run"], protocols, strict=True)]
    figures = committed.assign(protocol=protocols, name=names).set_index(["name", "protocol"])
    lines = (ROOT / page).read_text().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("| run | layers, learning rate |")) + 2
    for i, line in enumerate(lines[begin:], start=begin):
        if not line.startswith("|"):
            break
        name, what, *cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if name != "**recipe**":
            run = WITHOUT_LUNGS.get(what, name)
            cells[: len(parts)] = [
                told(figures.loc[run, part], figure) if (run, part) in figures.index else NOT_RUN
                for part, figure in parts
            ]
            lines[i] = f"| {' | '.join([name, what, *cells])} |"
    return "\n".join(lines) + "\n"


def told(figures: "pd.Series[float]", name: str) -> str:
    """A figure with its interval, and where there are several seeds its deviation over them, as the pages have it."""
    if np.isnan(figures[name]):
        return "-"
    estimate = Estimate(*(float(figures[f"{name}{end}"]) for end in ("", "_low", "_high")))
    sd = f", sd {short(figures[f'{name}_sd'])}" if name == "accuracy" and figures["n_seeds"] > 1 else ""
    return f"{interval(estimate)}{sd}"


def interval(estimate: Estimate) -> str:
    return f"{short(estimate.value)} ({short(estimate.low)}-{short(estimate.high)})"


def prose(page: str) -> str:
    """The page in one line."""
    return " ".join((ROOT / page).read_text().split())


def sentences(of_size: dict[str, list[Family]]) -> dict[str, list[str]]:
    """By page, what it says of the runs outside its tables."""
    said = at_112(*of_size["112px"])
    for page, more in at_224(*of_size["224px"]).items():
        said[page] = [*said.get(page, []), *more]
    return said


def at_224(official: Family, pooled: Family | None = None) -> dict[str, list[str]]:
    """Of one training each; when pooled as far as they are there."""
    accuracies, aurocs = values(official, "accuracy"), values(official, "auroc")
    missed = percent([1 - share for share in values(official, "specificity")])
    figures = (
        f"the {len(accuracies)} reach accuracies of {span(accuracies)} and AUROCs of {span(aurocs)}; they find "
        f"{percent(values(official, 'sensitivity'))} of the pneumonias and call {missed} of the normal images pneumonia"
    )
    of_rate_1 = [pair.comparison for pair in official.pairs if "rate-1" in (pair.one.name, pair.two.name)]
    on_fewer, worse = (
        sum(one.verdict is Verdict.TRAININGS for one in differences)
        for differences in zip(*((pair.accuracy, pair.auroc) for pair in of_rate_1), strict=True)
    )
    ranked = (
        f"As trained rate-1 (1e-3) is right on fewer images than {on_fewer} of the {len(of_rate_1)} others, and ranks "
        f"worse than {worse} of them"
    )
    said = [figures]
    if pooled:
        reached = values(pooled, "accuracy")
        said.append(f"cut at random, as the study did: {span(reached)} ({len(reached)} of {len(accuracies)} trained)")
    return {"docs/results/README.md": said, "docs/results/224px/README.md": [*said, ranked]}


def at_112(official: Family, grouped: Family, pooled: Family) -> dict[str, list[str]]:
    accuracies, aurocs = values(official, "accuracy"), values(official, "auroc")
    found, right = values(official, "sensitivity"), values(official, "specificity")
    missed = percent([1 - share for share in right])
    networks, of_grouped, _ = by_label([official, grouped, pooled])
    layers_2 = networks["layers-2"]
    reached = sorted(result.test["accuracy"] for result in layers_2.results)
    gave = f"{len(reached)} seeds of layers-2 gave {' '.join(map(short, reached))}"
    first = {name: f"{rank.first:.0%}" for name, rank in zip(networks, official.ranks, strict=True)}
    rows = tables.agreement([official, grouped, pooled], notebook.read_runs()).rows
    alike = [f"{row.cells[tables.NOTEBOOK]:+.2f}".replace("0.", ".") for row in rows]
    pairs = [pair.comparison.accuracy for pair in official.pairs]
    p, widths = [pair.p for pair in pairs], [(pair.estimate.high - pair.estimate.low) / 2 for pair in pairs]
    sizes = [pair.needed.size for pair in pairs if pair.needed]
    seeds, n_images = [size.n_trainings for size in sizes], official.first.test["n_images"]
    n_times = [size.n_images / n_images for size in sizes]
    nearest = f"p {short(min(pair.p_adjusted for pair in pairs))} for all pairs"
    differing = [pair for pair in official.pairs if pair.comparison.auroc.verdict is Verdict.DIFFER]
    assert all("rate-1" in (pair.one.name, pair.two.name) for pair in differing)
    aurocs_told = [pair.comparison.auroc for pair in differing]
    n_seeds = [len(network.results) for network in official.configurations]
    apart = [f"{family.noise.factor:.2f}" for family in (official, grouped, pooled) if family.noise]
    own = with_own_deviations(official)
    from_rate_3, from_layers_2 = (own[frozenset(("rate-1", other))] for other in ("rate-3", "layers-2"))
    losses = [network.test_loss for network in official.configurations]
    degrees = np.array([len(network.results) - 1 for network in official.configurations])
    variances = np.array([network.estimates["accuracy"].sd ** 2 for network in official.configurations])
    sd = float(np.sqrt(np.average(variances, weights=degrees)))
    verdicts = [[counted(family, metric) for metric in ("accuracy", "auroc")] for family in (grouped, pooled)]
    gains = [
        100 * (one.estimates["accuracy"].value - two.estimates["accuracy"].value)
        for one, two in zip(grouped.configurations, pooled.configurations, strict=True)
    ]
    of_rate_3, told = (sum(counts) for counts in zip(of("rate-3", grouped), of("rate-3", pooled), strict=True))
    return {
        "README.md": [
            f"accuracies of {span(values(pooled, 'accuracy'), 2, ' to ')} (the notebook: .93 to .96)",
            f"own test folder they reach {span(accuracies, 2, ' to ')}",
            f"find {percent(found)} of the pneumonias of the official part and call {missed} of its normal images",
            gave,
            nearest,
            f"would be told apart ({short(from_rate_3)})",
        ],
        "docs/results/README.md": [
            f"Pooled {span(values(pooled, 'accuracy'))}, official {span(accuracies)}",
            f"they find {percent(found)} of the pneumonias and call {missed} of the normal images",
            f"(rank correlation {alike[2]} and {alike[1]}); the official test part does not ({alike[0]})",
            gave,
            nearest,
            f"would be told apart (p {short(from_rate_3)})",
            f"In AUROC {sum(auroc > 0.92 for auroc in aurocs)} of the eight lie above .92",
            f"rate-3 comes first in {first['rate-3']}, layers-2 in {first['layers-2']}",
            f"| does not hold: {interval(layers_2.estimates['accuracy'])} |",
            f"by {apart[1]} times or more under grouped, {apart[2]} under pooled, {apart[0]} under official",
            f"the test loss stays at {short(min(losses), 2)} and more",
        ],
        "docs/results/112px/README.md": [
            f"sensitivity is {span(found)} and specificity {span(right)}: {missed} of the normal images",
            f"({span(aurocs)} against {span(values(grouped, 'auroc') + values(pooled, 'auroc'))})",
            f"pooled {alike[2]}, grouped {alike[1]}, official {alike[0]}",
            in_words.difference(official).partition(": ")[2],
            f"({sum(value <= 0.05 for value in p)} have p of 5% or less by themselves, the least {short(min(p))})",
            f"lie apart by {short(sd)} ({degrees.sum()} degrees of freedom, pooled; {gave})",
            f"is +-{span(widths, to=' to +-')} wide",
            nearest,
            f"need {min(seeds)} to {max(seeds)} seeds of each, on {min(n_times):.1f} to {max(n_times):.0f} times the "
            "images",
            f"rate-1 (1e-3) ranks worse than {len(differing)} others, by "
            f"{span([abs(one.estimate.value) for one in aurocs_told], to=' to ')}, p for all pairs at most "
            f"{short(max(one.p_adjusted for one in aurocs_told))}",
            f"layers-2 {interval(layers_2.estimates['auroc'])} against",
            f"rate-1 would be told apart (p {short(from_rate_3)} for all pairs) and rate-1 - layers-2 would not "
            f"({short(from_layers_2, 2)})",
            f"by {apart[0]} times or more in 1 of 20 under official, {apart[1]} under grouped, {apart[2]} when pooled",
            *(f"| {by_accuracy} | {by_auroc} |" for by_accuracy, by_auroc in verdicts),
            f"grouped, {verdicts[0][0]}; pooled, {verdicts[1][0]}. {of_rate_3} of the {told} that differ are rate-3's",
            f"(grouped - pooled: {min(gains):+.1f} to {max(gains):+.1f} points, {sum(gain > 0 for gain in gains)} of "
            f"{len(gains)} above)",
            f"consecutive C cost {cost(official, networks)} times under official, "
            f"{cost(grouped, of_grouped)} under grouped",
            f"the loss on the test is {short(networks['rate-3'].test_loss, 2)} at the smallest rate and "
            f"{networks['rate-1'].test_loss:.1f} at the largest",
            f"first by accuracy in {first['rate-3']} of the draws of patients and trainings, layers-2 in "
            f"{first['layers-2']}",
        ],
        OTHERS: [
            f"| {span(n_seeds, 0, ' to ')} | no | {span(accuracies, to=' to ')} | {span(aurocs, to=' to ')} | "
            f"{span(found)} / {span(right)} |"
        ],
        STATISTICS: [f"seeds, {degrees.sum()})"],
        "docs/results/224px/README.md": [f"lie apart by {short(sd)}"],
    }


def with_own_deviations(family: Family) -> dict[frozenset[str], float]:
    """By pair its p in accuracy, for all pairs, were the deviation of trainings not shared."""
    alone = family.spread("accuracy").otherwise()
    names = [frozenset((pair.one.name, pair.two.name)) for pair in family.pairs]
    tested = significance.tested(alone, None, family.n_patients)
    return dict(zip(names, (one.p_adjusted for one in tested), strict=True))


def counted(family: Family, metric: str) -> str:
    """How many of its pairs have which verdict."""
    counts = Counter(getattr(pair.comparison, metric).verdict for pair in family.pairs)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def of(name: str, family: Family) -> tuple[int, int]:
    """Of the pairs that differ in accuracy, be it as trained, how many are of this network, and how many there are."""
    differing = [
        pair for pair in family.pairs if pair.comparison.accuracy.verdict in (Verdict.DIFFER, Verdict.TRAININGS)
    ]
    return sum(name in pair.title for pair in differing), len(differing)


def cost(family: Family, networks: dict[str, Configuration]) -> str:
    """How many times as long as their like without consecutive C two of the networks train."""
    ratios = [family.speed_ratio(networks[apart], networks[consecutive]) for consecutive, apart in SAME_PARAMETERS]
    return " and ".join(f"{ratio.value:.2f}" for ratio in ratios if ratio)


def values(family: Family, metric: str) -> list[float]:
    return [network.estimates[metric].value for network in family.configurations]


def span(values: list[float], digits: int = 3, to: str = "-") -> str:
    """The least and the largest, one where both are written the same."""
    return to.join(dict.fromkeys([short(min(values), digits), short(max(values), digits)]))


def percent(shares: list[float]) -> str:
    """The least and the largest; 100 is all."""
    ends = [f"{100 * end:.{int(0.995 <= end < 1)}f}" for end in (min(shares), max(shares))]
    return f"{'-'.join(dict.fromkeys(ends))}%"


if __name__ == "__main__":
    main()
