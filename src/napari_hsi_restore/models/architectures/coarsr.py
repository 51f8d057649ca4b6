"""CoarSR, the first stage of DualSR (Li, Yuan, Jia, Wang, IEEE TIP 31, 2022).

Every band is enlarged together with two pairs of neighbours
(`napari_hsi_restore.models.neighbours`): three heads, two aggregation modules over
the groups (ASFM), the fusion with the band before (FCF), and a sub-pixel tail that
adds detail to the bicubic enlargement. Nothing depends on the number of bands.

Only the fusion needs the band before, and it is linear: everything up to it runs for
many bands at once, then one pointwise convolution a band carries the state, and the
tail runs for many bands again. The tail is linear too: its convolutions at all resolutions
are put together to one at the lowest, which takes a small part of the work and of the memory.

This project's choices, where the paper is silent or a working tool needs them: the
last convolution starts at zero, so that the untrained network is bicubic, and has no
weight normalisation, under which it would leave zero slowly; the two weights of the
fusion are scalars; the state starts afresh where the bands have a gap.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from napari_hsi_restore.models.architectures.tail import joined
from napari_hsi_restore.models.neighbours import PLANES
from napari_hsi_restore.models.resampling import bicubic

PUBLISHED_WIDTH = 64
SCALES = (2, 3, 4, 8)
GROUPS = 3


def _conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    weight_norm(conv)
    return conv


class ResidualBlock(nn.Module):
    """``x + conv(relu(conv(x)))``, without normalisation over the batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = _conv(width, width)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(n, width, y, x) to the same shape."""
        inner = functional.relu(self.first(features), inplace=True)
        # Here and below: sums go into what is there already, for new memory takes a core time.
        result: torch.Tensor = self.second(inner)
        result += features
        return result


def _two_blocks(width: int) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(width), ResidualBlock(width))


class BetweenGroups(nn.Module):
    """``T + S2(relu(S1(T) + P(T)))`` over the stack of the three groups.

    S1 and S2 are 1 x 3 x 3 convolutions, within a group; P is 3 x 1 x 1, over the
    groups. As 2-D convolutions, which run faster: P mixes the channels of all groups
    at one pixel, with zeros beyond the first and the last.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.within = _conv(width, width)
        self.over = nn.Conv1d(width, width, 3)
        weight_norm(self.over)
        self.back = _conv(width, width)

    def forward(self, groups: list[torch.Tensor]) -> list[torch.Tensor]:
        """Three tensors (n, width, y, x) to three of the same shape."""
        kernel = _banded(self.over.weight)
        assert self.over.bias is not None
        mixed = _pointwise(torch.cat(groups, dim=1), kernel, self.over.bias.repeat(GROUPS))
        within, back = self.within.weight, self.back.weight
        result = []
        for group, over in zip(groups, mixed.chunk(GROUPS, dim=1), strict=True):
            inner = functional.conv2d(group, within, self.within.bias, padding=1)
            inner = functional.relu(inner.add_(over), inplace=True)
            result.append(functional.conv2d(inner, back, self.back.bias, padding=1).add_(group))
        return result


def _pointwise(
    features: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """A convolution of one pixel as a matrix product, several times as fast on a CPU core."""
    pixels = features.permute(0, 2, 3, 1)
    found = functional.linear(pixels.flatten(0, 2), kernel.flatten(1), bias)
    return found.reshape(*pixels.shape[:3], -1).permute(0, 3, 1, 2)


def _banded(kernel: torch.Tensor) -> torch.Tensor:
    """The kernel (out, in, 3) of a convolution over three groups as a matrix (3 out, 3 in)."""
    nothing = torch.zeros_like(kernel[..., 0])
    before, same, after = kernel.unbind(2)
    rows = ((same, after, nothing), (before, same, after), (nothing, before, same))
    return torch.cat([torch.cat(row, dim=1) for row in rows], dim=0)


class Aggregation(nn.Module):
    """ASFM: within each group, across the groups, and between neighbouring groups."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.ModuleList(_two_blocks(width) for _ in range(GROUPS))
        self.share = nn.Parameter(torch.ones(GROUPS, GROUPS))
        self.fuse = nn.ModuleList(_conv(GROUPS * width, width, 1) for _ in range(GROUPS))
        self.outer = nn.ModuleList(_two_blocks(width) for _ in range(GROUPS))
        self.weight = nn.Parameter(torch.ones(GROUPS))
        self.between = BetweenGroups(width)

    def steps(
        self, groups: list[torch.Tensor], shallow: list[torch.Tensor]
    ) -> Generator[None, None, list[torch.Tensor]]:
        """Three groups (n, width, y, x) and the outputs of the heads to three groups.

        Yields
        ------
        None
            Between its parts, six times.
        """
        own = []
        for block, group in zip(self.inner, groups, strict=True):
            own.append(block(group).add_(group))
            yield
        every, mixed = torch.cat(own, dim=1), []
        del own  # It would take a tenth of the memory of the whole.
        for index, (fuse, block) in enumerate(zip(self.fuse, self.outer, strict=True)):
            assert isinstance(fuse, nn.Conv2d)
            # Each group counts by its share, which its part of the kernel takes in.
            parts = (
                torch.unflatten(fuse.weight, 1, (GROUPS, -1))
                * self.share[index][:, None, None, None]
            )
            fused = _pointwise(every, parts.flatten(1, 2), fuse.bias)
            deep = block(fused).add_(fused).add_(groups[index])
            mixed.append(self.weight[index] * deep)
            yield
        del every, fused, deep
        return [
            group.add_(first) for group, first in zip(self.between(mixed), shallow, strict=True)
        ]


class CoarSR(nn.Module):
    """CoarSR for one scale and any number of bands.

    Parameters
    ----------
    scale : int
        2, 3, 4 or 8.
    width : int
        Features, 64 in the paper.
    """

    def __init__(self, scale: int, width: int = PUBLISHED_WIDTH) -> None:
        super().__init__()
        if scale not in SCALES:
            raise ValueError(f"scale {scale} is none of {SCALES}")
        self.scale, self.width = scale, width
        self.heads = nn.ModuleList(_conv(bands, width) for bands in (1, 3, 3))
        self.aggregations = nn.ModuleList(Aggregation(width) for _ in range(2))
        self.reduce = _conv(GROUPS * width, width, 1)
        self.deep = _conv(width, width)
        self.gates = nn.Parameter(torch.ones(2))
        self.fusion = _conv(2 * width, width, 1)
        factors = (3,) if scale == 3 else (2,) * (scale.bit_length() - 1)
        self.upsampler = nn.ModuleList(
            nn.Sequential(_conv(width, factor * factor * width), nn.PixelShuffle(factor))
            for factor in factors
        )
        # Weight normalisation would hold a filter of length zero back for many steps.
        self.last = nn.Conv2d(width, 1, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    @property
    def stage_count(self) -> int:
        """Results of `stages`."""
        return len(self.aggregations) * (2 * GROUPS + 1) + 4

    def begun(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights to begin with, of a network for a smaller scale or of a narrower one.

        What a network for x2 has learned of a band and its neighbours serves x4 and x8 too.
        The steps of the tail that it lacks at first repeat each pixel of the features. Features
        that it does not have are seen by none of its own at first (the idea of Net2Net, Chen,
        Goodfellow and Shlens, ICLR 2016), so that a wider network begins by doing the same.

        Parameters
        ----------
        weights : mapping of str to tensor
            Of a network with at most as many features, for the same scale or, if this one is
            for a power of two, for a smaller one.

        Returns
        -------
        dict of str to tensor
            A state of this network; `weights` themselves if they are of no such network.
        """
        own = self.state_dict()
        if not _is_smaller(weights, own):
            return dict(weights)
        found = {}
        for name, tensor in own.items():
            old = weights.get(name)
            if old is None:
                found[name] = _repeating(name, tensor)
            else:
                found[name] = _widened(old, tensor, _inputs_side_by_side(name))
        return found

    def forward(self, planes: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        """Enlarge bands.

        Parameters
        ----------
        planes : tensor, (batch, bands, 5, y, x)
            Each band of the sequence with its neighbours, in the order of
            `napari_hsi_restore.models.neighbours.BandSequence.planes`; white is 1.
        starts : bool tensor, (bands,)
            Where the state of the recurrence starts afresh. It always does so at the
            first band.

        Returns
        -------
        float32 tensor, (batch, bands, scale y, scale x)
        """
        *_, result = self.stages(planes, starts, None)
        assert result is not None
        return result[0]

    def stages(
        self, planes: torch.Tensor, starts: torch.Tensor, state: torch.Tensor | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor] | None]:
        """`forward` for a part of the sequence, in steps that a caller can stop between.

        Parameters
        ----------
        planes, starts
            As for `forward`.
        state : tensor, (batch, width, y, x), or None
            From the band before the first one here.

        Yields
        ------
        None
            `stage_count` times but one.
        tensor, tensor
            At last the enlarged bands, and the state after the last of them.
        """
        batch, bands = planes.shape[:2]
        flat = planes.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        near, far = flat[:, [1, 0, 2]], flat[:, [3, 0, 4]]
        shallow = [
            head(group) for head, group in zip(self.heads, (flat[:, :1], near, far), strict=True)
        ]
        groups = shallow
        for aggregation in self.aggregations:
            yield None
            assert isinstance(aggregation, Aggregation)
            groups = yield from aggregation.steps(groups, shallow)
        yield None
        reduced = _pointwise(torch.cat(groups, dim=1), self.reduce.weight, self.reduce.bias)
        deep = self.deep(reduced).add_(shallow[0])
        yield None
        fused, state = self._fuse(torch.unflatten(deep, 0, (batch, bands)), starts, state)
        features = fused.flatten(0, 1) + shallow[0]
        yield None
        kernel, bias = joined(self.upsampler, self.last)
        detail = functional.conv2d(features, kernel, bias, padding=kernel.shape[-1] // 2)
        detail = functional.pixel_shuffle(detail.float(), self.scale)[:, 0]
        detail = torch.unflatten(detail, 0, (batch, bands))
        yield bicubic(planes[:, :, 0], self.scale) + detail, state

    def _fuse(
        self, deep: torch.Tensor, starts: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """FCF: each band with the state of the one before; (batch, bands, width, y, x)."""
        here, before = self.fusion.weight.chunk(2, dim=1)
        prepared = _pointwise(deep.flatten(0, 1), self.gates[0] * here, self.fusion.bias)
        prepared = torch.unflatten(prepared, 0, deep.shape[:2])
        before = self.gates[1] * before
        fused = []
        for index, fresh in enumerate(starts.tolist()):
            if state is None or fresh:
                state = deep[:, index]
            else:
                # Detached: the error goes back no further than this band.
                carried = _pointwise(state.detach(), before, None)
                state = prepared[:, index] + carried
            fused.append(state)
        assert state is not None
        return torch.stack(fused, dim=1), state.detach()


def _is_smaller(weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    """Whether a network can begin with the weights of another."""
    later = {name for name in own if name.startswith("upsampler.")}
    later -= {name for name in own if name.startswith("upsampler.0.")}
    if not own.keys() - later <= weights.keys() <= own.keys():
        return False
    (width, rows), (own_width, own_rows) = (
        (each["last.weight"].shape[1], len(each["upsampler.0.0.bias"])) for each in (weights, own)
    )
    return width <= own_width and rows // width == own_rows // own_width


def _repeating(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """A parameter of a step of the tail by two that repeats every pixel."""
    part = name.rpartition(".")[2]
    if part == "original0":  # The lengths of the filters.
        return torch.ones_like(tensor)
    result = torch.zeros_like(tensor)
    if part == "original1":
        outputs = torch.arange(len(result))
        # The pixel shuffle makes one channel of four that follow each other.
        result[outputs, outputs // 4, 1, 1] = 1
    return result


def _inputs_side_by_side(name: str) -> int:
    """How many tensors of features a convolution takes, one behind the other."""
    layers = name.split(".")
    if "fuse" in layers or "reduce" in layers:
        return GROUPS
    return 2 if "fusion" in layers else 1


def _widened(old: torch.Tensor, own: torch.Tensor, count: int) -> torch.Tensor:
    """A parameter of a wider network: what it had sees nothing new, what is new is `own`."""
    result = own.clone()
    if old.shape[1:] == own.shape[1:]:
        result[: len(old)] = old
        return result
    result[: len(old)] = 0
    parts = torch.unflatten(result, 1, (count, -1))
    parts[: len(old), :, : old.shape[1] // count] = torch.unflatten(old, 1, (count, -1))
    return result


assert PLANES == 2 * GROUPS - 1
