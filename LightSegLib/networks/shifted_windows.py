"""Self-attention inside windows of a 3D grid, shifted by half a window in every second block.

Shifting is cyclic: what leaves on one side comes in on the other, and a mask keeps what met only through
that from seeing each other.

Source: RefineFormer3D (arXiv 2602.16320), after Liu et al., "Swin Transformer" (2021).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

Triple = tuple[int, int, int]
HIDDEN = -1e4
"""Added to the logit of a pair that must not see each other; finite in every number format."""


class ShiftedWindowAttention(nn.Module):
    """softmax(q k' / sqrt(C / heads) + R[relative place] + mask) v inside each window.

    Args:
        channels: width C.
        heads: attention heads.
        window: cells along the three axes.
        shifted: whether windows are shifted by half their size along axes that have more than one.
    """

    def __init__(self, channels: int, heads: int, window: Triple, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window, self.shifted = heads, window, shifted
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        places = (2 * window[0] - 1) * (2 * window[1] - 1) * (2 * window[2] - 1)
        self.bias = nn.Parameter(torch.zeros(places, heads))

    def forward(self, tokens: Tensor, grid: Triple) -> Tensor:
        """Mix tokens (N, L, C) of a grid that the window tiles."""
        shift = self.shift(grid)
        windows = gather_windows(tokens, grid, self.window, shift)
        q, k, v = self.qkv(windows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=self._bias(grid, shift, q))
        windows = self.out(mixed.transpose(1, 2).flatten(2))
        return scatter_windows(windows, grid, self.window, shift, len(tokens))

    def shift(self, grid: Triple) -> Triple:
        """Cells by which the windows are shifted along each axis of a grid."""
        if not self.shifted:
            return (0, 0, 0)
        halves = [w // 2 if n > w else 0 for n, w in zip(grid, self.window, strict=True)]
        return (halves[0], halves[1], halves[2])

    def _bias(self, grid: Triple, shift: Triple, like: Tensor) -> Tensor:
        """Additive logits (batch of windows or 1, heads, T, T)."""
        index = _relative_index(self.window, str(like.device))
        bias = self.bias[index].permute(2, 0, 1)[None].to(like.dtype)
        if not any(shift):
            return bias
        mask = _wrap_mask(grid, self.window, shift, str(like.device)).to(like.dtype)
        batch = len(like) // len(mask)
        return bias + (mask if batch == 1 else mask.repeat(batch, 1, 1))[:, None]


def gather_windows(tokens: Tensor, grid: Triple, window: Triple, shift: Triple) -> Tensor:
    """Tokens (N, L, C) of a grid, rolled back by `shift`, as (N * windows, T, C), all in one copy."""
    order, _ = _order(grid, window, shift, str(tokens.device))
    return tokens.index_select(1, order).reshape(-1, window[0] * window[1] * window[2], tokens.shape[-1])


def scatter_windows(windows: Tensor, grid: Triple, window: Triple, shift: Triple, batch: int) -> Tensor:
    """The inverse of `gather_windows`: (N, L, C)."""
    _, places = _order(grid, window, shift, str(windows.device))
    return windows.reshape(batch, -1, windows.shape[-1]).index_select(1, places)


def to_windows(x: Tensor, window: Triple) -> Tensor:
    """(N, D, H, W, C) as (N * windows, T, C), windows and their T cells in raster order."""
    n, d, h, w, c = x.shape
    wd, wh, ww = window
    x = x.reshape(n, d // wd, wd, h // wh, wh, w // ww, ww, c).permute(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(-1, wd * wh * ww, c)


def from_windows(windows: Tensor, window: Triple, grid: Triple, batch: int) -> Tensor:
    """The inverse of `to_windows`."""
    d, h, w = grid
    wd, wh, ww = window
    x = windows.reshape(batch, d // wd, h // wh, w // ww, wd, wh, ww, -1).permute(0, 1, 4, 2, 5, 3, 6, 7)
    return x.reshape(batch, d, h, w, -1)


@lru_cache(maxsize=64)
def _order(grid: Triple, window: Triple, shift: Triple, device: str) -> tuple[Tensor, Tensor]:
    """Which token (L,) stands at each place of the windows, and at which place (L,) each token stands."""
    with torch.inference_mode(False):
        places = torch.arange(grid[0] * grid[1] * grid[2], device="cpu").view(1, *grid, 1)
        order = to_windows(places.roll([-s for s in shift], dims=(1, 2, 3)), window).flatten()
        return order.to(device), order.argsort().to(device)


@lru_cache(maxsize=64)
def _relative_index(window: Triple, device: str) -> Tensor:
    """Row (T, T) of the bias table for each pair of cells of a window."""
    with torch.inference_mode(False):  # kept for training too
        axes = torch.meshgrid(*(torch.arange(n, device="cpu") for n in window), indexing="ij")
        cells = torch.stack([axis.flatten() for axis in axes], dim=1)
        offset = cells[:, None] - cells[None] + torch.tensor(window, device="cpu") - 1
        _, high, wide = (2 * n - 1 for n in window)
        return ((offset[..., 0] * high + offset[..., 1]) * wide + offset[..., 2]).to(device)


@lru_cache(maxsize=64)
def _wrap_mask(grid: Triple, window: Triple, shift: Triple, device: str) -> Tensor:
    """Logits (windows, T, T): 0 for cells that are neighbours on the grid, `HIDDEN` for those that the
    cyclic shift brought together.
    """
    with torch.inference_mode(False):
        region = torch.zeros(1, *grid, 1, device="cpu")
        for axis, (n, w, s) in enumerate(zip(grid, window, shift, strict=True)):
            place = torch.arange(n, device="cpu")
            part = (place >= n - w).long() + (place >= n - s).long() if s else 0 * place
            region = region * 3 + part.view([-1 if a == axis else 1 for a in range(3)])[None, ..., None]
        label = to_windows(region, window)[..., 0]
        apart = label[:, :, None] != label[:, None, :]
        return (HIDDEN * apart.float()).to(device)
