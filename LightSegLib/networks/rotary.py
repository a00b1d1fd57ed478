"""Rotary positions in three dimensions: tokens are turned by angles that grow with their index on each axis.

Source: SegMaFormer (arXiv 2603.22002), after Su et al., "RoFormer" (2021).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

BASE = 10_000.0


def rotate_3d(tokens: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Turn channel pairs of tokens by their place on the grid.

    The channels, as far as they divide by 6, are three slices for the three spatial axes; each slice is two
    halves (u, v), and the pair k turns by p * 10000^(-k / half), p being the index on that axis from 0. The
    length of a token does not change, and inner products depend on differences of places only.

    Args:
        tokens: (N, L, C) in raster order, the last axis of the grid fastest.
        grid: cells along the three axes; their product is L.

    Returns:
        (N, L, C).
    """
    channels = tokens.shape[-1]
    turned = channels - channels % 6
    if turned == 0:
        return tokens
    cosine, sine = _angles(grid, turned, str(tokens.device), tokens.dtype)
    # (N, L, axis, half of the pair, pair)
    pairs = tokens[..., :turned].unflatten(-1, (3, 2, turned // 6))
    u, v = pairs.unbind(-2)
    rotated = torch.stack([u * cosine - v * sine, u * sine + v * cosine], dim=-2).flatten(-3)
    return rotated if turned == channels else torch.cat([rotated, tokens[..., turned:]], dim=-1)


@lru_cache(maxsize=64)
def _angles(
    grid: tuple[int, int, int], turned: int, device: str, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Cosine and sine (L, 3, pairs) of every token's angle on each axis."""
    pairs = turned // 6
    with torch.inference_mode(False):
        rate = BASE ** (-torch.arange(pairs, dtype=torch.float64, device="cpu") / pairs)
        axes = torch.meshgrid(
            *(torch.arange(n, dtype=torch.float64, device="cpu") for n in grid), indexing="ij"
        )
        angle = torch.stack([axis.flatten() for axis in axes], dim=1)[..., None] * rate
        return angle.cos().to(device, dtype), angle.sin().to(device, dtype)
