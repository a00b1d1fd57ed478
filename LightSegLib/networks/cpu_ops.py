"""Operations of torch in the form that runs fastest on a CPU; on other devices they are the usual ones.

Feature maps are (N, C, D, H, W): batch, channels and three spatial axes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

TINY_GRID = 128
"""Cells below which channels-last memory does not pay for a grouped convolution."""
SLICES = 8
"""Slices that are computed at once where the whole map would be large."""
_BFLOAT16_LANES = 8


class Conv3d(nn.Conv3d):
    """Convolution with a cubic kernel by the fastest of torch's CPU routines; the result is the usual one.

    Three choices of torch are overruled. One small float32 sample alone would take an unfolding routine of
    half the speed. The weight gradient of grouped or widely strided kernels takes a third of the time in
    channels-last memory, unless the grid is tiny. And a kernel of one voxel is a matrix product: torch's
    routines take up to thirty times as long for few output channels, or in channels-last memory.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name torch gave it
        """Convolve (N, in_channels, D, H, W)."""
        x = input
        if x.device.type != "cpu":
            return super().forward(x)
        if self.kernel_size[0] == self.stride[0] == self.groups == 1:
            return mix_channels(x, self.weight.flatten(1), self.bias)
        if torch.is_grad_enabled():
            if (self.groups > 1 or self.stride[0] > 2) and x[0, 0].numel() >= TINY_GRID:
                return super().forward(x.contiguous(memory_format=torch.channels_last_3d)).contiguous()
            same_size = self.stride[0] == 1 and self.groups == 1 and x.shape[2] % 2 == 0
            return self._in_halves(x) if len(x) == 1 and same_size else super().forward(x)
        alone = len(x) == 1 and x.dtype == torch.float32 and not _autocast_on_cpu()
        if alone and torch.backends.mkldnn.is_available():
            rim = [int(p) for p in self.padding]
            return torch.mkldnn_convolution(
                x, self.weight, self.bias, rim, self.stride, self.dilation, self.groups
            )
        return super().forward(x)

    def _in_halves(self, x: Tensor) -> Tensor:
        """Convolve one sample as a batch of its two halves, for which both directions are fast."""
        rim, middle = self.kernel_size[0] // 2, x.shape[2] // 2
        padded = functional.pad(x, (0, 0, 0, 0, rim, rim))
        halves = torch.cat([padded[:, :, : middle + 2 * rim], padded[:, :, middle:]])
        y = functional.conv3d(halves, self.weight, self.bias, padding=(0, rim, rim))
        return torch.cat([y[:1], y[1:]], dim=2)


def mix_channels(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A linear map (out, in) of the channels of (N, in, D, H, W), which keeps the memory's layout."""
    if is_channels_last(x):
        return functional.linear(x.movedim(1, -1), weight, bias).movedim(-1, 1)
    y = torch.matmul(weight, x.flatten(2)).unflatten(2, x.shape[2:])
    return y if bias is None else y + bias.to(y.dtype)[:, None, None, None]


def is_channels_last(x: Tensor) -> bool:
    """Whether (N, C, D, H, W) lies in channels-last memory, where that differs from the usual one."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last_3d)


def resize_linear(x: Tensor, size: Sequence[int], part: Sequence[slice] | None = None) -> Tensor:
    """Trilinear interpolation (N, C, D, H, W) to (N, C, *size), as torch's without `align_corners`.

    On a CPU these are three matrix products, in a fraction of its time. Channels-last memory stays so.

    Args:
        x: what is interpolated.
        size: samples along the three axes.
        part: the samples wanted along each axis; None for all.
    """
    if x.device.type != "cpu":
        whole = functional.interpolate(x, tuple(size), mode="trilinear", align_corners=False)
        return whole if part is None else whole[(slice(None), slice(None), *part)]
    lines = []
    for axis, wanted in enumerate(part or [slice(None)] * 3):
        line = _line(x.shape[2 + axis], size[axis], x.dtype, x.device)[wanted]
        if part is not None:  # leave out samples that no wanted one takes anything of
            used = line.any(0).nonzero()
            first, count = int(used[0]), int(used[-1] - used[0]) + 1
            x, line = x.narrow(2 + axis, first, count), line[:, first : first + count]
        lines.append(line)
    depth, height, width = lines
    if is_channels_last(x):
        planes = _resize_planes(x.movedim(1, -1), height, width)
        return torch.matmul(depth, planes.flatten(2)).unflatten(2, planes.shape[2:]).movedim(-1, 1)
    x = torch.matmul(height, torch.matmul(x, width.T))
    return torch.matmul(depth, x.flatten(3)).unflatten(3, x.shape[3:])


def _resize_planes(x: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """(N, D, H, W, C) resized along H and W alone."""
    x = torch.matmul(width, x)
    return torch.matmul(height, x.flatten(3)).unflatten(3, x.shape[3:])


def add_resized(x: Tensor, others: Sequence[Tensor]) -> Tensor:
    """x + the sum of others resized to its grid as by `resize_linear`, in channels-last memory, on a CPU.

    The last of the three matrix products also adds: the depths of all maps are its inner axis.

    Args:
        x: (N, C, D, H, W).
        others: (N, C, d, h, w), each on a grid of its own.
    """
    size = x.shape[2:]
    planes, depths = [], []
    for other in others:
        depth, height, width = (
            _line(old, new, other.dtype, other.device) for old, new in zip(other.shape[2:], size, strict=True)
        )
        planes.append(_resize_planes(other.movedim(1, -1), height, width).flatten(2))
        depths.append(depth)
    depth = torch.cat(depths, dim=1).expand(len(x), -1, -1)
    y = torch.baddbmm(x.movedim(1, -1).flatten(2), depth, torch.cat(planes, dim=1))
    return y.unflatten(2, (*size[1:], -1)).movedim(-1, 1)


def enlarge(x: Tensor, size: Sequence[int]) -> Tensor:
    """`resize_linear` of logits, always in float32 under autocast, as torch's interpolation."""
    if x.device.type != "cpu":
        return functional.interpolate(x, tuple(size), mode="trilinear", align_corners=False)
    exact = x.float() if _autocast_on_cpu() else x
    with torch.autocast("cpu", enabled=False):
        return resize_linear(exact, size)


def enlarged_convolution(x: Tensor, size: Sequence[int], layer: nn.Conv3d) -> Tensor:
    """`layer`, of an odd kernel and stride 1, on x resized to `size`, `SLICES` slices at a time.

    For inference: what is resized never exists as a whole.
    """
    rim, depth = layer.kernel_size[0] // 2, size[0]
    x = x.contiguous(memory_format=torch.channels_last_3d)
    parts = []
    for start in range(0, depth, SLICES):
        first, stop = start - rim, min(start + SLICES, depth) + rim
        inside = slice(max(first, 0), min(stop, depth))
        part = resize_linear(x, size, [inside, slice(None), slice(None)])
        beyond = (inside.start - first, stop - inside.stop)
        if any(beyond):
            part = functional.pad(part, (0, 0, 0, 0, *beyond))
        parts.append(functional.conv3d(part, layer.weight, layer.bias, padding=(0, rim, rim)))
    return torch.cat(parts, dim=2)


@functools.lru_cache(maxsize=64)
def _line(old: int, new: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What each of `new` samples takes of `old` ones along a line: (new, old)."""
    with torch.inference_mode(False), torch.no_grad():
        each = torch.eye(old, device=device)[:, None]
        return functional.interpolate(each, size=new, mode="linear")[:, 0].T.contiguous().to(dtype)


def gelu(x: Tensor) -> Tensor:
    """GELU of (N, C, D, H, W): torch's fast routine wants plain memory, and the order is no matter to it."""
    return functional.gelu(x.movedim(1, -1)).movedim(-1, 1) if is_channels_last(x) else functional.gelu(x)


def instance_norm(x: Tensor) -> Tensor:
    """Give each channel of each sample zero mean and unit variance over space, without any weights."""
    flat = x.flatten(2)  # over the flattened grid a layer norm is the same, in a third of the time on a CPU
    return functional.layer_norm(flat, flat.shape[-1:]).view_as(x)


def softmax(x: Tensor) -> Tensor:
    """Softmax over the last axis.

    A CPU takes four times as long for bfloat16 rows that do not fill its registers, and less for the same
    rows in float32.
    """
    if x.device.type == "cpu" and x.dtype == torch.bfloat16 and x.shape[-1] % _BFLOAT16_LANES:
        return x.softmax(-1, dtype=torch.float32).to(x.dtype)
    return x.softmax(-1)


def drop(x: Tensor, chance: float, training: bool) -> Tensor:
    """Zero values with probability `chance` in training and scale up the rest; otherwise `x` itself.

    On a CPU the chance is rounded to 1/256, so that one drawn byte decides per value: drawing floats took
    longer than the attention it regularises. The scale belongs to the rounded chance, so the mean is kept
    exactly.
    """
    if not training or chance == 0.0:
        return x
    dropped = round(256 * chance)
    if x.device.type != "cpu" or not 0 < dropped < 256:
        return functional.dropout(x, chance)
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
    return x * kept.to(x.dtype).mul_(256.0 / (256 - dropped))


def pixel_shuffle_3d(x: Tensor, factor: int) -> Tensor:
    """Turn channels into space: (N, C * factor^3, D, H, W) to (N, C, D * factor, H * factor, W * factor).

    Channels are ordered as (class, offset along axis 1, along axis 2, along axis 3).
    """
    n, c, d, h, w = x.shape
    s = factor
    x = x.reshape(n, c // s**3, s, s, s, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, c // s**3, d * s, h * s, w * s)


def resize_trilinear(x: Tensor, size: Sequence[int]) -> Tensor:
    """Enlarge (N, C, D, H, W) to `size` with aligned corners, as three small matrix products.

    Takes a third of the time of torch's interpolation on a CPU, forward and backward.
    """
    depth, height, width = (_stretch(old, new).to(x) for old, new in zip(x.shape[2:], size, strict=True))
    x = torch.matmul(height, torch.matmul(x, width.t()))
    return torch.matmul(depth, x.flatten(3)).unflatten(3, (size[1], size[2]))


def _stretch(old: int, new: int) -> Tensor:
    """Weights (new, old) of a linear interpolation that keeps the first and the last value."""
    at = torch.linspace(0.0, old - 1.0, new)
    return (1.0 - (at[:, None] - torch.arange(old)).abs()).clamp_(min=0.0)


def _autocast_on_cpu() -> bool:
    try:
        return torch.is_autocast_enabled("cpu")
    except TypeError:  # torch before 2.4 has one function per device
        return torch.is_autocast_cpu_enabled()
