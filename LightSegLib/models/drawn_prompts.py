"""Clicks and boxes read back from guidance channels, for networks that take them as tokens.

Sessions and training draw all prompts into channels, whatever the network (`models.guidance`). Here a ball is
a point again, and a filled box its two corners. Numbers of tokens are fixed, so that regions of a batch stand
side by side and a rehearsal without values works.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from LightSegLib.models.guidance import BOX, NEGATIVE, POSITIVE

POINTS = 24
"""Points of either sign that are read at most; of more, as of a long scribble, some all over it."""
LEAST = 0.6
"""Value of a ball's highest sample, at least: its centre is off every sample by 0.87 samples at most."""
TIE = 1e-3
"""Largest number that decides between samples of the same value."""
GOLDEN = 0.6180339887498949


class DrawnPrompts(NamedTuple):
    """Prompts in samples of a cube; whole numbers are centres.

    Attributes:
        points: float32 (N, 2 `POINTS`, 3), along (D, H, W).
        labels: int64 (N, 2 `POINTS`), 1 inside, 0 outside, -1 for what is no point.
        boxes: float32 (N, 1, 2, 3), lower and upper corner, half open; without a box both are 0.
    """

    points: Tensor
    labels: Tensor
    boxes: Tensor


def read_prompts(guidance: Tensor) -> DrawnPrompts:
    """Read the prompts of guidance (N, G, D, H, W).

    Points of one sign on neighbouring samples become one, and several boxes the box around all of them.
    Nothing is learnt through it.
    """
    guidance = guidance.detach()
    points, labels = zip(_points(guidance[:, POSITIVE], 1), _points(guidance[:, NEGATIVE], 0), strict=True)
    return DrawnPrompts(torch.cat(points, dim=1), torch.cat(labels, dim=1), _box(guidance[:, BOX]))


def _points(channel: Tensor, label: int) -> tuple[Tensor, Tensor]:
    """Places (N, P, 3) and labels (N, P) of the balls in a channel (N, D, H, W)."""
    _, depth, height, width = channel.shape
    value = channel.float() + _tie_breakers((depth, height, width), str(channel.device))
    peaks = torch.where((value == _highest_around(value)) & (channel > LEAST), value, 0.0).flatten(1)
    found, index = peaks.topk(min(POINTS, peaks.shape[1]), dim=1)
    places = torch.stack([index // (height * width), index // width % height, index % width], dim=-1).float()
    return places, torch.where(found > 0, label, -1)


def _highest_around(value: Tensor) -> Tensor:
    """Maximum of each sample (N, D, H, W) and its 26 neighbours; torch's pooling is several times slower."""
    for axis in (1, 2, 3):
        rest = value.shape[axis] - 1
        highest = value.clone()
        for here, there in ((0, 1), (1, 0)):
            part = highest.narrow(axis, here, rest)
            torch.maximum(part, value.narrow(axis, there, rest), out=part)
        value = highest
    return value


def _box(channel: Tensor) -> Tensor:
    """Corners (N, 1, 2, 3) around what is filled in a channel (N, D, H, W)."""
    filled = channel > 0.5
    lower, upper = [], []
    for axis, others in ((1, (2, 3)), (2, (1, 3)), (3, (1, 2))):
        line = filled.any(others[1]).any(others[0]).float()
        length = channel.shape[axis]
        some = line.amax(1)
        lower.append(some * line.argmax(1))
        upper.append(some * (length - line.flip(1).argmax(1)))
    return torch.stack([torch.stack(lower, dim=1), torch.stack(upper, dim=1)], dim=1)[:, None]


@lru_cache(maxsize=8)
def _tie_breakers(shape: tuple[int, int, int], device: str) -> Tensor:
    """Numbers (D, H, W) below `TIE`, all different, that rank samples of the same value evenly spread."""
    with torch.inference_mode(False):
        numbers = torch.arange(shape[0] * shape[1] * shape[2], dtype=torch.float64, device="cpu")
        return (TIE * (numbers * GOLDEN % 1.0)).float().view(shape).to(device)
