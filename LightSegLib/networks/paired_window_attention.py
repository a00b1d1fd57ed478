"""Attention over windows that come in (big, small) pairs, for all modalities at once.

Tokens of a stage are (M, N, D, H, W, C): modalities, batch, grid and channels last, so that projections are
plain matrix products. M modalities have separate weights, kept stacked, and meet in the attention itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.blocks import LEAKY_SLOPE
from LightSegLib.networks.cpu_ops import drop, softmax
from LightSegLib.networks.veloxseg_config import Triple, WindowPair

FUSED_TOKENS = 256
"""Longer sequences use torch's fused attention in inference; else a CPU is faster with the plain products."""


class ModalityLinear(nn.Module):
    """One linear layer per modality: (M, ..., in_features) to (M, ..., out_features)."""

    def __init__(self, modalities: int, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features = in_features
        self.weight = nn.Parameter(torch.empty(modalities, in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(modalities, 1, out_features)) if bias else None
        nn.init.normal_(self.weight, std=math.sqrt(2.0 / (1.0 + LEAKY_SLOPE**2) / in_features))

    def forward(self, x: Tensor) -> Tensor:
        """Project the last axis with the weights of each modality."""
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        y = torch.bmm(flat, self.weight) if self.bias is None else torch.baddbmm(self.bias, flat, self.weight)
        return y.reshape(*x.shape[:-1], y.shape[-1])


class ModalityNorm(nn.Module):
    """One layer normalisation over channels per modality, for (M, ..., features)."""

    def __init__(self, modalities: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(modalities, features))
        self.bias = nn.Parameter(torch.zeros(modalities, features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis, then scale and shift it with the weights of each modality."""
        shape = (x.shape[0], *(1,) * (x.dim() - 2), x.shape[-1])
        normal = functional.layer_norm(x, x.shape[-1:])
        return torch.addcmul(self.bias.view(shape), normal, self.weight.view(shape))


def gather_windows(x: Tensor, big: Triple, small: Triple) -> Tensor:
    """Cut the grid in big windows and max-pool each small window to one token.

    Args:
        x: (M, N, D, H, W, C); the grid is a multiple of `big` and `big` of `small`.
        big: Window edge in cells.
        small: Edge in cells of the part of a window that becomes one token.

    Returns:
        (N * windows, M, tokens, C), tokens = prod(big / small), both windows and tokens in raster order.
    """
    m, n, d, h, w, c = x.shape
    (bd, bh, bw), (sd, sh, sw) = big, small
    if small != (1, 1, 1):  # one axis after the other: long runs of memory first, then little is left
        x = x.reshape(m, n, d // sd, sd, h, w, c).amax(3)
        x = x.reshape(m, n, d // sd, h // sh, sh, w, c).amax(4)
        x = x.reshape(m, n, d // sd, h // sh, w // sw, sw, c).amax(5)
    td, th, tw = bd // sd, bh // sh, bw // sw
    x = x.reshape(m, n, d // bd, td, h // bh, th, w // bw, tw, c).permute(1, 2, 4, 6, 0, 3, 5, 7, 8)
    return x.reshape(-1, m, td * th * tw, c)


def scatter_windows(tokens: Tensor, grid: Triple, big: Triple, small: Triple) -> Tensor:
    """Put windows back on the grid, each enlarged trilinearly (corners aligned) from tokens to cells.

    Args:
        tokens: (N * windows, M, tokens, C) as `gather_windows` returns them.
        grid: Cells of the stage.
        big: Window edge in cells.
        small: Edge in cells of the part of a window that was one token.

    Returns:
        (M, N, D, H, W, C)
    """
    (d, h, w), (bd, bh, bw) = grid, big
    m, c = tokens.shape[1], tokens.shape[3]
    td, th, tw = (b // s for b, s in zip(big, small, strict=True))
    if small != (1, 1, 1):
        coarse = tokens.reshape(-1, td, th, tw, c).permute(0, 4, 1, 2, 3)
        fine = functional.interpolate(coarse, size=big, mode="trilinear", align_corners=True).permute(
            0, 2, 3, 4, 1
        )
    else:
        fine = tokens
    x = fine.reshape(-1, d // bd, h // bh, w // bw, m, bd, bh, bw, c).permute(4, 0, 1, 5, 2, 6, 3, 7, 8)
    return x.reshape(m, -1, d, h, w, c)


class RelativeBias(nn.Module):
    """Learnt score offset for each pair of token positions of a window, looked up by their difference."""

    index: Tensor

    def __init__(self, tokens: Triple, heads: int) -> None:
        super().__init__()
        spans = [2 * t - 1 for t in tokens]
        self.table = nn.Parameter(torch.empty(math.prod(spans), heads))
        nn.init.trunc_normal_(self.table, std=0.02)
        axes = torch.meshgrid(*(torch.arange(t) for t in tokens), indexing="ij")
        place = torch.stack([a.flatten() for a in axes])
        offset = place[:, :, None] - place[:, None, :]
        shifted = [offset[i] + tokens[i] - 1 for i in range(3)]
        index = (shifted[0] * spans[1] + shifted[1]) * spans[2] + shifted[2]
        self.register_buffer("index", index.flatten(), persistent=False)

    def forward(self, modalities: int) -> Tensor:
        """Offsets (heads, modalities * tokens, modalities * tokens), the same in every pair of modalities."""
        side = math.isqrt(self.index.numel())
        one = self.table.t().index_select(1, self.index).view(-1, side, side)
        return one.repeat(1, modalities, modalities)


class PairedWindowAttention(nn.Module):
    """Attention inside windows of several scales in one call; each scale owns its own slice of channels.

    Every window, whatever its scale, has the same number of tokens, so all of them form one batch. A sequence
    holds the tokens of one window in all modalities; windows never see each other.

    Args:
        modalities: Number of streams M.
        channels: Width C of a stream.
        pairs: (big, small) windows of the stage.
        heads: Heads of each pair.
        head_dim: Query and key width of a head.
        qkv_bias: Whether the query, key and value projections have a bias.
        attn_drop: Dropout of attention weights.
        proj_drop: Dropout of the result.
    """

    def __init__(
        self,
        modalities: int,
        channels: int,
        pairs: Sequence[WindowPair],
        heads: int,
        head_dim: int,
        qkv_bias: bool = True,
        attn_drop: float = 0.0,
        proj_drop: float = 0.0,
    ) -> None:
        super().__init__()
        query = len(pairs) * heads * head_dim
        value = -(-channels // query) * query
        self.pairs, self.heads, self.attn_drop = tuple(pairs), heads, attn_drop
        self.pair_query, self.pair_value = query // len(pairs), value // len(pairs)
        big, small = pairs[0]
        tokens = (big[0] // small[0], big[1] // small[1], big[2] // small[2])
        self.norm = ModalityNorm(modalities, channels)
        self.qkv = ModalityLinear(modalities, channels, 2 * query + value, qkv_bias)
        self.bias = RelativeBias(tokens, heads)
        self.mix = ModalityLinear(modalities, value, channels)
        self.proj_drop = proj_drop

    def forward(self, x: Tensor) -> Tensor:
        """Attend; input and output are (M, N, D, H, W, C). The input is not added.

        The projection holds query, key and value of the first pair, then those of the second, and so on.
        """
        grid: Triple = (x.shape[2], x.shape[3], x.shape[4])
        parts = self.qkv(self.norm(x)).split(2 * self.pair_query + self.pair_value, dim=-1)
        windows = [gather_windows(part, *pair) for part, pair in zip(parts, self.pairs, strict=True)]
        attended = self.attend(torch.cat(windows)).split([len(w) for w in windows])
        scattered = [scatter_windows(t, grid, *pair) for t, pair in zip(attended, self.pairs, strict=True)]
        return drop(self.mix(torch.cat(scattered, dim=-1)), self.proj_drop, self.training)

    def attend(self, windows: Tensor) -> Tensor:
        """Attention within windows: (B, M, tokens, query + key + value) to (B, M, tokens, value)."""
        batch, modalities, tokens, _ = windows.shape
        widths = [self.pair_query, self.pair_query, self.pair_value]
        sequence = windows.reshape(batch, modalities * tokens, -1)
        q, k, v = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in sequence.split(widths, dim=-1))
        bias = self.bias(modalities).to(q.dtype)
        if tokens * modalities > FUSED_TOKENS and not torch.is_grad_enabled():
            out = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])
        else:
            scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2)).add_(bias)
            weights = drop(softmax(scores), self.attn_drop, self.training)
            out = torch.matmul(weights.to(v.dtype), v)
        return out.transpose(1, 2).reshape(batch, modalities, tokens, self.pair_value)
