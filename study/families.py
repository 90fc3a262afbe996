"""Results put in order: families of runs tested on the same images, in each the configurations and their seeds."""

import sys
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby

import numpy as np

from cxr.statistics import comparison, ranks
from cxr.statistics.comparison import Comparison, Measured
from cxr.statistics.estimate import Estimate
from cxr.statistics.ranks import Rank
from cxr.statistics.timing import Noise, noise, speed_ratio
from cxr.statistics.trainings import Spread
from cxr.vocabulary import PROTOCOLS
from study.results import Result, hashable

# Of more configurations those that do best on validation are drawn, and compared in the page's table: 276 pairs.
MOST_DRAWN = 24

# Parameters of the training that leave the time for an image as it is.
NO_WORK = {"learning_rate", "seed", "epochs"}


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in their training seed alone; named after the first."""

    results: list[Result]
    measured: Measured
    # Accuracy, AUROC and the others on the test part, mean over the seeds; see cxr.statistics.comparison.
    estimates: dict[str, Estimate]

    @property
    def name(self) -> str:
        return self.results[0].name

    @property
    def first(self) -> Result:
        return self.results[0]

    @property
    def layers(self) -> str:
        return self.first.layers

    @property
    def learning_rate(self) -> float:
        return float(self.first.params["train"]["learning_rate"])

    @property
    def setting(self) -> str:
        """Layers and learning rate in words."""
        return f"{self.layers}, {self.first.rate}"

    def train_mean(self, key: str) -> float:
        """Mean over the seeds of a number of data/details/train.json; NaN where a run has none."""
        return train_mean(self.results, key)

    @property
    def rises_from(self) -> list[int]:
        """The epoch from which the validation loss rises, of each training where it does."""
        epochs = [result.train["val_loss_rises_from"] for result in self.results]
        return [epoch for epoch in epochs if epoch is not None]

    @property
    def test_loss(self) -> float:
        """Mean over the seeds of the cross-entropy on the test part, in nats."""
        return _mean(result.test["loss"] for result in self.results)


def train_mean(results: list[Result], key: str) -> float:
    """Mean over runs of a number of data/details/train.json; NaN where a run has none."""
    return _mean(result.train.get(key) for result in results)


def _mean(values: Iterable[float | None]) -> float:
    return float(np.mean([np.nan if value is None else value for value in values]))


@dataclass(frozen=True)
class Pair:
    """Two configurations and what is known of their difference, second - first."""

    one: Configuration
    two: Configuration
    comparison: Comparison

    @property
    def title(self) -> str:
        return f"{self.two.name} - {self.one.name}"


@dataclass(frozen=True)
class Family:
    """Configurations tested on the same images; `margin`: a difference that does not matter, if one is named."""

    test_part: str
    configurations: list[Configuration]
    margin: float | None = None

    @property
    def first(self) -> Result:
        return self.configurations[0].first

    @property
    def results(self) -> list[Result]:
        """The runs of all its configurations."""
        return [result for configuration in self.configurations for result in configuration.results]

    @property
    def protocol(self) -> str:
        return str(self.first.test["protocol"])

    @property
    def n_patients(self) -> int:
        """Patient groups of the test part."""
        return self.configurations[0].measured.n_patients

    @cached_property
    def prepared_alike(self) -> list[Configuration]:
        """Those whose images are made as most configurations have them, or as the first has, of as many."""
        preparations = [repr(one.first.params["images"]) for one in self.configurations]
        [(commonest, _)] = Counter(preparations).most_common(1)
        return [one for one, made in zip(self.configurations, preparations, strict=True) if made == commonest]

    @property
    def shortcuts(self) -> dict[str, dict[str, Estimate]]:
        """Accuracy and auroc of the audit's classifiers, by the name of what they see, on images `prepared_alike`."""
        return self.prepared_alike[0].first.without_lungs

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every pair of configurations."""
        pairs = combinations(self.configurations, 2)
        comparisons = comparison.compare(self._measured, self.margin)
        return [Pair(one, two, compared) for (one, two), compared in zip(pairs, comparisons, strict=True)]

    @cached_property
    def ranks(self) -> list[Rank]:
        """The place of each configuration by accuracy."""
        return ranks.by_accuracy(self._measured, self.first.params["evaluate"]["seed"])

    def spread(self, metric: str) -> Spread:
        """How far a metric of its configurations would lie elsewhere, see trainings.Spread."""
        return comparison.spread(self._measured, metric)

    @property
    def _measured(self) -> list[Measured]:
        return [configuration.measured for configuration in self.configurations]

    @cached_property
    def drawn(self) -> list[Configuration]:
        """The configurations that have figures of their own: all, or of many the best on validation."""
        by_validation = sorted(self.configurations, key=lambda one: one.train_mean("val_accuracy"), reverse=True)
        names = {one.name for one in by_validation[:MOST_DRAWN]}
        return [one for one in self.configurations if one.name in names]

    @property
    def drawn_pairs(self) -> list[Pair]:
        """The pairs of those."""
        names = {one.name for one in self.drawn}
        return [pair for pair in self.pairs if {pair.one.name, pair.two.name} <= names]

    def pair(self, one: Configuration, two: Configuration) -> Pair:
        """The pair of these two configurations, in the order in which it was compared."""
        return next(pair for pair in self.pairs if {pair.one.name, pair.two.name} == {one.name, two.name})

    @cached_property
    def machines(self) -> list[str]:
        """What its runs were trained on: first where most configurations have a run, of those where most runs are.

        Of several with as many first where the first seed was trained, not where another session added one.
        """
        trained = [(run.machine, one.name) for one in self.configurations for run in one.results]
        n_runs, n_configurations = Counter(on for on, _ in trained), Counter(on for on, _ in set(trained))
        return sorted(n_runs, key=lambda machine: (-n_configurations[machine], -n_runs[machine]))

    def timed(self, configuration: Configuration) -> list[Result]:
        """Its runs on one machine, the first of `machines` where it has any: those whose times and memory count."""
        on = next(machine for machine in self.machines if any(run.machine == machine for run in configuration.results))
        return [run for run in configuration.results if run.machine == on]

    @cached_property
    def noise(self) -> Noise | None:
        """How far the speeds of runs of equal networks lie apart, whatever their learning rate and seed."""
        by_network: dict[Hashable, list[float]] = {}
        for result in self.results:
            by_network.setdefault(_work(result), []).append(_speed(result))
        return noise(list(by_network.values()))

    def speed_ratio(self, one: Configuration, two: Configuration) -> Estimate | None:
        """How many times as fast as `two` the configuration `one` trains, by the runs `timed`.

        None where the noise is not known.
        """
        if self.noise is None:
            return None
        of_one, of_two = ([_speed(result) for result in self.timed(configuration)] for configuration in (one, two))
        return speed_ratio(of_one, of_two, self.noise)


def _speed(result: Result) -> float:
    """Training images per second."""
    return float(result.train["images_per_second"])


def _work(result: Result) -> Hashable:
    """What decides how long an image takes to train on, as a key."""
    steps = {key: value for key, value in result.params["train"].items() if key not in NO_WORK}
    return hashable([result.params["model"], steps, result.params["augment"], result.machine])


def families(results: list[Result], margin: float | None = None) -> list[Family]:
    """Results by the images they were tested on, the protocols in the order of PROTOCOLS.

    `margin`: the difference below which two configurations are practically equal; without one none is called so.
    The same network and seed once more, under another name, counts once: see each_once.
    """
    order = sorted(each_once(results), key=lambda result: (PROTOCOLS.index(result.test["protocol"]), result.test_part))
    parts = groupby(order, key=lambda result: result.test_part)
    return [Family(part, _configurations(list(members)), margin) for part, members in parts]


def each_once(results: list[Result]) -> list[Result]:
    """Results without those of a network and seed that are there already, which are told on stderr.

    On another machine the same seed may give another training by rounding. It begins with the same weights and sees the
    same batches all the same, so that the two tell less of a third than those of two seeds would. Two folders of images
    may have one name, of which alone kept runs know: what was tested on other numbers of them is another training.
    """
    first_of: dict[Hashable, Result] = {}
    repeated = []
    for result in results:
        key = result.test_part, result.configuration, result.params["train"]["seed"]
        first = first_of.setdefault(key, result)
        if first is not result:
            repeated.append(f"{result.name} (as {first.name}, train.seed {result.params['train']['seed']})")
    if repeated:
        print(
            f"left out, the same training once more: {', '.join(repeated)}. Another training takes another train.seed",
            file=sys.stderr,
        )
    return list(first_of.values())


def together(all_families: list[Family]) -> list[list[Family]]:
    """Families that may stand in one comparison, by the first of each: images of one kind, size, classes."""
    groups: dict[Hashable, list[Family]] = {}
    for family in all_families:
        first = family.first
        key = (first.data["images"], first.params["images"]["size"], tuple(first.classes))
        groups.setdefault(key, []).append(family)
    return list(groups.values())


def _configurations(results: list[Result]) -> list[Configuration]:
    by_key: dict[Hashable, list[Result]] = {}
    for result in results:
        by_key.setdefault(result.configuration, []).append(result)
    # One setting for all, so that a bootstrap draw has the same patients for each configuration.
    settings = results[0].params["evaluate"]
    n_samples, seed = settings["bootstrap_samples"], settings["seed"]
    ordered = [sorted(runs, key=lambda run: run.params["train"]["seed"]) for runs in by_key.values()]
    measured = [
        comparison.measure(runs[0].name, [run.tested for run in runs], n_samples, seed, runs[0].network)
        for runs in ordered
    ]
    return [
        Configuration(runs, alike, estimates)
        for runs, alike, estimates in zip(ordered, measured, comparison.estimates(measured), strict=True)
    ]
