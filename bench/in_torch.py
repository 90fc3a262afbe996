"""The networks in plain PyTorch, as users would write them: a stack of the study, and the reference network."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from bench.networks import DROPOUT, is_residual, steps, widths
from cxr.networks import notation
from cxr.networks.params import TrainParams
from cxr.vocabulary import ETIOLOGIES

# As in cxr.networks.residual, which would bring Keras along: of a ReLU, of a block's variance, of a grey.
RELU_GAIN, GROWTH, MIDDLE_GREY, DEVIATION = 1.7139588594436646, 0.2**2, 128, 64


def network(name: str, size: int) -> Any:
    """What `inputs` gives to logits `(n, 1)`, or of the reference network to those of the etiologies `(n, 3)`."""
    return Residual(widths(name), len(ETIOLOGIES)) if is_residual(name) else stack(name, size)


def inputs(name: str, grey: Any) -> Any:
    """Grey bytes `(n, 1, size, size)` as the network takes them, channels last."""
    if is_residual(name):
        return grey.float().contiguous(memory_format=torch.channels_last)
    equal = grey.float().div_(255).expand(-1, notation.N_EQUAL_CHANNELS, -1, -1)
    return equal.contiguous(memory_format=torch.channels_last)


def loss(name: str, label_smoothing: float) -> Callable[[Any, Any], Any]:
    """Mean loss of logits in float32 and labels `(n,)`."""
    if is_residual(name):
        of_classes = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
        return lambda logits, labels: of_classes(logits, labels.long())
    of_one = nn.BCEWithLogitsLoss()
    return lambda logits, labels: of_one(logits, labels.float().unsqueeze(1))


def adam(model: Any, params: TrainParams) -> Any:
    """Adam; where there is weight decay that of kernels alone, apart from the gradient."""
    kernels, others = ([p for p in model.parameters() if (p.ndim > 1) == is_kernel] for is_kernel in (True, False))
    groups = [{"params": kernels, "weight_decay": params.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=params.learning_rate, eps=1e-7)


def stack(layers: str, size: int) -> Any:
    """Images `(n, 3, size, size)` to logits `(n, 1)`, in a torch.nn.Sequential."""
    return nn.Sequential(*_layers(layers, size))


def _layers(layers: str, size: int) -> Iterator[Any]:
    n_channels = n_inputs = notation.N_EQUAL_CHANNELS
    for step in steps(layers):
        match step:
            case notation.Convolution(filters):
                yield from (nn.Conv2d(n_channels, filters, 3, padding=1), nn.ReLU())
                n_channels = filters
            case notation.Pooling():
                yield nn.MaxPool2d(2, ceil_mode=True)
                size = -(-size // 2)
            case notation.Dropout():
                yield nn.Dropout(DROPOUT)
            case notation.Flatten():
                yield nn.Flatten()
                n_inputs = n_channels * size * size
            case notation.Dense(units):
                yield from (nn.Linear(n_inputs, units), nn.ReLU())
                n_inputs = units
    yield nn.Linear(n_inputs, 1)


class NormalisedConvolution(nn.Module):  # type: ignore[misc]
    """As the layer of that name in cxr.networks.residual; `(n, channels, height, width)`."""

    def __init__(
        self,
        n_channels: int,
        filters: int,
        width: int = 3,
        stride: int = 1,
        scale: float = 1.0,
        is_silent: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.scale = stride, scale
        self.kernel = nn.Parameter(torch.empty(filters, n_channels, width, width))
        nn.init.kaiming_normal_(self.kernel)
        self.gain = nn.Parameter(torch.zeros(filters) if is_silent else torch.ones(filters))
        self.bias = nn.Parameter(torch.zeros(filters))

    def forward(self, x: Any) -> Any:
        variance, mean = torch.var_mean(self.kernel, dim=(1, 2, 3), correction=0, keepdim=True)  # (filters, 1, 1, 1)
        factor = torch.rsqrt(variance * self.kernel[0].numel() + 1e-4) * self.gain[:, None, None, None] * self.scale
        kernel = (self.kernel - mean) * factor
        if self.stride == 1:
            return functional.conv2d(x, kernel, self.bias, padding="same")
        # With stride 2 TensorFlow puts its zeros after an even length, and on both sides of an odd one.
        height, width = x.shape[2:]
        return functional.conv2d(functional.pad(x, (width % 2, 1, height % 2, 1)), kernel, self.bias, self.stride)


class Block(nn.Module):  # type: ignore[misc]
    """A block of cxr.networks.residual, of an input with that variance."""

    def __init__(self, n_channels: int, width: int, variance: float) -> None:
        super().__init__()
        self.stride = 2 if width > n_channels else 1
        scale = RELU_GAIN / variance**0.5
        self.around = None if n_channels == width else NormalisedConvolution(n_channels, width, 1, scale=scale)
        self.convolution_1 = NormalisedConvolution(n_channels, width, 3, self.stride, scale)
        self.convolution_2 = NormalisedConvolution(width, width, 3, 1, RELU_GAIN, is_silent=True)
        self.variance = (variance if self.around is None else 1.0) + GROWTH

    def forward(self, x: Any) -> Any:
        y = functional.relu(x)
        if self.around is not None:
            x = self.around(functional.avg_pool2d(y, self.stride, ceil_mode=True))
        return x + self.convolution_2(functional.relu(self.convolution_1(y)))


class Residual(nn.Module):  # type: ignore[misc]
    """Greys from 0 to 255 `(n, 1, size, size)` to logits `(n, n_logits)`; blocks of these widths."""

    def __init__(self, widths: list[int], n_logits: int) -> None:
        super().__init__()
        self.stem = NormalisedConvolution(1, max(1, widths[0] // 2), stride=2)
        self.blocks = nn.Sequential()
        n_channels, variance = self.stem.bias.numel(), 1.0
        for width in widths:
            block = Block(n_channels, width, variance)
            self.blocks.append(block)
            n_channels, variance = width, block.variance
        self.logits = nn.Linear(n_channels, n_logits)

    def forward(self, grey: Any) -> Any:
        x = self.blocks(self.stem((grey - MIDDLE_GREY) / DEVIATION))
        return self.logits(functional.relu(x).float().mean((2, 3)))
