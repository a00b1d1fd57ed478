"""Attention from the image embedding to the prompts, and the mask decoder of RefSAM3D.

Source: RefSAM3D (arXiv 2412.05605, 2024). Its values of the cross-attention are said to have the image's
shape, which the weights, one for each voxel and word, cannot be applied to; here they come from the prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.channels_last import (
    as_cells,
    convolve_to_few,
    normalise_and_gelu,
    placed,
    spread,
)
from LightSegLib.networks.cpu_ops import Conv3d
from LightSegLib.networks.refsam3d_config import RefSAM3DConfig
from LightSegLib.networks.refsam3d_prompts import Prompts

MANY = 4
"""Output channels from which the usual convolution is the faster one."""


class PromptAttention(nn.Module):
    """A = softmax(Q K' / sqrt(C / heads)), O = A W_v T, V'' = LN(V' + W_o O) for one level.

    The queries know their place as the clicks know theirs, so that a voxel can find the clicks around it.

    Args:
        width: channels C of levels and tokens.
        heads: attention heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, voxels: Tensor, places: Tensor, prompts: Prompts) -> Tensor:
        """Let voxels (N, L, C) at places (L, C) look at N prompts."""
        q, k = self._by_head(self.query(voxels + places)), self._by_head(self.key(prompts.tokens))
        v = self._by_head(self.value(prompts.tokens))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=prompts.mask[:, None, None])
        return self.norm(voxels + self.out(seen.transpose(1, 2).flatten(2)))

    def weights(self, voxels: Tensor, places: Tensor, prompts: Prompts) -> Tensor:
        """The attention A (N, heads, L, T) that `forward` applies, 0 to 1, for looking at."""
        q, k = self._by_head(self.query(voxels + places)), self._by_head(self.key(prompts.tokens))
        logits = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
        return logits.masked_fill(~prompts.mask[:, None, None], -torch.inf).softmax(-1)

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(N, L, C) as (N, heads, L, C / heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class MaskDecoder(nn.Module):
    """Doubles the deepest level's resolution step by step, adds shallower levels, ends beside the raw image.

    Levels join from deep to shallow, one in each step but the last, which the image joins; what is left joins
    in the step before that.
    """

    def __init__(self, config: RefSAM3DConfig) -> None:
        super().__init__()
        widths = (config.neck, *config.decoder)
        last = max(len(config.decoder) - 2, 0)
        self.steps = [min(count, last) for count in range(len(config.levels) - 1)]
        self.ups = nn.ModuleList(
            nn.ConvTranspose3d(before, after, 2, stride=2) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.InstanceNorm3d(width, affine=True) for width in config.decoder)
        self.joins = nn.ModuleList(nn.Conv3d(config.neck, config.decoder[step], 1) for step in self.steps)
        self.head = Conv3d(config.decoder[-1] + config.in_ch, config.n_classes, 3, padding=1)

    def forward(self, levels: Sequence[Tensor], image: Tensor) -> Tensor:
        """Logits (N, n_classes, D, H, W) from levels (N, neck, D', H', W') and the image (N, in_ch, D, H, W).

        Args:
            levels: the deepest last.
            image: what the last convolution sees beside the features, and whose size the answer has.
        """
        return self.answer(self.features(levels), image)

    def features(self, levels: Sequence[Tensor]) -> Tensor:
        """Features of the last step, as cells (see `networks.channels_last`), from the levels."""
        cells = self._doubled(levels[-1].permute(0, 2, 3, 4, 1), levels, 0)
        for step in range(1, len(self.ups)):
            cells = self._doubled(placed(cells), levels, step)
        return cells

    def answer(self, cells: Tensor, image: Tensor) -> Tensor:
        """Logits (N, n_classes, D, H, W) from the last step's features and the image."""
        beside = resize(image, [2 * n for n in cells.shape[1:4]]).permute(0, 2, 3, 4, 1)
        beside = beside.to(cells.dtype).expand(len(cells), -1, -1, -1, -1)
        if image.device.type == "cpu" and not torch.is_grad_enabled() and self.head.out_channels < MANY:
            return resize(convolve_to_few(cells, beside, self.head), image.shape[2:])
        seen = torch.cat([placed(cells), beside], dim=-1).permute(0, 4, 1, 2, 3)
        return resize(self.head(seen), image.shape[2:])

    def _doubled(self, x: Tensor, levels: Sequence[Tensor], step: int) -> Tensor:
        """One step from (N, D, H, W, C), as cells; see `networks.channels_last`."""
        cells = spread(x, cast(nn.ConvTranspose3d, self.ups[step]))
        joining = [
            join(level)
            for join, level, its_step in zip(self.joins, levels[-2::-1], self.steps, strict=True)
            if its_step == step
        ]
        if joining:
            joined = torch.stack(joining).sum(0).contiguous(memory_format=torch.channels_last_3d)
            size = [2 * n for n in x.shape[1:4]]
            cells = cells + as_cells(resize(joined, size).permute(0, 2, 3, 4, 1))
        return normalise_and_gelu(cells, cast(nn.InstanceNorm3d, self.norms[step]))


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Interpolate (N, C, D, H, W) to `size` voxels."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return functional.interpolate(x, tuple(size), mode="trilinear", align_corners=False)
