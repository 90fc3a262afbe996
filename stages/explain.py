"""models/model.keras, data/predictions/test.csv -> plots/{samples,augmented,...}.png, data/details/explain.json"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from cxr import files
from cxr.data.names import in_prose
from cxr.inference import explain, foreign, gallery
from cxr.inference.params import ExplainParams
from cxr.inference.pictures import in_words, write_grid
from cxr.inference.predict import logits
from cxr.networks.augmentation import is_neutral
from cxr.networks.model_file import load
from cxr.networks.params import AugmentParams, TrainParams
from cxr.statistics.params import EvaluateParams
from cxr.vocabulary import SPLITS
from stages import project


def main() -> None:
    params = project.read_params(ExplainParams, "explain")
    evaluated = project.read_params(EvaluateParams, "evaluate")
    augment = project.read_params(AugmentParams, "augment")
    trained = project.read_params(TrainParams, "train")
    measured = project.read_details("test")
    images = np.load("data/images.npy", mmap_mode="r")
    manifest = pd.read_csv("data/manifest.csv")
    model = load("models/model.keras", images.shape[1])
    parts = {name: pd.read_csv(f"data/split/{name}.csv") for name in SPLITS}
    test = parts["test"].merge(files.read_predictions("data/predictions/test.csv")[["path", "probability"]], on="path")
    test["called"] = (test["probability"] >= measured["threshold"]).astype(int)
    data = project.read_details("data")
    shown, classes = f"images: {data['images']}", data["classes"]

    n, seed = params.n_columns, params.seed
    # A stack without a convolution is a network all the same.
    grad_cam = explain.GradCam(model) if explain.has_feature_map(model) else None
    name = in_prose(classes[1])
    looks = f"Grad-CAM, yellow speaks most for {name}" if grad_cam else "No map, for there is no convolution"
    p = f"p: probability of {name}"
    changed = "No augmentation: training images stay as they are"
    if not is_neutral(augment):
        changed = "What the augmentation makes of training images"
    pictures = {
        "samples": (
            f"Picked at random from each part and class, with their stored size; {shown}",
            gallery.samples(images, manifest, parts, classes, n, seed),
        ),
        "augmented": (
            f"{changed}; {shown}",
            gallery.augmented(images, parts["train"], augment, n, trained.seed),
        ),
        "errors": (
            f"The most confident errors on the test part; {p}; {shown}",
            gallery.errors(images, test, classes, n),
        ),
        "saliency": (
            f"{looks}; images picked at random; {p}; blue: the coarse lung field; {shown}",
            gallery.saliency(images, test, grad_cam, classes, n, seed),
        ),
    }
    for name, (title, rows) in pictures.items():
        with files.whole(f"plots/{name}.png") as path:
            write_grid(path, title, rows, n)

    def predict(some: NDArray[np.uint8]) -> NDArray[np.float64]:
        seen = logits(model, some, np.arange(len(some)), crop=evaluated.crop, flip=evaluated.flip)
        return expit(seen / measured.get("temperature", 1.0))

    features = foreign.Features(model)
    detector = foreign.fit(*(features(images[parts[name]["row"].to_numpy()]) for name in ("train", "val")))
    project.write_details(
        "explain",
        {
            **explain.measure(model, images, test, predict, seed),
            "foreign": foreign.measure(detector, features, images[test["row"].to_numpy()], seed),
            "pictures": {name: in_words(title, rows) for name, (title, rows) in pictures.items()},
        },
    )


if __name__ == "__main__":
    project.run(main)
