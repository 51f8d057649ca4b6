"""The untrained network of SIP, and how it learns from one noisy image."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

Image = npt.NDArray[np.float32]

LAYERS = 8
"""Separable layers; each looks one pixel further."""

_WIDTH = 64
_MOST_STEPS, _LEAST_STEPS, _PIXELS_A_STEP = 600, 60, 16
_MORE_NOISE = 0.5
_PATCH, _BATCH = 48, 4
_RATE, _WARMUP = 5e-3, 50
_AVERAGE = 0.99


class _Separable(nn.Module):
    """A filter of every channel over its neighbours, then a mixture of the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.spectral = nn.Conv2d(width, width, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.spectral(self.spatial(image))
        return result


class SeparableNetwork(nn.Module):
    """Separable layers that predict the noise of an image.

    Parameters
    ----------
    level : float32 tensor, (components,)
        Standard deviation of the noise; the network works in its units.
    """

    level: torch.Tensor

    def __init__(self, level: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("level", level[:, None, None])
        self.first = nn.Conv2d(len(level), _WIDTH, 1)
        self.layers = nn.ModuleList(_Separable(_WIDTH) for _ in range(LAYERS))
        self.last = nn.Conv2d(_WIDTH, len(level), 1)
        nn.init.zeros_(self.last.weight)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """The image without its noise, (batch, components, y, x)."""
        features = self.first(image)
        for layer in self.layers:
            features = features + functional.relu(layer(features))
        result: torch.Tensor = image - self.level * self.last(features)
        return result


def learn(noisy: Image, level: Image) -> Generator[float, None, SeparableNetwork]:
    """Train a network on one noisy image.

    Parameters
    ----------
    noisy : float32 ndarray, (components, y, x)
        Of about unit variance.
    level : float32 ndarray, (components,)
        Standard deviation of the noise, in the same units.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    SeparableNetwork
        With the average of its last weights; the same for the same image.
    """
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SeparableNetwork(torch.from_numpy(level))
    # Four times as fast on a CPU, with the same result but for rounding.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    # A small image has not much to teach.
    pixels = noisy.shape[1] * noisy.shape[2]
    steps = min(_MOST_STEPS, max(_LEAST_STEPS, pixels // _PIXELS_A_STEP))
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / _WARMUP, 2.0 * (1.0 - step / steps))
        image = _patches(noisy, rng)
        # Two noisy versions of the image whose noise is independent of each other: what
        # brings one to the other brings it to the clean image.
        added = network.level * torch.randn(image.shape, generator=generator)
        wanted = image - added / _MORE_NOISE
        with torch.autocast("cpu", torch.bfloat16):
            restored = network(image + _MORE_NOISE * added)
        loss = ((restored - wanted) / network.level).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        keep = min(_AVERAGE, (1 + step) / (10 + step))
        for name, tensor in network.state_dict().items():
            average[name].lerp_(tensor, 1.0 - keep)
        yield (step + 1) / steps
    network.load_state_dict(average)
    return network.eval()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one core: steps this small take longer on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _patches(noisy: Image, rng: np.random.Generator) -> torch.Tensor:
    """Random patches, (batch, components, y, x), turned and mirrored."""
    lengths = noisy.shape[1:]
    side = min(_PATCH, *lengths)
    images = []
    for _ in range(_BATCH):
        row, column = (int(rng.integers(0, length - side + 1)) for length in lengths)
        image = noisy[:, row : row + side, column : column + side]
        image = np.rot90(image, int(rng.integers(4)), (1, 2))
        images.append(image[:, :, ::-1] if rng.integers(2) else image)
    batch = torch.from_numpy(np.ascontiguousarray(np.stack(images)))
    return batch.contiguous(memory_format=torch.channels_last)


def applied(network: SeparableNetwork, noisy: Image, rows: slice) -> Image:
    """Some rows of the denoised image, as they are in the whole of it.

    Parameters
    ----------
    network : SeparableNetwork
    noisy : float32 ndarray, (components, y, x)
    rows : slice
        With explicit start and stop.

    Returns
    -------
    float32 ndarray, (components, rows, x)
    """
    begin, end = max(0, rows.start - LAYERS), min(noisy.shape[1], rows.stop + LAYERS)
    with torch.inference_mode():
        image = torch.from_numpy(np.ascontiguousarray(noisy[:, begin:end]))
        result: Image = network(image[None])[0].numpy()
    return result[:, rows.start - begin : rows.stop - begin]
