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
    flat = x.flatten(2)  # over the flattened grid a layer norm is the same, in a third of the time on a CPU
    return functional.layer_norm(flat, flat.shape[-1:]).view_as(x)


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
    return x * kept.to(x.dtype).mul_(256.0 / (256 - dropped))


def conv3d(x: Tensor, conv: nn.Conv3d) -> Tensor:
    """Apply a convolution by the fastest of torch's CPU routines; the result is that of `conv(x)`.

    Two choices of torch are overruled. One small float32 sample alone would take an unfolding routine of half the speed.
    And the weight gradient of grouped or widely strided kernels takes a third of the time in channels-last memory, unless
    the grid is tiny.
    """
    if x.device.type != "cpu" or conv.kernel_size[0] == 1:
        return _apply(conv, x)
    if torch.is_grad_enabled():
        if (conv.groups > 1 or conv.stride[0] > 2) and x[0, 0].numel() >= TINY_GRID:
            return _apply(conv, x.contiguous(memory_format=torch.channels_last_3d)).contiguous()
        return _conv3d_halves(x, conv) if len(x) == 1 and conv.stride[0] == 1 and conv.groups == 1 else _apply(conv, x)
    if len(x) == 1 and torch.backends.mkldnn.is_available() and x.dtype == torch.float32 and not _autocast_on_cpu():
        return torch.mkldnn_convolution(
            x, conv.weight, conv.bias, conv.padding, conv.stride, conv.dilation, conv.groups
        )
    return _apply(conv, x)


def _apply(conv: nn.Conv3d, x: Tensor) -> Tensor:
    result: Tensor = conv(x)
    return result


def _conv3d_halves(x: Tensor, conv: nn.Conv3d) -> Tensor:
    """Same-size convolution of one sample as a batch of its two halves, which take the fast routine both ways."""
    rim, middle = conv.kernel_size[0] // 2, x.shape[2] // 2
    if x.shape[2] % 2:
        return _apply(conv, x)
    padded = functional.pad(x, (0, 0, 0, 0, rim, rim))
    halves = torch.cat([padded[:, :, : middle + 2 * rim], padded[:, :, middle:]])
    y = functional.conv3d(halves, conv.weight, conv.bias, padding=(0, rim, rim))
    return torch.cat([y[:1], y[1:]], dim=2)


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
        y = torch.baddbmm(self.bias[:, None], self.weight.expand(len(x), -1, -1), x.flatten(2))
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
