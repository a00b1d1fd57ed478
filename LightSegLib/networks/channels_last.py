"""Decoder steps with the channels last, where they are matrix products, and with voxels in cells of eight.

Cells are (N, D, H, W, 2, 2, 2, C): each holds the voxels that one voxel of the coarser grid became. Each step
gives what the module it is given would give on (N, C, 2 D, 2 H, 2 W), but for rounding.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

ROWS = 2048
"""Cells that are normalised together: as many as stay in a processor's cache."""
SLAB = 8
"""Slices, an even number, whose products are summed together; for the same reason."""


def spread(x: Tensor, layer: nn.ConvTranspose3d) -> Tensor:
    """A transposed convolution of kernel and stride 2: cells of (N, D, H, W, C)."""
    weight, bias = layer.weight.permute(2, 3, 4, 1, 0).flatten(0, 3), cast(Tensor, layer.bias)
    return functional.linear(x, weight, bias.repeat(8)).unflatten(-1, (2, 2, 2, -1))


def placed(cells: Tensor) -> Tensor:
    """The voxels of cells in their places: (N, 2 D, 2 H, 2 W, C)."""
    return cells.permute(0, 1, 4, 2, 5, 3, 6, 7).flatten(5, 6).flatten(3, 4).flatten(1, 2)


def as_cells(x: Tensor) -> Tensor:
    """(N, 2 D, 2 H, 2 W, C) as cells: a view."""
    apart = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
    return apart.permute(0, 1, 3, 5, 2, 4, 6, 7)


def normalise_and_gelu(cells: Tensor, layer: nn.InstanceNorm3d) -> Tensor:
    """Instance norm with weights, then GELU. Without gradient, the cells themselves are overwritten."""
    # Whole cells as rows: sums over short rows of a few channels would not be vectorised.
    rows = cells.reshape(len(cells), -1, 8 * cells.shape[-1])
    parts = [rows] if torch.is_grad_enabled() else rows.split(ROWS, dim=1)
    sums = torch.stack([part.float().sum(1) for part in parts]).sum(0) / rows.shape[1]
    mean = sums.unflatten(1, (8, -1)).mean(1).repeat(1, 8)[:, None]
    squares = torch.stack([(part.float() - mean).square().sum(1) for part in parts]).sum(0) / rows.shape[1]
    scale = layer.weight * (squares.unflatten(1, (8, -1)).mean(1) + layer.eps).rsqrt()
    scale, shift = scale.repeat(1, 8)[:, None], layer.bias.repeat(8)
    done = (functional.gelu(torch.addcmul(shift, part.float() - mean, scale)) for part in parts)
    if torch.is_grad_enabled():
        return next(done).to(cells.dtype).view(cells.shape)
    for part, values in zip(parts, done, strict=True):
        part.copy_(values)
    return rows.view(cells.shape)


def convolve_to_few(cells: Tensor, beside: Tensor, layer: nn.Conv3d) -> Tensor:
    """A convolution of kernel 3 to few channels, in float32 and without gradient: (N, C', 2 D, 2 H, 2 W).

    The usual routines compute sixteen output channels at once, however few there are. Here each of the 27
    neighbours' products is one matrix product, and what remains are sums: less than half the time for one
    channel.

    Args:
        cells: features (N, D, H, W, 2, 2, 2, C).
        beside: further features (N, 2 D, 2 H, 2 W, B), which follow the others.
        layer: of C + B input channels.
    """
    kernels = layer.weight.float().flatten(2).transpose(1, 2).flatten(0, 1)
    size = beside.shape[1:4]
    # One place for the products: fresh memory for every slab would cost as much as the sums.
    room = kernels.new_empty(len(kernels) * SLAB * size[1] * size[2])
    answer = cast(Tensor, layer.bias).float().view(1, -1, 1, 1, 1).repeat(len(beside), 1, *size)
    with torch.autocast(beside.device.type, enabled=False):
        for number, channels in enumerate(answer):
            for start in range(0, size[0], SLAB):
                inside = placed(cells[number, start // 2 : (start + SLAB) // 2][None])[0]
                slab = torch.cat([inside.float(), beside[number, start : start + SLAB].float()], dim=-1)
                products = room[: len(kernels) * slab[..., 0].numel()].view(len(kernels), -1)
                torch.mm(kernels, slab.flatten(0, 2).t(), out=products)
                _add_neighbours(channels, products.view(-1, 3, 3, 3, *slab.shape[:3]), start)
    return answer


def _add_neighbours(channels: Tensor, products: Tensor, start: int) -> None:
    """Add products (C', 3, 3, 3, S, H, W) of slices from `start` on to what they are neighbours of, in place.

    Args:
        channels: the convolution's answer so far, (C', D, H, W).
        products: of each of these slices with the kernel's 27 places.
        start: the first of these slices.
    """
    _, depth, height, width = channels.shape
    count = products.shape[4]
    for i in range(27):
        a, b, c = i // 9, i // 3 % 3, i % 3
        z, from_z = _overlap(a - 1, start, count, depth)
        y, from_y = _overlap(b - 1, 0, height, height)
        x, from_x = _overlap(c - 1, 0, width, width)
        channels[:, z, y, x] += products[:, a, b, c, from_z, from_y, from_x]


def _overlap(offset: int, start: int, count: int, length: int) -> tuple[slice, slice]:
    """Where values at `start` and on are neighbours at an offset, and which of the values these are."""
    first, last = max(0, start - offset), min(length, start + count - offset)
    return slice(first, last), slice(first + offset - start, last + offset - start)
