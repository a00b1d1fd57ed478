"""Decoder of RefineFormer3D: skips join the deeper features step by step, each with a channel gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import Conv3d, add_resized, mix_channels, resize_linear
from LightSegLib.networks.ghost import ChannelGate, GhostNorm
from LightSegLib.networks.refineformer3d_config import RefineFormer3DConfig

POOLED = 8
"""Largest edge of the grid that keys and values of the cross-attention are pooled to."""


class ConcatFusion(nn.Module):
    """Resize the deep map, concatenate, mix by a 1x1x1 ghost convolution, gate the channels.

    The primary half of the mix is a linear map of each cell and commutes with interpolation: on a CPU the
    deep map's part of it is applied on the coarse grid, and nothing is concatenated.
    """

    def __init__(self, deep: int, skip: int, out: int) -> None:
        super().__init__()
        self.widths = (deep, skip)
        self.mix = GhostNorm(deep + skip, out, 1)
        self.gate = ChannelGate(out)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """Fuse maps (N, deep, d, h, w) and (N, skip, D, H, W) to (N, out, D, H, W), on the skip's grid."""
        if deep.device.type != "cpu":
            return self.as_published(deep, skip)
        of_deep, of_skip = self.mix.conv.primary.weight.flatten(1).split(self.widths, dim=1)
        deep, skip = mix_channels(deep, of_deep), mix_channels(skip, of_skip)
        same = deep.shape[2:] == skip.shape[2:]
        return self.gate(self.mix.complete(deep + skip if same else add_resized(skip, [deep])))

    def as_published(self, deep: Tensor, skip: Tensor) -> Tensor:
        """The same in the paper's order."""
        deep = functional.interpolate(deep, skip.shape[2:], mode="trilinear", align_corners=False)
        return self.gate(self.mix(torch.cat([deep, skip], dim=1)))


class AttentionFusion(nn.Module):
    """Cross-attention from the deep features to the pooled skip, then as `ConcatFusion`."""

    def __init__(self, deep: int, skip: int, out: int) -> None:
        super().__init__()
        self.heads = max(1, out // 32)
        self.q = Conv3d(deep, out, 1, bias=False)
        self.k = Conv3d(skip, out, 1, bias=False)
        self.v = Conv3d(skip, out, 1, bias=False)
        self.project = Conv3d(out, out, 1, bias=False)
        self.fuse = ConcatFusion(out, out, out)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """As for `ConcatFusion`."""
        if deep.device.type != "cpu":
            return self.as_published(deep, skip)
        return self._fuse(resize_linear(self.q(deep), skip.shape[2:]), skip)

    def as_published(self, deep: Tensor, skip: Tensor) -> Tensor:
        """The same in the paper's order."""
        deep = functional.interpolate(deep, skip.shape[2:], mode="trilinear", align_corners=False)
        return self._fuse(self.q(deep), skip)

    def _fuse(self, q: Tensor, skip: Tensor) -> Tensor:
        """Attention of a query (N, out, D, H, W) to the skip, and both fused."""
        d, h, w = (min(n, POOLED) for n in skip.shape[2:])
        pooled = functional.adaptive_avg_pool3d(skip, (d, h, w))
        query, key, value = (self._by_head(x) for x in (q, self.k(pooled), self.v(pooled)))
        seen = functional.scaled_dot_product_attention(query, key, value)
        seen = seen.transpose(2, 3).flatten(1, 2).unflatten(2, skip.shape[2:])
        return self.fuse(self.project(seen), q)

    def _by_head(self, x: Tensor) -> Tensor:
        """(N, C, D, H, W) as (N, heads, L, C / heads)."""
        return x.flatten(2).unflatten(1, (self.heads, -1)).transpose(2, 3)


class DecoderStep(nn.Module):
    """Bring the deep features to the skip's grid, fuse, refine by a ghost convolution."""

    def __init__(self, deep: int, skip: int, out: int, fusion: str) -> None:
        super().__init__()
        kind = ConcatFusion if fusion == "concat" else AttentionFusion
        self.fuse = kind(deep, skip, out)
        self.refine = GhostNorm(out, out, 3)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        """(N, out, D, H, W) on the skip's grid."""
        return self.refine(self.fuse(deep, skip))


class Decoder(nn.Module):
    """The three steps from the deepest stage to the first one."""

    def __init__(self, config: RefineFormer3DConfig) -> None:
        super().__init__()
        c1, c2, c3, c4 = config.channels
        d0, d1, d2, _ = config.decoder
        widths = ((c4, c3, d0), (d0, c2, d1), (d1, c1, d2))
        self.steps = nn.ModuleList(DecoderStep(*width, config.fusion) for width in widths)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Maps after each step, the finest last, from the four stages' maps."""
        x, maps = features[-1], []
        for step, skip in zip(self.steps, reversed(features[:-1]), strict=True):
            x = step(x, skip)
            maps.append(x)
        return maps
