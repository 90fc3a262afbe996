"""models/model.keras -> data/predictions/{val,test}.csv, metrics/test.json, plots/{roc,...}.csv"""

import sys

import numpy as np
import pandas as pd
from scipy.special import expit

from cxr import files
from cxr.inference.cost import flops_per_image
from cxr.inference.predict import logits
from cxr.networks.model_file import load
from cxr.statistics import evaluation, temperature
from cxr.statistics.params import EvaluateParams
from stages import project

COMPARED = ("accuracy", "auroc", "sensitivity", "specificity", "loss")


def main() -> None:
    params = project.read_params(EvaluateParams, "evaluate")
    protocol = project.read_details("split")["protocol"]
    classes = project.read_details("data")["classes"]
    images = np.load("data/images.npy", mmap_mode="r")
    model = load("models/model.keras", images.shape[1])
    tables = {name: pd.read_csv(f"data/split/{name}.csv") for name in ("val", "test")}
    seen = {
        name: logits(model, images, table["row"].to_numpy(), crop=params.crop, flip=params.flip)
        for name, table in tables.items()
    }
    fitted = 1.0
    if params.temperature == "validation":
        found = temperature.fit(tables["val"]["label"], seen["val"])
        if found is None:
            why = "its logits separate the classes, or tell nothing of them"
            print(f"warning: validation knows no temperature, so that it stays 1: {why}", file=sys.stderr)
        else:
            fitted = found
    predictions = {}
    for name, table in tables.items():
        table["probability"] = expit(seen[name] / fitted)
        predictions[name] = table[["path", "patient_group", "label", "probability"]]
        files.write_csv(f"data/predictions/{name}.csv", predictions[name])

    measured = evaluation.measure(predictions["val"], predictions["test"], params)
    if params.temperature == "validation":
        measured["temperature"] = fitted
    project.write_details("test", {"protocol": protocol, **measured, "flops_per_image": flops_per_image(model)})
    project.write_metrics("test", {key: measured[key] for key in COMPARED})
    test = predictions["test"]
    files.write_csv("plots/performance.csv", evaluation.performance(measured))
    files.write_csv("plots/roc.csv", evaluation.roc(test))
    files.write_csv("plots/precision_recall.csv", evaluation.precision_recall(test))
    files.write_csv("plots/calibration.csv", evaluation.calibration(test))
    files.write_csv("plots/confusion.csv", evaluation.confusion(test, measured["threshold"], classes))


if __name__ == "__main__":
    project.run(main)
