"""Rotary positions in two dimensions: pairs of neighbouring channels turn by their row or their column.

Source: HRMedSeg (arXiv 2504.06205), after Su et al., "RoFormer" (arXiv 2104.09864).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

BASE = 10_000.0
Grid = tuple[int, int]


class Rotary(nn.Module):
    """Turn tokens by their place; see `rotate_2d`.

    The table of the grid it is built for is part of the state where `stored`, as in released weights. What a
    loaded state says of it is ignored: it follows from the grid, and weights serve every image size.

    Args:
        grid: rows and columns.
        channels: of a token; a multiple of 4.
        stored: whether the state holds the table (rows, columns, channels / 2, 2) of cosine and sine.
    """

    def __init__(self, grid: Grid, channels: int, stored: bool = True) -> None:
        super().__init__()
        if stored:
            table = torch.stack(_turns(grid, channels, "cpu", torch.float32), dim=-1)
            self.register_buffer("rotations", table.unflatten(0, grid))

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        """Turn (N, L, C), L being the product of the grid."""
        return rotate_2d(tokens, grid)

    def _load_from_state_dict(self, *_: Any) -> None:
        """Take nothing, and miss nothing."""


def rotate_2d(tokens: Tensor, grid: Grid) -> Tensor:
    """Turn the channel pairs (2i, 2i + 1) of tokens by their place on the grid.

    The first C / 4 pairs turn with the row, the last C / 4 with the column: pair j of either by
    index * 10000^(-j / (C / 4)). The length of a token does not change, and inner products depend on
    differences of places only.

    Args:
        tokens: (N, L, C) in raster order; C is a multiple of 4.
        grid: rows and columns; their product is L.

    Returns:
        (N, L, C).
    """
    cosine, sine = _turns(grid, tokens.shape[-1], str(tokens.device), tokens.dtype)
    u, v = tokens.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([u * cosine - v * sine, u * sine + v * cosine], dim=-1).flatten(-2)


@lru_cache(maxsize=64)
def _turns(grid: Grid, channels: int, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosine and sine (L, C / 2) of every token's angles."""
    pairs = channels // 4
    with torch.inference_mode(False):
        rate = BASE ** (-torch.arange(pairs, dtype=torch.float64, device="cpu") / pairs)
        places = (torch.arange(n, dtype=torch.float64, device="cpu") for n in grid)
        row, column = torch.meshgrid(*places, indexing="ij")
        angle = torch.cat([row.flatten()[:, None] * rate, column.flatten()[:, None] * rate], dim=1)
        return angle.cos().to(device, dtype), angle.sin().to(device, dtype)
