"""Sections `model`, `train` and `augment` of params.yaml."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from cxr.errors import UserError
from cxr.networks import notation
from cxr.params import STRICT, Seed

Width = Annotated[int, Field(gt=0, le=notation.MAX_WIDTH)]
Share = Annotated[float, Field(ge=0, lt=1)]
Target = Literal["pneumonia", "etiology"]

# The project's own networks.
OWN = ("stack", "residual")
# The networks of keras.applications, by the module that also knows how they want their images.
APPLICATIONS = {
    "convnext": ["ConvNeXtTiny", "ConvNeXtSmall", "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtXLarge"],
    "densenet": ["DenseNet121", "DenseNet169", "DenseNet201"],
    "efficientnet": [f"EfficientNetB{i}" for i in range(8)],
    "efficientnet_v2": [f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")],
    "inception_resnet_v2": ["InceptionResNetV2"],
    "inception_v3": ["InceptionV3"],
    "mobilenet": ["MobileNet"],
    "mobilenet_v2": ["MobileNetV2"],
    "nasnet": ["NASNetMobile", "NASNetLarge"],
    "resnet": ["ResNet50", "ResNet101", "ResNet152"],
    "resnet_v2": ["ResNet50V2", "ResNet101V2", "ResNet152V2"],
    "vgg16": ["VGG16"],
    "vgg19": ["VGG19"],
    "xception": ["Xception"],
}
# Those of them that normalise by batch nowhere.
WITHOUT_BATCH_NORMALISATION = ("convnext", "vgg16", "vgg19")
# Pixels of the smallest image that Keras' documentation gives; of VGG, what five poolings leave a pixel of.
SMALLEST = {"inception_resnet_v2": 75, "inception_v3": 75, "vgg16": 32, "vgg19": 32, "xception": 71}
APPLICATION_MODULES = {name: module for module, names in APPLICATIONS.items() for name in names}


def _check_architecture(name: str) -> str:
    if name not in OWN and name not in APPLICATION_MODULES:
        raise ValueError(f"should be {', '.join(OWN)} or a network of keras.applications, such as DenseNet121")
    return name


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """The network.

    `layers` (see cxr.networks.notation) and `dense_units` are of a stack. `filters`: widths of the plain letters in a
    stack's first and second half, or of a residual network's blocks. `dropout`: of a stack's layers, else of what the
    last layer sees. `weights`: of keras.applications.
    """

    architecture: Annotated[str, AfterValidator(_check_architecture)]
    weights: Literal["none", "imagenet"]
    layers: str
    filters: Annotated[list[Width], Field(min_length=1, max_length=64)]
    dense_units: Width
    dropout: Annotated[float, Field(ge=0, le=0.99)]

    @model_validator(mode="after")
    def _check(self) -> "ModelParams":
        if self.architecture == "stack" and len(self.filters) != 2:
            raise ValueError("model.filters of a stack should be two numbers")
        if self.weights == "imagenet" and self.architecture not in APPLICATION_MODULES:
            raise ValueError("model.weights imagenet exists for networks of keras.applications only")
        return self

    def steps(self) -> list[notation.Step]:
        """The steps of `layers`. Raises UserError where the notation is wrong."""
        return notation.steps(self.layers, self.filters, self.dense_units)


def check(params: ModelParams, image_size: int) -> None:
    """Raises UserError where a stack's notation is wrong or pools a map of one pixel, or where images are too small."""
    smallest = SMALLEST.get(APPLICATION_MODULES.get(params.architecture, ""), 1)
    if image_size < smallest:
        raise UserError(
            f"images.size {image_size} is too small for model.architecture {params.architecture}; set {smallest} up"
        )
    if params.architecture == "stack":
        notation.check_poolings(params.steps(), image_size, params.layers)


@dataclass(frozen=True, config=STRICT)
class TrainParams:
    """How the network is trained; `seed` of weights, dropout, the order of images and their augmentation.

    schedule: the learning rate stays, or rises in a straight line for `warmup_epochs` and then falls to 0 along a half
    cosine (Loshchilov & Hutter 2017). weight_decay: apart from the gradient, of kernels only (the same, 2019).
    label_smoothing: share of a target that is spread over all classes. balance: normal images and pneumonia weigh the
    same in the training loss. averaging: momentum of a running average of the weights, which is then the network; 0 for
    none. target: what the network tells apart while it learns. devices: how many share each batch, see
    cxr.networks.devices.
    """

    epochs: Annotated[int, Field(gt=0, le=10_000)]
    batch_size: Annotated[int, Field(gt=0, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "cosine"]
    warmup_epochs: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    label_smoothing: Share
    balance: bool
    averaging: Share
    target: Target
    precision: Literal["auto", "float32", "bfloat16"]
    devices: Annotated[int, Field(gt=0, le=1024)]
    seed: Seed

    @model_validator(mode="after")
    def _check(self) -> "TrainParams":
        if self.batch_size % self.devices:
            raise ValueError(
                f"train.batch_size should be a multiple of train.devices, got {self.batch_size} for {self.devices}"
            )
        if self.warmup_epochs and self.warmup_epochs >= self.epochs:
            raise ValueError("train.warmup_epochs should be less than train.epochs")
        if self.warmup_epochs and self.schedule == "constant":
            raise ValueError("train.warmup_epochs is of train.schedule cosine; a constant one has no warm-up, set 0")
        return self


def check_devices(model: ModelParams, train: TrainParams) -> None:
    """Raises UserError where several devices would give another network than one."""
    module = APPLICATION_MODULES.get(model.architecture, "")
    if train.devices > 1 and module and module not in WITHOUT_BATCH_NORMALISATION:
        raise UserError(
            f"train.devices {train.devices}: {model.architecture} normalises by batch, which devices that have a share "
            "of it cannot; use 1, or a stack, residual, VGG or ConvNeXt network"
        )


@dataclass(frozen=True, config=STRICT)
class AugmentParams:
    """How each training image is changed, anew in every epoch; NEUTRAL changes nothing.

    min_area: smallest share of an image's area that is drawn for a crop; max_aspect: a crop's sides may be stretched up
    to this ratio, and what then is longer than the image is cut off, so that less than min_area may be left, but no
    less than sqrt(min_area / max_aspect) where that is less; no crop where both are 1; flip: left and right are
    exchanged in half of the images; rotation: up to so many degrees either way; brightness, contrast: factors of 1 -
    value to 1 + value; gamma: exponents of exp(-value) to exp(value); jpeg_quality: stored again at this quality to
    100, 100 for not at all; noise: normal, its standard deviation up to this share of the range of grey.
    """

    min_area: Annotated[float, Field(gt=0, le=1)]
    max_aspect: Annotated[float, Field(ge=1, le=10)]
    flip: bool
    rotation: Annotated[float, Field(ge=0, le=180)]
    brightness: Share
    contrast: Share
    gamma: Share
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]
    noise: Share


NEUTRAL = AugmentParams(
    min_area=1.0,
    max_aspect=1.0,
    flip=False,
    rotation=0.0,
    brightness=0.0,
    contrast=0.0,
    gamma=0.0,
    jpeg_quality=100,
    noise=0.0,
)
