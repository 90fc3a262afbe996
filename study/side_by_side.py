"""The same networks under several test parts."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, replace
from itertools import takewhile

from study.families import Configuration, Family
from study.results import OF_INTERVALS, hashable

# What divides the parts of a run's name, such as its label.
DIVIDING = "-_."

# By section the parameters that make no other network but by chance and rounding, or move an interval alone.
BESIDE = {
    "images": {"size"},
    "train": {"seed", "precision", "devices"},
    "evaluate": OF_INTERVALS,
}


@dataclass(frozen=True)
class Network:
    """A network, how it is trained and what it is asked, whatever the test part.

    `setting`: its layers and learning rate in words; `params`: those and all others, as a key.
    """

    setting: str
    params: Hashable
    name: str = ""


def by_label(all_families: list[Family]) -> list[dict[str, Configuration]]:
    """For each family its configurations, under labels that mean the same network, trained alike, in all families.

    The label is what the names of these share, `layers-1` of layers-1 and layers-1-pooled; else the setting, with a
    name where the setting has several networks.
    """
    by_network = [_by_network(family) for family in all_families]
    names: dict[Network, list[str]] = {}
    for family in by_network:
        for network, configuration in family.items():
            names.setdefault(network, []).append(configuration.name)
    shared = {network: _shared_name(called) for network, called in names.items()}
    n_called, n_with = Counter(shared.values()), Counter(network.setting for network in names)

    def label(network: Network) -> str:
        if (name := shared[network]) and n_called[name] == 1:
            return name
        return network.setting if n_with[network.setting] == 1 else f"{network.setting} ({names[network][0]})"

    return [{label(network): one for network, one in family.items()} for family in by_network]


def _by_network(family: Family) -> dict[Network, Configuration]:
    """The configurations by their networks; of those that only code or commit tell apart, by their name too."""
    networks = [_network(configuration) for configuration in family.configurations]
    n_with = Counter(networks)
    return {
        network if n_with[network] == 1 else replace(network, name=one.name): one
        for network, one in zip(networks, family.configurations, strict=True)
    }


def _network(configuration: Configuration) -> Network:
    """A configuration without its images: test parts of other sizes are told apart elsewhere."""
    params = configuration.first.params
    parts = {section: params[section] for section in ("model", "augment", "images", "train", "evaluate")}
    told = {name: {key: part[key] for key in part if key not in BESIDE.get(name, ())} for name, part in parts.items()}
    return Network(configuration.setting, hashable(told))


def _shared_name(names: list[str]) -> str:
    """The beginning that all names share, up to where one ends or a sign divides it; empty where there is none."""
    if len(set(names)) == 1:
        return names[0]
    alike = takewhile(lambda signs: len(set(signs)) == 1, zip(*names, strict=False))
    start = "".join(signs[0] for signs in alike).rstrip(DIVIDING)
    return start if all(name[len(start) :][:1] in DIVIDING for name in names) else ""
