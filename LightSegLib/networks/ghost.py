"""Ghost convolution: half of the channels from a full convolution, the other half cheaply from the first.

Source: RefineFormer3D (arXiv 2602.16320), after Han et al., "GhostNet" (2020).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import Conv3d
from LightSegLib.networks.depthwise import DepthwiseConv3d
from LightSegLib.networks.spatial_norms import norm_and_gelu


class GhostConv3d(nn.Module):
    """y1 = conv(x), y2 = depthwise 3x3x3 convolution of y1; the result is both, y1 first. No bias, no norm.

    Args:
        in_channels: channels of the input.
        out_channels: even number of channels of the result.
        kernel: edge of the first convolution's kernel, padded by half of it.
        stride: of the first convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        half = out_channels // 2
        self.primary = Conv3d(in_channels, half, kernel, stride, kernel // 2, bias=False)
        self.cheap = DepthwiseConv3d(half, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (N, out_channels, D, H, W) from (N, in_channels, ...)."""
        return self.complete(self.primary(x))

    def complete(self, primary: Tensor) -> Tensor:
        """The result (N, out_channels, D, H, W) from its first half (N, out_channels / 2, D, H, W)."""
        if primary.device.type == "cpu":  # once, as the depthwise convolution wants it
            primary = primary.contiguous(memory_format=torch.channels_last_3d)
        return torch.cat([primary, self.cheap(primary)], dim=1)


class GhostNorm(nn.Module):
    """Ghost convolution, group norm with up to 16 groups, GELU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = GhostConv3d(in_channels, out_channels, kernel)
        self.norm = nn.GroupNorm(min(16, out_channels), out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (N, out_channels, D, H, W) from (N, in_channels, D, H, W)."""
        return self.complete(self.conv.primary(x))

    def complete(self, primary: Tensor) -> Tensor:
        """The result (N, out_channels, D, H, W) from (N, out_channels / 2, D, H, W), what its primary
        convolution gave.
        """
        return norm_and_gelu(self.conv.complete(primary), self.norm)


class ChannelGate(nn.Module):
    """Squeeze and excitation: one factor between 0 and 1 per channel, from the channel means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = Conv3d(channels, channels // 4, 1)
        self.excite = Conv3d(channels // 4, channels, 1)

    def factors(self, x: Tensor) -> Tensor:
        """Factors (N, C, 1, 1, 1) of a feature map (N, C, D, H, W)."""
        mean = x.mean((2, 3, 4), keepdim=True)
        return torch.sigmoid(self.excite(functional.gelu(self.squeeze(mean))))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (N, C, D, H, W), each channel alike everywhere."""
        return x * self.factors(x)
