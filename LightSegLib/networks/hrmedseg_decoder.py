"""HRMedSeg's decoder: SAM's, with a thin feed-forward layer, three mask tokens and no quality score.

Source: Xu et al., "HRMedSeg" (arXiv 2504.06205), after "Segment Anything" (arXiv 2304.02643).
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.hrmedseg_config import HRMedSegConfig
from LightSegLib.networks.hrmedseg_encoder import ChannelNorm
from LightSegLib.networks.hrmedseg_two_way import TwoWayTransformer


class Hypernetwork(nn.Module):
    """A token (B, C) as the weights (B, out_channels) of a map from features to logits."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        widths = (channels, channels, channels, out_channels)
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    def forward(self, token: Tensor) -> Tensor:
        """Compute the weights."""
        first, second, last = self.layers
        return last(functional.relu(second(functional.relu(first(token)))))


class MaskDecoder(nn.Module):
    """Image embedding and prompts to logits, at four times the embedding's grid.

    Args:
        config: the network's settings.
    """

    def __init__(self, config: HRMedSegConfig) -> None:
        super().__init__()
        width = config.embedding_ch
        self.answering = 0 if config.mask_token == "iou" else 1
        self.transformer = TwoWayTransformer(config)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(config.mask_tokens, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, 2),
            ChannelNorm(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            Hypernetwork(width, width // 8) for _ in range(config.mask_tokens)
        )

    def forward(self, image: Tensor, image_places: Tensor, prompts: Tensor | None = None) -> Tensor:
        """Logits (B, 1, 4 h, 4 w) of the first mask.

        Args:
            image: (B, C, h, w), the image embedding with the dense prompt added.
            image_places: (1, h w, C), positional embedding of its cells.
            prompts: (B, T, C), tokens of points and boxes.
        """
        grid = (image.shape[2], image.shape[3])
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = own.expand(len(image), -1, -1)
        if prompts is not None:
            tokens = torch.cat([tokens, prompts], dim=1)
        cells = image.permute(0, 2, 3, 1).flatten(1, 2)
        tokens, cells = self.transformer(tokens, cells, image_places, grid)
        weights = self.output_hypernetworks_mlps[0](tokens[:, self.answering])
        logits = self.upscale(cells) @ weights[:, None, :, None]
        pixels = logits.unflatten(1, grid).unflatten(3, (2, 2, 2, 2)).squeeze(-1)
        return pixels.permute(0, 1, 3, 5, 2, 4, 6).flatten(4, 6).flatten(1, 3)[:, None]

    def upscale(self, cells: Tensor) -> Tensor:
        """What `output_upscaling` makes of cells (B, L, C): features (B, L, 16, C / 8) of their pixels.

        The pixels of a cell are ordered by row and column of its quarter, then by row and column within it.
        Since kernel and stride are equal, each transposed convolution is a linear layer per cell; nothing has
        to be laid out anew until there is one channel left.
        """
        first, norm, _, second, _ = self.output_upscaling
        quarters = functional.gelu(cast(ChannelNorm, norm).last(_spread(cells, first)))
        return functional.gelu(_spread(quarters, second).flatten(2, 3))


def _spread(cells: Tensor, layer: nn.Module) -> Tensor:
    """A transposed convolution of kernel and stride 2: cells (..., C) as (..., 4, out_channels)."""
    layer = cast(nn.ConvTranspose2d, layer)
    weight, bias = layer.weight.permute(2, 3, 1, 0).flatten(0, 2), cast(Tensor, layer.bias)
    return functional.linear(cells, weight, bias.repeat(4)).unflatten(-1, (4, -1))
