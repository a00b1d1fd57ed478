"""The border head: moves the border of an answer by single voxels.

It works on cells of 2 x 2 x 2 voxels, finer than any network's first stride, and sees the input, the answer
so far and the network's features. Wide matrix products on that grid cost a CPU a fraction of what
convolutions at full resolution would.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.models.cells import channels_to_space
from LightSegLib.networks.cpu_ops import Conv3d, resize_linear

CELL = 2
"""Voxels along the edge of a cell."""


class BorderHead(nn.Module):
    """A correction of every voxel's logit; zero before training, so that it can join a trained model.

    Args:
        inputs: channels of the network's input.
        features: channels of the network's features.
        width: hidden channels.
    """

    def __init__(self, inputs: int, features: int, width: int) -> None:
        super().__init__()
        self.look = nn.Conv3d(inputs, width, CELL, stride=CELL)
        self.answer = nn.Conv3d(1, width, CELL, stride=CELL)
        self.features = nn.Conv3d(features, width, 1)
        self.compare = Conv3d(width, width, 3, padding=1)
        self.move = Conv3d(width, CELL**3, 3, padding=1)
        nn.init.zeros_(self.move.weight)
        nn.init.constant_(self.move.bias, 0.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor, features: Tensor, logits: Tensor) -> Tensor:
        """The correction (N, 1, D, H, W).

        Args:
            x: (N, inputs, D, H, W), the network's input; each edge a multiple of `CELL`.
            features: (N, features, d, h, w), on any coarser grid over the same cube.
            logits: (N, 1, D, H, W), the answer so far.
        """
        grid = [length // CELL for length in x.shape[2:]]
        context = resize_linear(self.features(features), grid)
        cells = functional.gelu(self.look(x) + self.answer(logits.to(x.dtype)) + context)
        cells = functional.gelu(self.compare(cells))
        return channels_to_space(self.move(cells), CELL)
