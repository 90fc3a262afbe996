"""The words that all rooms share: parts of a data set, classes, protocols; what files are called."""

SPLITS = ["train", "val", "test"]
# A label is the index of its class.
CLASSES = ["NORMAL", "PNEUMONIA"]
ETIOLOGIES = ["normal", "bacteria", "virus"]
PROTOCOLS = ["official", "grouped", "pooled", "series"]

# The suffixes of image files and the format that each promises.
SUFFIXES = {".jpeg": "JPEG", ".jpg": "JPEG", ".png": "PNG"}
