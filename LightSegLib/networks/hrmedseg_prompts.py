"""HRMedSeg's prompt encoder, which is SAM's: points, boxes and earlier logits as embeddings.

Source: Kirillov et al., "Segment Anything" (arXiv 2304.02643), as HRMedSeg (arXiv 2504.06205) uses it.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from LightSegLib.networks.hrmedseg_encoder import ChannelNorm
from LightSegLib.networks.hrmedseg_rotary import Grid

NEGATIVE, POSITIVE, FIRST_CORNER, SECOND_CORNER = range(4)
CELL = 4
"""Pixels of the low-resolution logits along one cell of the embedding."""


class FourierPositions(nn.Module):
    """Places in the unit square as sines and cosines of random frequencies.

    Args:
        channels: of an embedding; even.
    """

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, channels // 2))

    def forward(self, places: Tensor) -> Tensor:
        """Embed (..., 2), places (x, y) from 0 to 1, as (..., channels) in float32."""
        x, y = (2.0 * places.float() - 1.0).unsqueeze(-2).unbind(-1)
        # Not as a matrix product, which autocast would do in half precision: these are phases.
        to_x, to_y = self.positional_encoding_gaussian_matrix.float()
        angle = 2.0 * math.pi * (x * to_x + y * to_y)
        return torch.cat([angle.sin(), angle.cos()], dim=-1)

    def dense(self, grid: Grid) -> Tensor:
        """Embed the middle of every cell of a grid of rows and columns: (1, L, channels)."""
        device = self.positional_encoding_gaussian_matrix.device
        y, x = ((torch.arange(n, device=device) + 0.5) / n for n in grid)
        places = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        return self(places).flatten(0, 1)[None]


class PromptEncoder(nn.Module):
    """Prompts as tokens for the decoder and as a map to add to the image embedding.

    Args:
        channels: of the embeddings.
        patch_size: pixels of the image along one cell of its embedding.
        mask_channels: inner width of the branch for earlier logits.
    """

    def __init__(self, channels: int, patch_size: int, mask_channels: int = 16) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.pe_layer = FourierPositions(channels)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, channels) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, channels)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, mask_channels // 4, 2, 2),
            ChannelNorm(mask_channels // 4),
            nn.GELU(),
            nn.Conv2d(mask_channels // 4, mask_channels, 2, 2),
            ChannelNorm(mask_channels),
            nn.GELU(),
            nn.Conv2d(mask_channels, channels, 1),
        )
        self.no_mask_embed = nn.Embedding(1, channels)

    def tokens(
        self,
        grid: Grid,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        boxes: Tensor | None = None,
    ) -> Tensor | None:
        """Tokens (B, T, channels) of points and boxes; None without either.

        Args:
            grid: rows and columns of the image embedding.
            points: (B, P, 2), (x, y) as indices of pixels, whose middles are meant.
            labels: (B, P), 1 for the object, 0 for the background, -1 for a place holder.
            boxes: (B, 4), one each, as (x, y) of the first and of the last corner, like points.

        Raises:
            ValueError: a shape or a label is none of these.
        """
        size = torch.tensor([grid[1], grid[0]], device=self._like.device) * self.patch_size
        parts = []
        if points is not None or labels is not None:
            parts.append(self._point_tokens(*_checked_points(points, labels), size, alone=boxes is None))
        if boxes is not None:
            if boxes.dim() != 2 or boxes.shape[1] != 4:
                msg = f"boxes have the shape (B, 4), not {tuple(boxes.shape)}"
                raise ValueError(msg)
            kinds = torch.cat([self._kind(FIRST_CORNER), self._kind(SECOND_CORNER)])
            parts.append(self._embed(boxes.unflatten(1, (2, 2)), size) + kinds)
        if len({len(part) for part in parts}) > 1:
            msg = f"points are for {len(parts[0])} prompts and boxes for {len(parts[1])}"
            raise ValueError(msg)
        return torch.cat(parts, dim=1) if parts else None

    def dense(self, grid: Grid, logits: Tensor | None = None) -> Tensor:
        """The map (B, channels, h, w), or (1, channels, 1, 1) without logits, to add to an image embedding.

        Args:
            grid: rows h and columns w of that embedding.
            logits: (B, 1, 4 h, 4 w), earlier logits of the decoder.

        Raises:
            ValueError: the logits have another shape.
        """
        if logits is None:
            return self.no_mask_embed.weight[:, :, None, None]
        wanted = (1, CELL * grid[0], CELL * grid[1])
        if tuple(logits.shape[1:]) != wanted:
            msg = (
                f"earlier logits have the shape (B, {', '.join(map(str, wanted))}), not {tuple(logits.shape)}"
            )
            raise ValueError(msg)
        return self.mask_downscaling(logits.to(self._like.dtype))

    def _point_tokens(self, points: Tensor, labels: Tensor, size: Tensor, alone: bool) -> Tensor:
        if alone:  # as SAM was trained: points without a box end in a place holder
            points = torch.cat([points, points.new_zeros(len(points), 1, 2)], dim=1)
            labels = torch.cat([labels, labels.new_full((len(labels), 1), -1)], dim=1)
        kinds = torch.cat([self.not_a_point_embed.weight, self._kind(NEGATIVE), self._kind(POSITIVE)])
        places = self._embed(points, size) * (labels >= 0)[..., None]
        return places + kinds[labels.long() + 1]

    def _embed(self, points: Tensor, size: Tensor) -> Tensor:
        return self.pe_layer((points.float() + 0.5) / size).to(self._like.dtype)

    def _kind(self, index: int) -> Tensor:
        return cast(nn.Embedding, self.point_embeddings[index]).weight

    @property
    def _like(self) -> Tensor:
        """A weight, for device and precision."""
        return self.no_mask_embed.weight


def _checked_points(points: Tensor | None, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    if points is None or labels is None:
        msg = "points and labels go together; give both or neither"
        raise ValueError(msg)
    if points.dim() != 3 or points.shape[2] != 2 or labels.shape != points.shape[:2]:
        shapes = f"{tuple(points.shape)} and {tuple(labels.shape)}"
        msg = f"points have the shape (B, P, 2) and labels (B, P), not {shapes}"
        raise ValueError(msg)
    if bool(((labels < -1) | (labels > 1)).any()):
        msg = "a label is 1 for the object, 0 for the background or -1 for a place holder"
        raise ValueError(msg)
    return points, labels
