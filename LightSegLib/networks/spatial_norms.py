"""Norms over space with the activation that follows them, in channels-last memory.

torch's instance norm copies such memory back and forth. Its group norm does not, but adds up squares of all
cells in turn: its answers are off by up to 1e-4. Here the sums are those of blocks that stay in a processor's
cache, joined in double precision, and the activation is applied while a block is there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.cpu_ops import gelu, is_channels_last

BLOCK = 2**17
"""Numbers that are normalised together: as many as stay in a processor's cache."""


def norm_and_gelu(x: Tensor, layer: nn.GroupNorm | nn.InstanceNorm3d) -> Tensor:
    """GELU of a group norm, or of an instance norm with weights, of (N, C, D, H, W).

    Without gradients, x itself may be overwritten.
    """
    return _norm_and(x, layer, gelu if torch.is_grad_enabled() else functional.gelu)


def norm_and_relu(x: Tensor, layer: nn.GroupNorm | nn.InstanceNorm3d) -> Tensor:
    """The same with ReLU."""
    return _norm_and(x, layer, functional.relu)


def _norm_and(
    x: Tensor, layer: nn.GroupNorm | nn.InstanceNorm3d, activation: Callable[[Tensor], Tensor]
) -> Tensor:
    groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else x.shape[1]
    if torch.is_grad_enabled() or not is_channels_last(x):
        x = x.contiguous()
        return activation(functional.group_norm(x, groups, layer.weight, layer.bias, layer.eps))
    rows = x.movedim(1, -1).flatten(1, 3)
    blocks = rows.split(max(1, BLOCK // (len(x) * x.shape[1])), dim=1)
    scale, shift = _scale_and_shift(blocks, groups, layer)
    for block in blocks:
        block.copy_(activation(torch.addcmul(shift, block.float(), scale)))
    return x


def _scale_and_shift(
    blocks: tuple[Tensor, ...], groups: int, layer: nn.GroupNorm | nn.InstanceNorm3d
) -> tuple[Tensor, Tensor]:
    """What a norm multiplies and then adds, (N, 1, C) each, from all cells (N, rows, C) in blocks."""
    sums, squares = [], []
    for block in blocks:
        exact = block.float()
        sums.append(exact.sum(1))
        squares.append(exact.square().sum(1))
    count = sum(block.shape[1] for block in blocks)
    mean, square = (
        (torch.stack(values).double().sum(0) / count).unflatten(1, (groups, -1)).mean(-1, keepdim=True)
        for values in (sums, squares)
    )
    spread = ((square - mean.square()).clamp(min=0.0) + layer.eps).rsqrt()
    width = sums[0].shape[1] // groups
    scale = layer.weight * spread.expand(-1, -1, width).flatten(1)
    shift = layer.bias - scale * mean.expand(-1, -1, width).flatten(1)
    return scale.float()[:, None], shift.float()[:, None]
