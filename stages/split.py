"""data/manifest.csv, data/details/data.json -> data/split/{train,val,test}.csv, data/details/split.json"""

import sys

import pandas as pd

from cxr import files
from cxr.data import overlap, split
from cxr.data.params import SplitParams
from stages import project


def main() -> None:
    params = project.read_params(SplitParams, "split")
    table = pd.read_csv("data/manifest.csv")
    parts = split.cut(table, params)
    # Of a table this may be half of the images, given to a part for another protocol.
    if n_left_out := len(table) - sum(map(len, parts.values())):
        print(f"warning: {params.protocol}: {n_left_out} images whose part is test are left out", file=sys.stderr)
    columns = ["row", "path", "label", "etiology", "patient_group"]
    for name, part in parts.items():
        files.write_csv(f"data/split/{name}.csv", part[columns])
    summary = overlap.summarise(parts, params.protocol, project.read_details("data")["patients"])
    if said := overlap.leak(summary):
        print(f"warning: {params.protocol}: {said}", file=sys.stderr)
    project.write_details("split", summary)


if __name__ == "__main__":
    project.run(main)
