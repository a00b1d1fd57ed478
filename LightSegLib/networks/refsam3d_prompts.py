"""Prompts of RefSAM3D as tokens: words, their sentence, clicks and corners of boxes; and the previous answer.

Sources: RefSAM3D (arXiv 2412.05605, 2024) for the cross-modal projector; SAM (arXiv 2304.02643, 2023) for
clicks, boxes and the previous mask, here along three axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.networks.refsam3d_config import RefSAM3DConfig, Triple

LOWER_CORNER, UPPER_CORNER, KINDS = 2, 3, 4
"""Rows of the table of kinds; 0 and 1 are negative and positive clicks."""
PREVIOUS_DETAIL = 4
"""Places per token and axis at which the previous answer is looked at."""


class Prompts(NamedTuple):
    """Prompt tokens.

    Attributes:
        tokens: (N, T, C), in the order: one that stands for no prompt, words, sentence, points, boxes.
        mask: bool (N, T), False for padding, which must not be seen.
        first_click: index of the first point's token.
    """

    tokens: Tensor
    mask: Tensor
    first_click: int = 0


class FourierPosition(nn.Module):
    """Sines and cosines of random projections of a place: (..., 3), within 0 to 1, to (..., C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.directions: Tensor
        self.register_buffer("directions", torch.randn(3, channels // 2))

    def forward(self, places: Tensor) -> Tensor:
        """Compute (..., 3) to (..., C), in float32, since the angles are large."""
        angles = (2 * places.float() - 1) @ self.directions.float() * (2 * math.pi)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def of_grid(self, grid: Sequence[int]) -> Tensor:
        """Positions (D, H, W, C) of the cells' centres."""
        device = self.directions.device
        axes = [(torch.arange(n, device=device) + 0.5) / n for n in grid]
        return self(torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1))


class PromptTokens(nn.Module):
    """Words are projected to the image's space, clicks and corners are their position and their kind."""

    def __init__(self, config: RefSAM3DConfig) -> None:
        super().__init__()
        width = config.neck
        self.text_width = config.text_width
        self.projector = nn.Sequential(
            nn.Linear(config.text_width, width), nn.GELU(), nn.Linear(width, width)
        )
        self.position = FourierPosition(width)
        self.kinds = nn.Embedding(KINDS, width)
        self.nothing = nn.Parameter(torch.randn(1, 1, width))

    def forward(
        self,
        size: Triple,
        words: Tensor | None,
        word_mask: Tensor | None,
        points: Tensor | None,
        labels: Tensor | None,
        boxes: Tensor | None,
    ) -> Prompts:
        """Tokens of prompts on an image of `size` voxels; see `RefSAM3D.decode` for the prompts.

        Raises:
            ValueError: a prompt has the wrong shape, or the prompts differ in number.
        """
        parts = []
        first_click = 1
        if words is not None:
            parts.append(self._text(words, word_mask))
            first_click += parts[0].mask.shape[1]
        elif word_mask is not None:
            msg = "word_mask came without words"
            raise ValueError(msg)
        if points is not None or labels is not None:
            parts.append(self._clicks(size, points, labels))
        if boxes is not None:
            parts.append(self._corners(size, boxes))
        counts = {len(part.mask) for part in parts} or {1}
        if len(counts) > 1:
            msg = f"words, points and boxes are of different numbers of prompts: {sorted(counts)}"
            raise ValueError(msg)
        nothing = self.nothing.expand(counts.pop(), -1, -1)
        seen = torch.ones_like(nothing[..., 0], dtype=torch.bool)
        tokens = [nothing, *(part.tokens.to(nothing.dtype) for part in parts)]
        mask = torch.cat([seen, *(part.mask for part in parts)], dim=1)
        return Prompts(torch.cat(tokens, dim=1), mask, first_click)

    def _text(self, words: Tensor, mask: Tensor | None) -> Prompts:
        """Words and, behind them, their sentence, which is the mean of those that are not padding."""
        if words.dim() != 3 or words.shape[2] != self.text_width:
            msg = f"words {tuple(words.shape)} are not (N, T, {self.text_width})"
            raise ValueError(msg)
        mask = torch.ones_like(words[..., 0], dtype=torch.bool) if mask is None else mask.bool()
        if mask.shape != words.shape[:2]:
            msg = f"word_mask {tuple(mask.shape)} is not {tuple(words.shape[:2])}, one entry for each word"
            raise ValueError(msg)
        words = words.masked_fill(~mask[..., None], 0)
        sentence = words.sum(1, keepdim=True) / mask.sum(1).clamp(min=1)[:, None, None]
        tokens = self.projector(torch.cat([words, sentence], dim=1).to(self.nothing.dtype))
        return Prompts(tokens, torch.cat([mask, mask.any(1, keepdim=True)], dim=1))

    def _clicks(self, size: Triple, points: Tensor | None, labels: Tensor | None) -> Prompts:
        if points is None or labels is None or points.dim() != 3 or points.shape[2] != 3:
            msg = f"points {_shape(points)} are not (N, P, 3) with labels (N, P)"
            raise ValueError(msg)
        if labels.shape != points.shape[:2]:
            msg = f"labels {_shape(labels)} are not {tuple(points.shape[:2])}, one for each point"
            raise ValueError(msg)
        kinds = self.kinds(labels.long().clamp(0, 1))
        return Prompts(self.position(shares(points, size)).to(kinds.dtype) + kinds, labels >= 0)

    def _corners(self, size: Triple, boxes: Tensor) -> Prompts:
        if boxes.dim() != 4 or boxes.shape[2:] != (2, 3):
            msg = f"boxes {_shape(boxes)} are not (N, B, 2, 3)"
            raise ValueError(msg)
        places = boxes.float() / boxes.new_tensor(size, dtype=torch.float32)
        tokens = self.position(places) + self.kinds.weight[LOWER_CORNER : UPPER_CORNER + 1]
        real = (boxes[:, :, 1] > boxes[:, :, 0]).all(-1)
        return Prompts(tokens.flatten(1, 2), real.repeat_interleave(2, dim=1))


def shares(points: Tensor, size: Triple) -> Tensor:
    """Voxel indices (..., 3) as shares of an image of `size` voxels, 0 to 1, float32."""
    return (points.float() + 0.5) / points.new_tensor(size, dtype=torch.float32)


class PreviousAnswer(nn.Module):
    """The previous answer as features on the tokens' grid, or a learnt vector where there is none.

    Args:
        width: channels C of the features.
        channels: of what is looked at; more than one where other dense prompts come with the answer.
    """

    def __init__(self, width: int, channels: int = 1) -> None:
        super().__init__()
        inner = max(width // 4, 1)
        self.channels = channels
        self.look = nn.Conv3d(channels, inner, PREVIOUS_DETAIL, stride=PREVIOUS_DETAIL)
        self.project = nn.Conv3d(inner, width, 1)
        self.nothing = nn.Parameter(torch.zeros(1, width, 1, 1, 1))

    def forward(self, previous: Tensor | None, grid: Sequence[int]) -> Tensor:
        """Features (N, C, D', H', W'), or (1, C, 1, 1, 1) without, of an answer (N, channels, D, H, W).

        Raises:
            ValueError: the answer has another shape.
        """
        if previous is None:
            return self.nothing
        if previous.dim() != 5 or previous.shape[1] != self.channels:
            msg = f"previous {tuple(previous.shape)} is not (N, {self.channels}, D, H, W)"
            raise ValueError(msg)
        fine = [PREVIOUS_DETAIL * n for n in grid]
        seen = functional.interpolate(previous.to(self.nothing.dtype), fine, mode="area")
        return self.project(functional.gelu(self.look(seen)))


def _shape(tensor: Tensor | None) -> str:
    return "(missing)" if tensor is None else str(tuple(tensor.shape))
