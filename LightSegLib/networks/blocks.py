"""Convolution blocks of VeloxSeg, on feature maps (N, C, D, H, W): batch, channels and three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import Conv3d, drop, instance_norm

LEAKY_SLOPE = 0.01
"""Slope assumed by the Kaiming initialisation of every convolution and projection."""


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
            Conv3d(channels, channels, k, padding=k // 2, groups=groups) for k in kernel_sizes
        )
        self.widen = PointwiseConv(channels, expansion * channels)
        self.mix = PointwiseConv(expansion * channels, channels)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block; input and output are (N, channels, D, H, W)."""
        if len(self.convs) == 1:
            y = x + self.convs[0](x)
        else:
            y = x
            for conv in self.convs:
                y = y + functional.gelu(instance_norm(conv(x)))
        mixed = self.mix(functional.gelu(self.widen(instance_norm(y))))
        return y + drop(mixed, self.dropout, self.training)


class Down(nn.Module):
    """Strided convolution with kernel 2s - 1 and padding s - 1, normalised; divides the grid by `stride`."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv = Conv3d(in_channels, out_channels, 2 * stride - 1, stride, stride - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Reduce (N, in_channels, D, H, W) to (N, out_channels, D / stride, H / stride, W / stride)."""
        return instance_norm(self.conv(x))


class Up(nn.Module):
    """Transposed convolution with kernel and stride 2, normalised; doubles the grid."""

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
