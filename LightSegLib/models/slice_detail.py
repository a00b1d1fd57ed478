"""A head at full resolution for networks of slices: sees the pixels and the prompts beside the features.

SAM's decoder draws on a grid four times finer than the embedding, from an embedding that heard of no prompt.
This head corrects it where pixels and clicks say so. It works on cells of 4 x 4 and of 2 x 2 pixels with
every pixel as a channel, since a few wide matrix products cost a CPU less than convolutions of pixels.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

COARSE, FINE = 4, 2
"""Pixels along the edge of a cell."""
REACHES = (1, 2, 4, 1)
"""Dilation of each convolution on the coarse cells: together they see 64 pixels to every side."""


class SliceDetail(nn.Module):
    """A correction of every pixel's logit; zero before training, so that it can join a trained model.

    Args:
        inputs: channels of what is drawn, see `models.drawn_slices`.
        features: channels of the embedding.
        width: hidden channels.
    """

    def __init__(self, inputs: int, features: int, width: int) -> None:
        super().__init__()
        fine = width // 2
        self.look = nn.Conv2d(inputs + 1, width, COARSE, stride=COARSE)
        self.features = nn.Conv2d(features, width, 1)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in REACHES)
        self.mixes = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=reach, dilation=reach) for reach in REACHES
        )
        self.look_closer = nn.Conv2d(inputs + 1, fine, FINE, stride=FINE)
        self.context = nn.Conv2d(width, fine, 1)
        self.compare = nn.Conv2d(fine, fine, 3, padding=1)
        self.move = nn.Conv2d(fine, FINE**2, 3, padding=1)
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(cast(Tensor, self.move.bias))

    def forward(self, channels: Tensor, features: Tensor, logits: Tensor) -> Tensor:
        """The correction (N, 1, H, W).

        Args:
            channels: (N, inputs, H, W), what is drawn; H and W multiples of 4.
            features: (N, features, h, w), the embedding.
            logits: (N, 1, H, W), the answer so far.
        """
        seen = torch.cat([channels, 0.1 * logits.to(channels.dtype)], dim=1)
        x = self.look(seen)
        x = x + _enlarged(self.features(features), x)
        for norm, mix in zip(self.norms, self.mixes, strict=True):
            x = x + mix(functional.gelu(norm(x)))
        closer = self.look_closer(seen)
        closer = functional.gelu(closer + _enlarged(self.context(functional.gelu(x)), closer))
        closer = functional.gelu(self.compare(closer))
        return functional.pixel_shuffle(self.move(closer), FINE)


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    size = (like.shape[2], like.shape[3])
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)
