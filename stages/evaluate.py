"""models/model.keras -> data/predictions/{val,test}.csv, metrics/test.json, plots/{roc,...}.csv"""

import numpy as np
import pandas as pd

from cxr.inference.cost import flops_per_image
from cxr.inference.predict import predict
from cxr.networks.model_file import load
from cxr.statistics import evaluation
from cxr.statistics.params import EvaluateParams
from stages import project

COMPARED = ("accuracy", "auroc", "sensitivity", "specificity", "loss")


def main() -> None:
    params = project.read_params(EvaluateParams, "evaluate")
    protocol = project.read_details("split")["protocol"]
    model = load("models/model.keras")
    images = np.load("data/images.npy", mmap_mode="r")
    predictions = {}
    for name in ("val", "test"):
        table = pd.read_csv(f"data/split/{name}.csv")
        table["probability"] = predict(model, images, table["row"].to_numpy())
        predictions[name] = table[["path", "patient_group", "label", "probability"]]
        project.write_csv(f"data/predictions/{name}.csv", predictions[name])

    figures = evaluation.measure(predictions["val"], predictions["test"], params)
    project.write_details("test", {"protocol": protocol, **figures, "flops_per_image": flops_per_image(model)})
    project.write_metrics("test", {key: figures[key] for key in COMPARED})
    test = predictions["test"]
    project.write_csv("plots/roc.csv", evaluation.roc(test))
    project.write_csv("plots/precision_recall.csv", evaluation.precision_recall(test))
    project.write_csv("plots/calibration.csv", evaluation.calibration(test))
    project.write_csv("plots/confusion.csv", evaluation.confusion(test, figures["threshold"]))


if __name__ == "__main__":
    project.run(main)
