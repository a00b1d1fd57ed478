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


_BFLOAT16_LANES = 8


class Conv3d(nn.Conv3d):
    """Convolution with a cubic kernel by the fastest of torch's CPU routines; the result is the usual one.

    Two choices of torch are overruled. One small float32 sample alone would take an unfolding routine of half
    the speed. And the weight gradient of grouped or widely strided kernels takes a third of the time in
    channels-last memory, unless the grid is tiny.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name torch gave it
        """Convolve (N, in_channels, D, H, W)."""
        x = input
        if x.device.type != "cpu" or self.kernel_size[0] == 1:
            return super().forward(x)
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


def resize_linear(x: Tensor, size: Sequence[int], part: Sequence[slice] | None = None) -> Tensor:
    """Trilinear interpolation (N, C, D, H, W) to (N, C, *size), as torch's without `align_corners`.

    Three matrix products, which on a CPU take a fraction of its time.

    Args:
        x: what is interpolated.
        size: samples along the three axes.
        part: the samples wanted along each axis; None for all.
    """
    depth, height, width = (
        _line(old, new, x.dtype, x.device)[wanted]
        for old, new, wanted in zip(x.shape[2:], size, part or [slice(None)] * 3, strict=True)
    )
    x = torch.matmul(height, torch.matmul(x, width.T))
    return torch.matmul(depth, x.flatten(3)).unflatten(3, x.shape[3:])


@functools.lru_cache(maxsize=64)
def _line(old: int, new: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """What each of `new` samples takes of `old` ones along a line: (new, old)."""
    with torch.inference_mode(False), torch.no_grad():
        each = torch.eye(old, device=device)[:, None]
        return functional.interpolate(each, size=new, mode="linear")[:, 0].T.contiguous().to(dtype)


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
