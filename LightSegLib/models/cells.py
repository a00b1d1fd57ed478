"""Cells of voxels: full-resolution maps on a coarse grid, every voxel of a cell as a channel."""

from __future__ import annotations

from torch import Tensor


def channels_to_space(x: Tensor, stride: int) -> Tensor:
    """Channels become the voxels of a cell: (N, stride^3, D, H, W) to (N, 1, D * stride, H * stride,
    W * stride).
    """
    n, _, d, h, w = x.shape
    s = stride
    x = x.reshape(n, 1, s, s, s, d, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, 1, d * s, h * s, w * s)
