"""What the runs of a study share, the images and how they are cut, is made once before any of them starts.

Each run then takes it from DVC's run cache. Else every run would find out for itself that a server cannot be reached or
that a folder holds no images, and two runs at a time would fetch the same images twice.
"""

import json

from study.run.grid import Run

# The last stage before training; those that it depends on run with it.
TARGETS = ("audit",)
# No run of a study can have such a name, so that none is taken for a preparation and forgotten: see grid.NAME.
SUFFIX = "+images"
# What no stage up to it reads.
LATER = {"model", "train", "augment", "evaluate", "explain"}


def preparations(runs: list[Run]) -> list[tuple[Run, list[Run]]]:
    """What is made before the runs, and for which: a run of the first stages for each two or more that start alike."""
    alike: dict[str, list[Run]] = {}
    for run in runs:
        start = {section: values for section, values in run.params.items() if section not in LATER}
        alike.setdefault(json.dumps(start, sort_keys=True), []).append(run)
    return [(first_stages(members[0]), members) for members in alike.values() if len(members) > 1]


def names(runs: list[Run]) -> set[str]:
    """All names that preparations of these runs may have."""
    return {first_stages(run).name for run in runs}


def first_stages(run: Run) -> Run:
    """What makes the images of a run and how they are cut, as a run of its own."""
    return Run(run.name + SUFFIX, run.overrides, run.params, TARGETS)
