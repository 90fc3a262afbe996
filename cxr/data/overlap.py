"""What the parts of a split have in common, and what that means for the test figures."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxr.vocabulary import ETIOLOGIES


def summarise(parts: dict[str, pd.DataFrame], protocol: str, patients: str) -> dict[str, Any]:
    """The summary in data/details/split.json: each part's images, groups, prevalence, etiology, what it shares.

    `patients`: see Origin. Of patients unknown, each image is a group, and whether the parts share some is None.
    """
    groups = {name: set(part["patient_group"]) for name, part in parts.items()}
    hashes = {name: set(part["sha256"]) for name, part in parts.items()}
    found = set().union(*(part["etiology"] for part in parts.values()))
    etiologies = ETIOLOGIES if found <= set(ETIOLOGIES) else sorted(found)

    def shared(sets: dict[str, set[str]], name: str) -> dict[str, int]:
        return {other: len(sets[name] & sets[other]) for other in parts if other != name}

    summary: dict[str, dict[str, Any]] = {
        name: {
            "n_images": len(part),
            "n_groups": len(groups[name]),
            "prevalence": float(part["label"].mean()),
            "etiology": {key: int((part["etiology"] == key).sum()) for key in etiologies},
            "shared_groups": shared(groups, name),
            "shared_copies": shared(hashes, name),
            "n_images_of_shared_groups": int(
                part["patient_group"].isin(set().union(*(groups[o] for o in parts if o != name))).sum()
            ),
        }
        for name, part in parts.items()
    }
    is_disjoint = all(n == 0 for part in summary.values() for n in part["shared_groups"].values())
    is_known = patients != "unknown"
    return {"protocol": protocol, "is_patient_disjoint": is_disjoint if is_known else None, **summary}


def leak(summary: Mapping[str, Any]) -> str:
    """What training or validation knows of the test part, in one sentence, from what `summarise` gives.

    Empty where it knows nothing, and under `pooled`, whose point it is. Under `official` the folders decide.
    """
    test = summary["test"]
    n_groups, n_copies = sum(test["shared_groups"].values()), sum(test["shared_copies"].values())
    if summary["protocol"] == "pooled" or not (n_groups or n_copies):
        return ""
    groups = f"{n_groups} of its {test['n_groups']} patient groups" if n_groups else ""
    copies = f"exact copies of {n_copies} of its images" if n_copies else ""
    return (
        f"The test part is not apart: {' and '.join(filter(None, (groups, copies)))} are also in training or "
        "validation, so that its figures are too good. Mend the folders or the table, or use split.protocol grouped."
    )
