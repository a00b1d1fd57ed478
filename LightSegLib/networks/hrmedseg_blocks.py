"""Blocks of HRMedSeg's encoder: an inverted bottleneck, and dual-gated linear attention.

Feature maps are (N, C, H, W), tokens (N, L, C) in raster order of a grid (rows, columns).

Source: Xu et al., "HRMedSeg" (arXiv 2504.06205).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.hrmedseg_rotary import Grid, Rotary

SMALLEST = 1e-6
"""Added to the attention's denominators."""


def skip(branch: Tensor, chance: float, training: bool) -> Tensor:
    """Stochastic depth: in training, a residual branch (N, ...) is zero for a sample with this chance.

    What remains is scaled up, so that the mean is kept.
    """
    if not training or chance == 0.0:
        return branch
    kept = torch.rand(len(branch), *[1] * (branch.dim() - 1), device=branch.device) >= chance
    return branch * kept.to(branch.dtype).div_(1.0 - chance)


class ConvNorm(nn.Module):
    """Convolution without bias, then batch norm.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel: odd edge; the size is kept.
        groups: of the convolution.
        first_scale: the norm's weights at the start.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 1, groups: int = 1, first_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        nn.init.constant_(self.bn.weight, first_scale)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (N, out_channels, H, W)."""
        return self.bn(self.c(features))


class MBConv(nn.Module):
    """Widen, convolve each channel, narrow, add the input, GELU. A fresh block is GELU alone.

    Args:
        channels: of input and output.
        expansion: inner width as a multiple of them.
        drop_path: chance to skip the branch.
    """

    def __init__(self, channels: int, expansion: int, drop_path: float = 0.0) -> None:
        super().__init__()
        inner = expansion * channels
        self.drop_path = drop_path
        self.conv1 = ConvNorm(channels, inner)
        self.conv2 = ConvNorm(inner, inner, 3, groups=inner)
        self.conv3 = ConvNorm(inner, channels, first_scale=0.0)

    def forward(self, features: Tensor) -> Tensor:
        """Compute (N, C, H, W)."""
        branch = functional.gelu(self.conv1(features))
        branch = self.conv3(functional.gelu(self.conv2(branch)))
        return functional.gelu(features + skip(branch, self.drop_path, self.training))


class LinearAttention(nn.Module):
    """Attention without softmax, at a cost linear in the number of tokens.

    With f = ELU + 1, q = f(W_q u), k = f(W_k u) and R the rotation by place, the answer for token i is
    sum_j (R q_i . R k_j) v_j / (n (q_i . mean_j k_j + 1e-6)) per head, plus a depthwise convolution of v. The
    values are of low rank and gated, v = W_up SiLU(W_down u). The rotation comes before the split into heads,
    so the first heads see rows and the last ones columns.

    Args:
        channels: width C of input and output.
        heads: heads that C is divided into.
        grid: rows and columns that the stored rotations are for.
        stored_rotations: whether the state holds them.
    """

    def __init__(self, channels: int, heads: int, grid: Grid, stored_rotations: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.qk = nn.Linear(channels, 2 * channels)
        self.down_proj = nn.Linear(channels, channels // 4)
        self.up_proj = nn.Linear(channels // 4, channels)
        self.lepe = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.rope = Rotary(grid, channels, stored_rotations)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Mix (N, L, C) of a grid."""
        values = self.values(tokens)
        near = self.lepe(values.unflatten(1, grid).permute(0, 3, 1, 2))
        return self.mix(*self.queries_and_keys(tokens), values, grid) + near.permute(0, 2, 3, 1).flatten(1, 2)

    def queries_and_keys(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Positive queries and keys, (N, L, C) each, not yet turned."""
        queries, keys = (functional.elu(self.qk(tokens)) + 1.0).chunk(2, dim=-1)
        return queries, keys

    def values(self, tokens: Tensor) -> Tensor:
        """Gated values of low rank, (N, L, C)."""
        return self.up_proj(functional.silu(self.down_proj(tokens)))

    def mix(self, queries: Tensor, keys: Tensor, values: Tensor, grid: Grid) -> Tensor:
        """The attention's sum, without the convolution; all are (N, L, C)."""
        mean = self._by_head(keys.mean(dim=1, keepdim=True))
        share = 1.0 / (self._by_head(queries) @ mean.transpose(-2, -1) + SMALLEST)
        turned_keys = self._by_head(self.rope(keys, grid))
        # One root before the sum over the tokens and one behind it: half precision holds either.
        root = math.sqrt(keys.shape[1])
        summary = turned_keys.transpose(-2, -1) @ (self._by_head(values) / root) / root
        mixed = self._by_head(self.rope(queries, grid)) @ summary * share
        return mixed.transpose(1, 2).flatten(2)

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(N, L, C) as (N, heads, L, C / heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class MLP(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, ratio * channels)
        self.fc2 = nn.Linear(ratio * channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Compute (N, L, C)."""
        return self.fc2(functional.gelu(self.fc1(tokens)))


class LGViTBlock(nn.Module):
    """x = x + Linear(attention(u) * SiLU(Linear(u))) with u = LN(x); x = x + MLP(LN(x)).

    Args:
        channels: width C.
        heads: attention heads.
        ratio: widening of the MLP.
        grid: rows and columns that the stored rotations are for.
        drop_path: chance to skip either branch.
        stored_rotations: whether the state holds the rotations.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        ratio: int,
        grid: Grid,
        drop_path: float = 0.0,
        stored_rotations: bool = True,
    ) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(channels)
        self.act_proj = nn.Linear(channels, channels)
        self.attn = LinearAttention(channels, heads, grid, stored_rotations)
        self.out_proj = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = MLP(channels, ratio)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Compute (N, L, C) of a grid."""
        normed = self.norm1(tokens)
        gated = self.attn(normed, grid) * functional.silu(self.act_proj(normed))
        tokens = tokens + skip(self.out_proj(gated), self.drop_path, self.training)
        return tokens + skip(self.mlp(self.norm2(tokens)), self.drop_path, self.training)
