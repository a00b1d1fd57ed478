"""What an answer looks like beside the features it was made of, in numbers: the input of a head that states
the Dice coefficient to expect.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = 32
_SHAPE_NUMBERS = 4


def confidence_head(features: int) -> nn.Sequential:
    """Layers from `answer_numbers` (N, 2 F + 4) of F features to the logit (N, 1) of the expected Dice."""
    return nn.Sequential(nn.Linear(2 * features + _SHAPE_NUMBERS, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, 1))


def answer_numbers(features: Tensor, logits: Tensor, stride: int) -> Tensor:
    """Mean features inside and along the border of an answer, its size, and how unsure it is.

    Nothing is learnt through it: neither features nor logits get a gradient.

    Args:
        features: (N, F, h, w) of a slice, or (N, F, d, h, w) of a volume.
        logits: (N, 1, ...), along each edge `stride` times as many.
        stride: logits per cell of the features.

    Returns:
        (N, 2 F + 4), float32.
    """
    pool = functional.avg_pool2d if features.dim() == 4 else functional.avg_pool3d
    places = tuple(range(2, features.dim()))
    features = features.detach().float()
    probability = torch.sigmoid(logits.detach().float())
    inside = pool(probability, stride)
    edge = 4 * pool(probability * (1 - probability), stride)
    pooled = [(features * weight).sum(places) / (weight.sum(places) + 1e-3) for weight in (inside, edge)]
    size = inside.mean((1, *places))
    unsure = edge.mean((1, *places))
    shape = torch.stack([size, unsure, unsure / (size + 1e-3), torch.log(size + 1e-4)], dim=1)
    return torch.cat([*pooled, shape], dim=1)
