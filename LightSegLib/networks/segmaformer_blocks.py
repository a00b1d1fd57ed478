"""Blocks of SegMaFormer, on tokens (N, L, C) in raster order of a grid of three spatial axes."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import resize_linear
from LightSegLib.networks.depthwise import DepthwiseConv3d
from LightSegLib.networks.selective_scan import selective_scan
from LightSegLib.networks.spatial_norms import norm_and_gelu

Grid = tuple[int, int, int]


def to_grid(tokens: Tensor, grid: Grid) -> Tensor:
    """Tokens (N, L, C) as a feature map (N, C, D, H, W), in channels-last memory and without a copy."""
    return tokens.unflatten(1, grid).permute(0, 4, 1, 2, 3)


def to_tokens(features: Tensor) -> Tensor:
    """A feature map (N, C, D, H, W) as tokens (N, L, C)."""
    return features.permute(0, 2, 3, 4, 1).flatten(1, 3)


class Scan(nn.Module):
    """Mamba: a gated selective scan over the token sequence.

    Args:
        channels: width C of input and output.
        states: states per inner channel.
        kernel: tokens that the causal convolution before the scan sees.
        expansion: inner width as a multiple of C.
        bidirectional: also scan backwards, with the same weights, and take the mean.
    """

    def __init__(
        self, channels: int, states: int, kernel: int, expansion: int, bidirectional: bool = False
    ) -> None:
        super().__init__()
        inner, self.rank = expansion * channels, math.ceil(channels / 16)
        self.states, self.bidirectional = states, bidirectional
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv = nn.Conv1d(inner, inner, kernel, groups=inner, padding=kernel - 1)
        self.x_proj = nn.Linear(inner, self.rank + 2 * states, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.a_log = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(inner, 1))
        self.d = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, channels, bias=False)
        self._initialise_steps()

    def _initialise_steps(self, smallest: float = 1e-3, largest: float = 1e-1) -> None:
        """First step sizes spread over two decades, so that channels remember over different lengths."""
        low, high = math.log(smallest), math.log(largest)
        step = torch.exp(torch.rand(self.dt_proj.out_features) * (high - low) + low)
        with torch.no_grad():
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix (N, L, C) along L."""
        x, gate = self.in_proj(tokens).chunk(2, dim=-1)
        if self.bidirectional:  # what looks at single tokens is the same for both ways
            forth, back = self._scan(torch.cat([x, x.flip(1)])).chunk(2)
            y = 0.5 * (forth + back.flip(1))
        else:
            y = self._scan(x)
        return cast(Tensor, self.out_proj(y * functional.silu(gate)))

    def _scan(self, x: Tensor) -> Tensor:
        """Convolve and scan (N, L, inner) from the first token to the last."""
        length = x.shape[1]
        x = functional.silu(self.conv(x.transpose(1, 2))[..., :length].transpose(1, 2))
        step, b, c = self.x_proj(x).split([self.rank, self.states, self.states], dim=-1)
        step = functional.softplus(self.dt_proj(step))
        return selective_scan(x, step, -torch.exp(self.a_log.float()), b, c, self.d)


class ReducedScan(nn.Module):
    """A scan over a grid that a strided convolution made coarser; the result is interpolated back."""

    def __init__(self, channels: int, reduction: int, scan: Scan) -> None:
        super().__init__()
        self.reduce = nn.Conv3d(channels, channels, reduction, stride=reduction)
        self.norm = nn.LayerNorm(channels)
        self.scan = scan

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Mix (N, L, C) of a grid."""
        coarse = self.reduce(to_grid(tokens, grid))
        mixed = self.scan(self.norm(to_tokens(coarse)))
        features = to_grid(mixed, cast(Grid, tuple(coarse.shape[2:])))
        return to_tokens(resize_linear(features, grid))


class MLP(nn.Module):
    """Feed-forward layer with a depthwise convolution on the widened tokens."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        inner = ratio * channels
        self.widen = nn.Linear(channels, inner)
        self.conv = DepthwiseConv3d(inner)
        self.norm = nn.InstanceNorm3d(inner, affine=True)
        self.narrow = nn.Linear(inner, channels)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Compute (N, L, C) of a grid."""
        features = norm_and_gelu(self.conv(to_grid(self.widen(tokens), grid)), self.norm)
        return cast(Tensor, self.narrow(to_tokens(features)))


class Attention(nn.Module):
    """Self-attention, its keys and values from a coarser grid where `reduction` is above 1."""

    def __init__(self, channels: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(channels, channels, bias=False)
        self.kv = nn.Linear(channels, 2 * channels, bias=False)
        self.out = nn.Linear(channels, channels)
        self.reduce: nn.Conv3d | None = None
        self.norm: nn.LayerNorm | None = None
        if reduction > 1:
            self.reduce = nn.Conv3d(channels, channels, reduction, stride=reduction)
            self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Mix (N, L, C) of a grid."""
        seen = tokens
        if self.reduce is not None and self.norm is not None:
            seen = self.norm(to_tokens(self.reduce(to_grid(tokens, grid))))
        q = self._by_head(self.q(tokens))
        k, v = (self._by_head(part) for part in self.kv(seen).chunk(2, dim=-1))
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return cast(Tensor, self.out(mixed.transpose(1, 2).flatten(2)))

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(N, L, C) as (N, heads, L, C / heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class LocalBranch(nn.Module):
    """What the neighbours say: depthwise convolution, instance norm, GELU, channel mixing."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = DepthwiseConv3d(channels, bias=False)
        self.norm = nn.InstanceNorm3d(channels, affine=True)
        self.mix = nn.Linear(channels, channels, bias=False)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Compute (N, L, C) of a grid."""
        features = norm_and_gelu(self.conv(to_grid(tokens, grid)), self.norm)
        return cast(Tensor, self.mix(to_tokens(features)))


class ScanBlock(nn.Module):
    """Scan block, with a gated local branch beside the scan if `local` (the hybrid block).

    x = x + g1 * Linear(mix(LN(x))); x = x + g2 * MLP(LN(x)), with learnt weights g1 and g2 per channel.
    """

    def __init__(
        self, channels: int, scan: Scan, ratio: int, reduction: int, local: bool, layer_scale: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.scan: Scan | ReducedScan = scan if reduction == 1 else ReducedScan(channels, reduction, scan)
        self.local = LocalBranch(channels) if local else None
        self.gate = nn.Linear(2 * channels, channels) if local else None
        self.project = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = MLP(channels, ratio)
        self.scale1 = nn.Parameter(torch.full((channels,), layer_scale))
        self.scale2 = nn.Parameter(torch.full((channels,), layer_scale))

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Compute (N, L, C) of a grid."""
        tokens = torch.addcmul(tokens, self.scale1, self.project(self.mix(self.norm1(tokens), grid)))
        return torch.addcmul(tokens, self.scale2, self.mlp(self.norm2(tokens), grid))

    def mix(self, tokens: Tensor, grid: Grid) -> Tensor:
        """The scan's answer (N, L, C), or for a hybrid block the gated mean of it and the local branch's."""
        scanned: Tensor = self.scan(tokens) if isinstance(self.scan, Scan) else self.scan(tokens, grid)
        if self.local is None or self.gate is None:
            return scanned
        near = self.local(tokens, grid)
        share = torch.sigmoid(self.gate(torch.cat([scanned, near], dim=-1)))
        return torch.lerp(near, scanned, share)


class AttentionBlock(nn.Module):
    """x = x + Attention(LN(x)); x = x + MLP(LN(x))."""

    def __init__(self, channels: int, heads: int, ratio: int, reduction: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, reduction)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = MLP(channels, ratio)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Compute (N, L, C) of a grid."""
        tokens = tokens + self.attention(self.norm1(tokens), grid)
        return tokens + self.mlp(self.norm2(tokens), grid)
