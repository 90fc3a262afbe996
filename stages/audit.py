"""data/manifest.csv, data/images.npy, data/split/{train,test}.csv -> metrics/shortcuts.json, plots/shortcuts.csv"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.statistics.audit import audit
from cxr.statistics.params import AuditParams
from stages import project


def main() -> None:
    params = project.read_params(AuditParams, "audit")
    protocol = json.loads(Path("metrics/split.json").read_text())["protocol"]
    manifest = pd.read_csv("data/manifest.csv")
    images = np.load("data/images.npy", mmap_mode="r")
    train, test = (pd.read_csv(f"data/split/{name}.csv") for name in ("train", "test"))
    shortcuts = audit(manifest, images, train, test, params)
    project.write_csv("plots/shortcuts.csv", pd.DataFrame(shortcuts).T.rename_axis("shortcut").reset_index())
    project.write_json("metrics/shortcuts.json", {"protocol": protocol, "n_images": len(test), **shortcuts})


if __name__ == "__main__":
    project.run(main)
