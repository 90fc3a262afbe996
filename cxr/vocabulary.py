"""The words that all rooms share: parts of a data set, classes, protocols; what files are called."""

from typing import Literal, get_args

SPLITS = ["train", "val", "test"]
# A label is the index of its class.
CLASSES = ["NORMAL", "PNEUMONIA"]
ETIOLOGIES = ["normal", "bacteria", "virus"]
Protocol = Literal["official", "grouped", "pooled", "series"]
PROTOCOLS: list[str] = list(get_args(Protocol))

# The suffixes of image files and the format that each promises.
SUFFIXES = {".jpeg": "JPEG", ".jpg": "JPEG", ".png": "PNG"}
