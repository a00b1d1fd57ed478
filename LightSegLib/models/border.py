"""The border head: moves the border of an answer by single voxels.

It works on cells of 2 x 2 x 2 voxels, finer than any network's first stride, and sees the input, the answer
so far and the network's features. Wide matrix products on that grid cost a CPU a fraction of what
convolutions at full resolution would. Far from the border there is nothing to move, so that when a model is
used on a CPU the head works in a box around it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.index_box import IndexBox
from LightSegLib.models.cells import channels_to_space
from LightSegLib.networks.cpu_ops import Conv3d, resize_linear

CELL = 2
"""Voxels along the edge of a cell."""
CERTAIN = 3.0
"""Logits between the negative of this and this tell where the border is when a model is used."""
_REACH = 2
"""Cells on each side that the head sees of."""


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

        Without gradients on a CPU it is zero beyond a box around all voxels whose logit lies between
        -`CERTAIN` and `CERTAIN`, and the usual one at those voxels.

        Args:
            x: (N, inputs, D, H, W), the network's input; each edge a multiple of `CELL`.
            features: (N, features, d, h, w), on any coarser grid over the same cube.
            logits: (N, 1, D, H, W), the answer so far.
        """
        context = self.features(features)
        if torch.is_grad_enabled() or x.device.type != "cpu":
            everywhere = tuple(slice(0, length // CELL) for length in x.shape[2:])
            return self._correction(x, context, logits, everywhere)
        correction = torch.zeros_like(logits)
        for sample in range(len(x)):
            one = slice(sample, sample + 1)
            cells = uncertain_cells(logits[sample, 0])
            if cells is not None:
                voxels = (one, slice(None), *_voxels(cells))
                correction[voxels] = self._correction(x[one], context[one], logits[one], cells)
        return correction

    def _correction(self, x: Tensor, context: Tensor, logits: Tensor, cells: tuple[slice, ...]) -> Tensor:
        """The correction of a box of cells, as if nothing lay beyond it."""
        voxels = (slice(None), slice(None), *_voxels(cells))
        size = [length // CELL for length in x.shape[2:]]
        context = resize_linear(context, size, cells)
        answer = self.answer(logits[voxels].to(x.dtype))
        hidden = functional.gelu(self.look(x[voxels]) + answer + context)
        hidden = functional.gelu(self.compare(hidden))
        return channels_to_space(self.move(hidden), CELL)


def uncertain_cells(logits: Tensor) -> tuple[slice, ...] | None:
    """The box of cells that the head must see to correct all uncertain voxels of (D, H, W) logits, three
    slices; None if there are no uncertain ones.
    """
    uncertain = IndexBox.of_mask((logits.abs() < CERTAIN).numpy())
    if uncertain is None:
        return None
    return tuple(
        slice(
            max(0, voxels.start // CELL - _REACH),
            min(length // CELL, (voxels.stop - 1) // CELL + 1 + _REACH),
        )
        for voxels, length in zip(uncertain.slices, logits.shape, strict=True)
    )


def _voxels(cells: tuple[slice, ...]) -> tuple[slice, ...]:
    return tuple(slice(CELL * part.start, CELL * part.stop) for part in cells)
