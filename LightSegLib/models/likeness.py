"""What belongs to a click, computed rather than learnt: likeness in grey value, and the cost of the way
there.

Both are input channels of a promptable network. They carry the prior that an object's voxels look like the
clicked ones and hang together, which holds for anatomy that no training set shows.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from LightSegLib.models.guidance import NEGATIVE, POSITIVE, PREVIOUS

CHANNELS = 3
SPREAD_FLOOR = 0.05
LENGTH_COST = 0.015
GREY_COST = 0.08
MAX_DEVIATION = 4.0
SWEEPS = 3
FAR = 50.0
_SPACE = (1, 2, 3, 4)


def likeness_channels(image: Tensor, guidance: Tensor) -> Tensor:
    """The three computed channels.

    Args:
        image: (N, 1, D, H, W), -1 to 1; D, H, W even.
        guidance: (N, G, D, H, W), see `models.guidance`.

    Returns:
        (N, 3, D, H, W): signed difference from the marked grey value (-1 to 1, 0 is alike), nearness along
        the cheapest way from the positive prompts and from the negative ones (0 to 1, 1 at the prompt, 0
        where there is none).
    """
    positive = guidance[:, POSITIVE : POSITIVE + 1]
    negative = guidance[:, NEGATIVE : NEGATIVE + 1]
    previous = guidance[:, PREVIOUS : PREVIOUS + 1]
    clicked = positive.amax(_SPACE, keepdim=True) > 0.5
    marked = torch.where(clicked, positive, previous)
    mean, spread = _marked_greys(image, marked)
    difference = torch.tanh((image - mean) / (2 * spread))
    half = functional.avg_pool3d(image, 2)
    near = _nearness(half, mean, spread, functional.max_pool3d(marked, 2) > 0.5)
    away_mean, away_spread = _marked_greys(image, negative)
    away = _nearness(half, away_mean, away_spread, functional.max_pool3d(negative, 2) > 0.5)
    ways = functional.interpolate(torch.cat([near, away], dim=1), scale_factor=2.0, mode="nearest")
    return torch.cat([difference, ways], dim=1)


def _marked_greys(image: Tensor, marked: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of the grey values under a channel, (N, 1, 1, 1, 1) each;
    of the whole cube where it is empty.
    """
    total = marked.sum(_SPACE, keepdim=True)
    weight = torch.where(total > 0, marked**2, torch.ones_like(marked))
    weight = weight / weight.sum(_SPACE, keepdim=True)
    mean = (weight * image).sum(_SPACE, keepdim=True)
    variance = (weight * (image - mean) ** 2).sum(_SPACE, keepdim=True)
    return mean, variance.sqrt() + SPREAD_FLOOR


def _nearness(image: Tensor, mean: Tensor, spread: Tensor, seeds: Tensor) -> Tensor:
    """exp(-d / 2) with d the cost of the cheapest way from the seeds, where unlike voxels are dear to cross.

    Along one axis and direction the cheapest way is a running minimum of d - C with C the summed costs, so
    each sweep is two scans and no loop over voxels.
    """
    deviation = ((image - mean) / spread).abs().clamp(max=MAX_DEVIATION)
    cost = GREY_COST * deviation**2 + LENGTH_COST
    ways = [(axis, cost.cumsum(axis)) for axis in (2, 3, 4)]
    distance = torch.where(seeds, 0.0, FAR)
    for _ in range(SWEEPS):
        for axis, summed in ways:
            distance = torch.minimum(distance, summed + _running_minimum(distance - summed, axis))
            summed = summed - cost
            backward = _running_minimum(distance + summed, axis, backward=True) - summed
            distance = torch.minimum(distance, backward)
    return torch.exp(-0.5 * distance)


def _running_minimum(x: Tensor, axis: int, *, backward: bool = False) -> Tensor:
    """Minimum of the values up to each one along an axis, or from each one on: `cummin` without indices.

    Doubling the distance looked back takes few passes over whole rows, twice as fast on a CPU.
    """
    length, step = x.shape[axis], 1
    while step < length:
        rest = length - step
        smaller = torch.minimum(x.narrow(axis, 0, rest), x.narrow(axis, step, rest))
        parts = [smaller, x.narrow(axis, rest, step)] if backward else [x.narrow(axis, 0, step), smaller]
        x, step = torch.cat(parts, axis), 2 * step
    return x
