"""Convolution blocks of VeloxSeg. Feature maps are (N, C, D, H, W): batch, channels and three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAKY_SLOPE = 0.01
"""Slope assumed by the Kaiming initialisation of every convolution and projection."""
TINY_GRID = 128
"""Cells below which channels-last memory does not pay for a grouped convolution."""


def instance_norm(x: Tensor) -> Tensor:
    """Give each channel of each sample zero mean and unit variance over space; no weights, no running statistics."""
    return functional.instance_norm(x)


def pixel_shuffle_3d(x: Tensor, factor: int) -> Tensor:
    """Turn channels into space: (N, C * factor^3, D, H, W) to (N, C, D * factor, H * factor, W * factor).

    Channels are ordered as (class, offset along axis 1, along axis 2, along axis 3).
    """
    n, c, d, h, w = x.shape
    s = factor
    x = x.reshape(n, c // s**3, s, s, s, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, c // s**3, d * s, h * s, w * s)


def drop(x: Tensor, chance: float, training: bool) -> Tensor:
    """Zero values with probability `chance` in training and scale up the rest; otherwise `x` itself.

    On a CPU the chance is rounded to 1/256, so that one drawn byte decides per value: drawing floats took longer than the
    attention it regularises. The scale belongs to the rounded chance, so the mean is kept exactly.
    """
    if not training or chance == 0.0:
        return x
    dropped = round(256 * chance)
    if x.device.type != "cpu" or not 0 < dropped < 256:
        return functional.dropout(x, chance)
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
    return (x * kept).mul_(256.0 / (256 - dropped))


def conv3d(x: Tensor, conv: nn.Conv3d) -> Tensor:
    """Apply a padded convolution by the fastest of torch's CPU routines; the result is that of `conv(x)`.

    Two choices of torch are overruled. A single small float32 sample would take an unfolding routine of half the speed.
    And the weight gradient of a grouped kernel is three times faster for channels-last memory, unless the grid is tiny.
    """
    on_cpu, wide = x.device.type == "cpu", conv.kernel_size[0] > 1
    if on_cpu and wide and conv.groups > 1 and torch.is_grad_enabled() and x[0, 0].numel() >= TINY_GRID:
        y: Tensor = conv(x.contiguous(memory_format=torch.channels_last_3d))
        return y.contiguous()
    small = on_cpu and wide and len(x) == 1 and x.dtype == torch.float32 and not _autocast_on_cpu()
    if small and torch.backends.mkldnn.is_available():
        args = (conv.padding, conv.stride, conv.dilation, conv.groups)
        return torch.mkldnn_convolution(x, conv.weight, conv.bias, *args)
    result: Tensor = conv(x)
    return result


def _autocast_on_cpu() -> bool:
    try:
        return torch.is_autocast_enabled("cpu")
    except TypeError:  # torch before 2.4 has one function per device
        return torch.is_autocast_cpu_enabled()


class PointwiseConv(nn.Module):
    """Convolution with a 1x1x1 kernel, computed as one matrix product per sample."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.kaiming_normal_(self.weight, a=LEAKY_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Mix channels: (N, in_channels, D, H, W) to (N, out_channels, D, H, W)."""
        y = torch.matmul(self.weight, x.flatten(2)) + self.bias[:, None]
        return y.unflatten(2, x.shape[2:])


class JLC(nn.Module):
    """Johnson-Lindenstrauss guided convolution: parallel grouped kernels, then channel mixing, both residual.

    y = x + sum over kernels k of GELU(IN(conv_k(x))); result y + dropout(mix(GELU(widen(IN(y))))).
    With one kernel only, its branch is the bare convolution.

    Args:
        channels: Width of input and output.
        group_width: Channels per convolution group.
        kernel_sizes: Odd kernel sizes of the parallel branches.
        expansion: Widening of the channel mixing.
        dropout: Dropout of the channel mixing.
    """

    def __init__(
        self, channels: int, group_width: int, kernel_sizes: Sequence[int], expansion: int, dropout: float
    ) -> None:
        super().__init__()
        groups = channels // group_width
        self.convs = nn.ModuleList(
            nn.Conv3d(channels, channels, k, padding=k // 2, groups=groups) for k in kernel_sizes
        )
        self.widen = PointwiseConv(channels, expansion * channels)
        self.mix = PointwiseConv(expansion * channels, channels)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block; input and output are (N, channels, D, H, W)."""
        if len(self.convs) == 1:
            y = x + conv3d(x, self.convs[0])
        else:
            y = x
            for conv in self.convs:
                y = y + functional.gelu(instance_norm(conv3d(x, conv)))
        mixed = self.mix(functional.gelu(self.widen(instance_norm(y))))
        return y + drop(mixed, self.dropout, self.training)


class Down(nn.Module):
    """Strided convolution with kernel 2s - 1 and padding s - 1, normalised; divides the grid by `stride`."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, 2 * stride - 1, stride, stride - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce (N, in_channels, D, H, W) to (N, out_channels, D / stride, H / stride, W / stride)."""
        return instance_norm(conv3d(x, self.conv))


class Up(nn.Module):
    """Transposed convolution with kernel and stride 2, normalised; doubles the grid.

    Computed as a channel product followed by a shuffle: with stride equal to the kernel no two cells overlap.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose3d(in_channels, out_channels, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge (N, in_channels, D, H, W) to (N, out_channels, 2 D, 2 H, 2 W)."""
        return instance_norm(self.conv(x))


def initialise(module: nn.Module) -> None:
    """Kaiming-normal weights and zero biases for every convolution below `module`."""
    for part in module.modules():
        if isinstance(part, nn.Conv3d | nn.ConvTranspose3d):
            nn.init.kaiming_normal_(part.weight, a=LEAKY_SLOPE)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
