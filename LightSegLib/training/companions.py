"""The second channel of a training sample: another image of the same person, a made-up one, or none.

In use any channel may be missing, and two images never lie perfectly one on the other. So both are left out
now and then, and the second one is moved a little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from LightSegLib.training.appearance import vary
from LightSegLib.training.scenes import View

WITHOUT_SECOND = 0.25
WITHOUT_FIRST = 0.1
MADE_UP = 0.5
FURTHEST_SHIFT = 1
ABSENT = -1.0


@dataclass(frozen=True)
class Shown:
    """Which channels of a sample are there, and how far the second one is off.

    Attributes:
        first, second: whether the channel was acquired.
        shift: samples along each axis, array order.
    """

    first: bool
    second: bool
    shift: tuple[int, ...]


def acquired(view: View, random: np.random.Generator) -> Shown:
    """Draw which channels a sample shows; the first one is left out only where there is a second one."""
    chance = random.random()
    second = view.companion is not None and chance >= WITHOUT_SECOND
    first = not second or chance < 1 - WITHOUT_FIRST
    shift = random.integers(-FURTHEST_SHIFT, FURTHEST_SHIFT + 1, 3)
    return Shown(first, second, tuple(shift.tolist()))


def seen(view: View, seed: int | None, shown: Shown | None) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The image of a view and its further channels, -1 to 1 each.

    Args:
        view: what the cube shows.
        seed: of a random appearance; None for the image's own.
        shown: which of two channels are there; None for samples of one channel.
    """
    image = _appearance(view.image, view.target, seed)
    if shown is None:
        return image, ()
    absent = torch.full_like(image, ABSENT)
    if view.companion is None or not shown.second:
        return image, (absent,)
    other = _appearance(view.companion, view.target, None if seed is None else seed + 1)
    return image if shown.first else absent, (torch.roll(other, shown.shift, dims=(0, 1, 2)),)


def made_up(image: Tensor, target: Tensor, random: np.random.Generator) -> Tensor:
    """A second channel for a synthetic sample: the same world in another contrast, or none.

    Args:
        image: (D, H, W), 0 to 1.
        target: (D, H, W), 0 or 1, not empty.
        random: source of all randomness.
    """
    if random.random() < MADE_UP:
        return torch.full_like(image, ABSENT)
    return vary(image, target, random)


def _appearance(image: Tensor, target: Tensor, seed: int | None) -> Tensor:
    """An image 0 to 1 as -1 to 1, in the random appearance of a seed; in its own without one."""
    return image * 2 - 1 if seed is None else vary(image, target, np.random.default_rng(seed))
