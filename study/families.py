"""Results put in order: families of runs tested on the same images, in each the configurations and their seeds."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, groupby
from typing import Any

import numpy as np

from cxr.statistics.comparison import SIGNIFICANCE, Measured, holm, measure, paired
from cxr.vocabulary import PROTOCOLS
from study.results import Result


@dataclass(frozen=True)
class Configuration:
    """Runs that differ in their training seed alone; named after the first."""

    results: list[Result]
    measured: Measured

    @property
    def name(self) -> str:
        return self.results[0].name

    @property
    def first(self) -> Result:
        return self.results[0]

    @property
    def layers(self) -> str:
        return str(self.first.params["model"]["layers"])

    @property
    def learning_rate(self) -> float:
        return float(self.first.params["train"]["learning_rate"])

    @property
    def setting(self) -> str:
        """Layers and learning rate in words."""
        return f"{self.layers}, {self.learning_rate:g}"

    def train(self, key: str) -> float:
        """Mean over the seeds of a figure of data/details/train.json; NaN where a run has none."""
        return _mean(result.train.get(key) for result in self.results)

    @property
    def test_loss(self) -> float:
        """Mean over the seeds of the cross-entropy on the test part, in nats."""
        return _mean(result.test["loss"] for result in self.results)


def _mean(values: Iterable[float | None]) -> float:
    return float(np.mean([np.nan if value is None else value for value in values]))


@dataclass(frozen=True)
class Pair:
    """Two configurations and what their tests say (see cxr.statistics.comparison.paired).

    `p_images`, `p_seeds`: McNemar's and Welch's p after Holm over the family; `p_seeds` is NaN where one of the two has
    a single seed.
    """

    one: Configuration
    two: Configuration
    figures: dict[str, float]
    p_images: float
    p_seeds: float

    @property
    def title(self) -> str:
        return f"{self.two.name} - {self.one.name}"

    @property
    def differs_here(self) -> bool:
        """Whether these trainings differ by more than the drawing of images."""
        return self.p_images < SIGNIFICANCE

    @property
    def is_real(self) -> bool:
        """Whether they differ by more than the drawing of images and by more than other seeds would make them."""
        return self.differs_here and self.p_seeds < SIGNIFICANCE


@dataclass(frozen=True)
class Family:
    """Configurations tested on the same images."""

    test_part: str
    configurations: list[Configuration]

    @property
    def first(self) -> Result:
        return self.configurations[0].first

    @property
    def protocol(self) -> str:
        return str(self.first.test["protocol"])

    @property
    def by_setting(self) -> dict[str, Configuration]:
        """The configurations by their setting, and by their name too where several have the same."""
        n_with = Counter(each.setting for each in self.configurations)
        return {
            each.setting if n_with[each.setting] == 1 else f"{each.setting} ({each.name})": each
            for each in self.configurations
        }

    @property
    def shortcuts(self) -> dict[str, dict[str, Any]]:
        """The audit's figures by the name of what its classifiers see."""
        return {key: value for key, value in self.first.shortcuts.items() if isinstance(value, dict)}

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every pair of configurations."""
        couples = list(combinations(self.configurations, 2))
        figures = [paired(one.measured, two.measured) for one, two in couples]
        by_images, by_seeds = (holm([each[key] for each in figures]) for key in ("p_mcnemar", "p_seeds"))
        tested = zip(couples, figures, by_images, by_seeds, strict=True)
        return [Pair(one, two, each, p_images, p_seeds) for (one, two), each, p_images, p_seeds in tested]

    def pair(self, one: Configuration, two: Configuration) -> Pair | None:
        """The pair of these two in this order, if it was tested so."""
        return next((pair for pair in self.pairs if pair.one is one and pair.two is two), None)


def families(results: list[Result]) -> list[Family]:
    """Results by the images they were tested on, the protocols in the order of PROTOCOLS."""
    order = sorted(results, key=lambda result: (PROTOCOLS.index(result.test["protocol"]), result.test_part))
    parts = groupby(order, key=lambda result: result.test_part)
    return [Family(part, _configurations(list(members))) for part, members in parts]


def _configurations(results: list[Result]) -> list[Configuration]:
    by_key: dict[str, list[Result]] = {}
    for result in results:
        by_key.setdefault(result.configuration, []).append(result)
    return [_configuration(sorted(group, key=lambda each: each.params["train"]["seed"])) for group in by_key.values()]


def _configuration(results: list[Result]) -> Configuration:
    settings = results[0].params["evaluate"]
    seeds = [result.tested for result in results]
    return Configuration(results, measure(results[0].name, seeds, settings["bootstrap_samples"], settings["seed"]))
