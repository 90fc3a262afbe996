"""data/manifest.csv, data/images.npy, data/split/{train,test}.csv -> metrics/audit.json, plots/shortcuts.csv"""

import numpy as np
import pandas as pd

from cxr import files
from cxr.statistics.audit import METADATA, audit
from cxr.statistics.params import AuditParams
from stages import project


def main() -> None:
    params = project.read_params(AuditParams, "audit")
    protocol = project.read_details("split")["protocol"]
    manifest = pd.read_csv("data/manifest.csv", usecols=METADATA.__contains__)
    images = np.load("data/images.npy", mmap_mode="r")
    columns = ["row", "label", "patient_group"]
    train, test = (pd.read_csv(f"data/split/{name}.csv", usecols=columns) for name in ("train", "test"))
    shortcuts = audit(manifest, images, train, test, params)
    files.write_csv("plots/shortcuts.csv", pd.DataFrame(shortcuts).T.rename_axis("shortcut").reset_index())
    project.write_details("shortcuts", {"protocol": protocol, "n_images": len(test), **shortcuts})
    project.write_metrics("audit", {"best_without_lungs": max(values["accuracy"] for values in shortcuts.values())})


if __name__ == "__main__":
    project.run(main)
