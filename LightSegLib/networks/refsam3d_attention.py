"""Windowed self-attention of RefSAM3D's encoder: SAM's, with decomposed relative positions along three axes.

Sources: SAM (arXiv 2304.02643, 2023) for the attention and its tables of height and width; 3DSAM-adapter
(arXiv 2306.13465, 2023) for the table of depth and the cubic windows, shifted after Swin (arXiv 2103.14030).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.refsam3d_config import RefSAM3DConfig, Triple
from LightSegLib.networks.shifted_windows import from_windows, to_windows


class WindowAttention(nn.Module):
    """softmax(q k' / sqrt(C / heads) + q Rd + q Rh + q Rw) v inside each window of the token grid.

    Args:
        config: the network's settings.
        block: index of the block, counted from 0; where it is even, windows are shifted by half their size.
    """

    def __init__(self, config: RefSAM3DConfig, block: int) -> None:
        super().__init__()
        self.heads, self.window, self.shifted = config.heads, config.window, block % 2 == 0
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        depth, height, width = config.relative_lengths(block)
        channels = config.width // config.heads
        self.relative_depth = nn.Parameter(torch.zeros(depth, channels))
        self.relative_height = nn.Parameter(torch.zeros(height, channels))
        self.relative_width = nn.Parameter(torch.zeros(width, channels))

    def start_depth(self) -> None:
        """Start the table of depth as the mean of those of height and width."""
        length = len(self.relative_depth)
        planar = [resize_line(table, length) for table in (self.relative_height, self.relative_width)]
        with torch.no_grad():
            self.relative_depth.copy_((planar[0] + planar[1]) / 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix tokens (N, D, H, W, C) of a grid that the window tiles."""
        batch, *axes, _ = tokens.shape
        grid = (axes[0], axes[1], axes[2])
        shift = self.shift(grid)
        mask = None
        if any(shift):
            tokens = tokens.roll([-cells for cells in shift], dims=(1, 2, 3))
            mask = neighbours(grid, self.window, shift, str(tokens.device)).repeat(batch, 1, 1)[:, None]
        mixed = from_windows(self._mix(to_windows(tokens, self.window), mask), self.window, grid, batch)
        return mixed.roll(list(shift), dims=(1, 2, 3)) if any(shift) else mixed

    def shift(self, grid: Triple) -> Triple:
        """Cells by which windows are shifted; an axis of a single window is not."""
        depth, height, width = (
            window // 2 if self.shifted and n > window else 0
            for n, window in zip(grid, self.window, strict=True)
        )
        return depth, height, width

    def _mix(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Mix (B, T, C) within windows.

        The relative positions are made part of query and key: the query carries its product with each entry
        of the three tables, the key says with ones which entries are its own. A table of all pairs, which
        depends on the query and so would be as large as the attention itself, never has to exist.
        """
        q, k, v = self.qkv(windows).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        channels = q.shape[-1]
        places = self._places(q)
        own = _own_places(self.window, str(q.device)).to(q.dtype).expand(*q.shape[:2], -1, -1)
        query = torch.cat([q * channels**-0.5, places.to(q.dtype)], dim=-1)
        key = torch.cat([k, own], dim=-1)
        # Torch's fast attention wants values as wide as keys.
        value = functional.pad(v, (0, own.shape[-1]))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=1.0)
        return self.out(mixed[..., :channels].transpose(1, 2).flatten(2))

    def _places(self, q: Tensor) -> Tensor:
        """Products (B, heads, T, sum of window) of queries and tables, along depth, height, then width."""
        q = q.unflatten(2, self.window)
        tables = (self.relative_depth, self.relative_height, self.relative_width)
        rules = ("bnxyzc,xkc->bnxyzk", "bnxyzc,ykc->bnxyzk", "bnxyzc,zkc->bnxyzk")
        products = [
            torch.einsum(rule, q, by_pair(table, edge))
            for rule, table, edge in zip(rules, tables, self.window, strict=True)
        ]
        return torch.cat(products, dim=-1).flatten(2, 4)


def by_pair(table: Tensor, edge: int) -> Tensor:
    """The table's row for each pair (query, key) of places along an axis: (L, C) to (edge, edge, C)."""
    places = torch.arange(edge, device=table.device)
    return resize_line(table, 2 * edge - 1)[places[:, None] - places[None] + edge - 1]


def resize_line(table: Tensor, length: int) -> Tensor:
    """A table (L, C) linearly interpolated to `length` rows."""
    if len(table) == length:
        return table
    return functional.interpolate(table.t()[None], length, mode="linear", align_corners=False)[0].t()


def resize_plane(table: Tensor, size: Sequence[int]) -> Tensor:
    """A table (H, W, C) fitted to `size` rows and columns: averaged where it shrinks, else interpolated."""
    if tuple(table.shape[:2]) == tuple(size):
        return table
    planes = table.permute(2, 0, 1)[None]
    if size[0] <= table.shape[0] and size[1] <= table.shape[1]:
        planes = functional.interpolate(planes, tuple(size), mode="area")
    else:
        planes = functional.interpolate(planes, tuple(size), mode="bilinear", align_corners=False)
    return planes[0].permute(1, 2, 0)


@lru_cache(maxsize=64)
def neighbours(grid: Triple, window: Triple, shift: Triple, device: str) -> Tensor:
    """Bool (windows, T, T): False for pairs of a window that only the cyclic shift brought together."""
    with torch.inference_mode(False):  # kept for training too
        wrapped = torch.zeros(grid, dtype=torch.long, device="cpu")
        for axis, (n, cells) in enumerate(zip(grid, shift, strict=True)):
            came_round = torch.arange(n, device="cpu") >= n - cells
            wrapped = 2 * wrapped + came_round.long().view([-1 if a == axis else 1 for a in range(3)])
        side = to_windows(wrapped[None, ..., None], window)[..., 0]
        return (side[:, :, None] == side[:, None, :]).to(device)


@lru_cache(maxsize=64)
def _own_places(window: Triple, device: str) -> Tensor:
    """(T, sum of window): ones at each cell's place along depth, height and width."""
    with torch.inference_mode(False):
        axes = torch.meshgrid(*(torch.arange(n, device="cpu") for n in window), indexing="ij")
        ones = [functional.one_hot(axis.flatten(), n) for axis, n in zip(axes, window, strict=True)]
        return torch.cat(ones, dim=1).float().to(device)
