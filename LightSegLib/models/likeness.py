"""What belongs to a click, computed rather than learnt: likeness in grey value, and the cost of the way
there.

Both are input channels of a promptable network. They carry the prior that an object's voxels look like the
clicked ones and hang together, which holds for anatomy that no training set shows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

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
    channels = image.new_empty(len(image), CHANNELS, *image.shape[2:])
    write_likeness(channels, image, guidance)
    return channels


def write_likeness(channels: Tensor, image: Tensor, guidance: Tensor) -> None:
    """Write `likeness_channels` into a tensor (N, 3, D, H, W) of any number format."""
    positive = guidance[:, POSITIVE : POSITIVE + 1]
    negative = guidance[:, NEGATIVE : NEGATIVE + 1]
    previous = guidance[:, PREVIOUS : PREVIOUS + 1]
    clicked = positive.amax(_SPACE, keepdim=True) > 0.5
    marked = positive if _all(clicked) else torch.where(clicked, positive, previous)
    mean, spread = _marked_greys(image, marked)
    channels[:, :1] = (image - mean).div_(2 * spread).tanh_()
    away_mean, away_spread = _marked_greys(image, negative)
    ways = _nearness(
        _of_pairs(image, torch.add) / 8,
        torch.cat([mean, away_mean], dim=1),
        torch.cat([spread, away_spread], dim=1),
        torch.cat([_of_pairs(marked, torch.maximum), _of_pairs(negative, torch.maximum)], dim=1) > 0.5,
    ).to(channels.dtype)
    rows = torch.stack([ways, ways], dim=-1).flatten(4)
    places = channels[:, 1:].unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    places.copy_(rows[:, :, :, None, :, None])


def _all(holds: Tensor) -> bool:
    """Whether something holds everywhere; False in a rehearsal without values, see `runtime.memory`."""
    return holds.device.type != "meta" and bool(holds.all())


def _of_pairs(x: Tensor, join: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Each 2 x 2 x 2 voxels (N, C, D, H, W) joined to one; a fraction of the time of torch's pooling."""
    for axis in (4, 3, 2):
        first, second = x.unflatten(axis, (-1, 2)).unbind(axis + 1)
        x = join(first, second)
    return x


def _marked_greys(image: Tensor, marked: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of the grey values under a channel, (N, 1, 1, 1, 1) each;
    of the whole cube where it is empty.
    """
    empty = marked.sum(_SPACE, keepdim=True) <= 0
    weight = marked * marked
    if not _all(~empty):
        weight = torch.where(empty, 1.0, weight)
    total = weight.sum(_SPACE, keepdim=True)
    mean = (weight * image).sum(_SPACE, keepdim=True) / total
    deviation = image - mean
    variance = weight.mul_(deviation).mul_(deviation).sum(_SPACE, keepdim=True) / total
    return mean, variance.sqrt() + SPREAD_FLOOR


def _nearness(image: Tensor, mean: Tensor, spread: Tensor, seeds: Tensor) -> Tensor:
    """exp(-d / 2) with d the cost of the cheapest way from the seeds, where unlike voxels are dear to cross.

    The image (N, 1, D, H, W), for C kinds of prompts: mean and spread (N, C, 1, 1, 1), seeds
    (N, C, D, H, W).

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

    Doubling the distance looked back takes few passes over whole rows, several times faster on a CPU.
    """
    length, step = x.shape[axis], 1
    smaller, spare = torch.empty_like(x), torch.empty_like(x)  # never the caller's own
    while step < length:
        rest = length - step
        before, after = x.narrow(axis, 0, rest), x.narrow(axis, step, rest)
        kept, joined = (rest, 0) if backward else (0, step)
        torch.minimum(before, after, out=smaller.narrow(axis, joined, rest))
        smaller.narrow(axis, kept, step).copy_(x.narrow(axis, kept, step))
        x, smaller, spare, step = smaller, spare, smaller, 2 * step
    return x
