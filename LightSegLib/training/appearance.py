"""Random appearance: intensities as another scanner, sequence or modality might have shown them.

All functions take and return float32 (D, H, W) tensors, or (H, W) for slices, with values 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

LINEAR = {2: "bilinear", 3: "trilinear"}
"""Linear interpolation by the number of axes, as PyTorch names it."""


def smooth_noise(size: int, cells: int, random: np.random.Generator, axes: int = 3) -> Tensor:
    """Noise with about `cells` bumps along each edge, float32 (size, size, size),
    standard normal at its nodes; (size, size) with two axes.
    """
    nodes = torch.from_numpy(random.standard_normal((1, 1, *[cells] * axes)).astype(np.float32))
    return functional.interpolate(nodes, size=(size,) * axes, mode=LINEAR[axes], align_corners=True)[0, 0]


def pooled(image: Tensor, edge: int, **settings: Any) -> Tensor:
    """Means of an image over squares or cubes; the settings are those of PyTorch's average pools."""
    pool = functional.avg_pool2d if image.dim() == 2 else functional.avg_pool3d
    return pool(image[None, None], edge, **settings)[0, 0]


@dataclass(frozen=True)
class Focus:
    """Intensities in and around the object: what a random appearance must not wash out.

    Attributes:
        low, high: nearly all intensities around the object lie between them.
        spread: their standard deviation.
    """

    low: float
    high: float
    spread: float


def focus_on(image: Tensor, target: Tensor, margin: int = 6) -> Focus:
    """The intensities in the object's bounding box, `margin` samples wider on each side."""
    places = target.nonzero()
    lower = (places.amin(dim=0) - margin).clamp(min=0).tolist()
    upper = (places.amax(dim=0) + margin + 1).tolist()
    values = image[tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))].flatten()
    ordered = values[:: max(1, values.numel() // 4096)].sort().values
    last = ordered.numel() - 1
    return Focus(float(ordered[round(0.01 * last)]), float(ordered[round(0.99 * last)]), float(ordered.std()))


def change_contrast(image: Tensor, focus: Focus, random: np.random.Generator) -> Tensor:
    """Apply a random tone curve: a narrower window, gamma, now and then a curve that is not monotonous,
    inversion.
    """
    if random.random() < 0.5:
        width = max(focus.high - focus.low, 0.05) * random.uniform(0.9, 3.0)
        slack = max(0.0, width - (focus.high - focus.low))
        image = (image - (focus.low - slack * random.uniform(0, 1))) / width
    image = image.clamp(0, 1)
    if random.random() < 0.5:
        image = image ** float(np.exp(random.uniform(-0.7, 0.7)))
    if random.random() < 0.1:
        knots = torch.from_numpy(random.uniform(0, 1, 6).astype(np.float32))
        position = image * 5
        index = position.floor().clamp(0, 4).long()
        image = knots[index] + (position - index) * (knots[index + 1] - knots[index])
    if random.random() < 0.25:
        image = 1 - image
    return image


def degrade(image: Tensor, spread: float, random: np.random.Generator) -> Tensor:
    """Bias field, thick slices, blur and noise, each now and then; noise in proportion to `spread`."""
    size = image.shape[0]
    if random.random() < 0.3:
        image = image * torch.exp(
            random.uniform(0.1, 0.5) * smooth_noise(size, int(random.integers(2, 5)), random, image.dim())
        )
    if random.random() < 0.25:
        image = thick_slices(image, random.uniform(1.5, 5.0), int(random.integers(image.dim())))
    if random.random() < 0.2:
        halved = pooled(image, 2)[None, None]
        image = functional.interpolate(halved, size=tuple(image.shape), mode=LINEAR[image.dim()])[0, 0]
    if random.random() < 0.5:
        noise = torch.from_numpy(random.standard_normal(tuple(image.shape), dtype=np.float32))
        image = image + spread * float(random.uniform(0.02, 0.6)) * noise
    return image


def thick_slices(image: Tensor, factor: float, axis: int) -> Tensor:
    """Simulate slices `factor` times as thick along one axis: average, then interpolate back."""
    shape = list(image.shape)
    coarse = list(shape)
    coarse[axis] = max(2, round(shape[axis] / factor))
    reduced = functional.interpolate(image[None, None], size=coarse, mode="area")
    return functional.interpolate(reduced, size=shape, mode=LINEAR[image.dim()])[0, 0]


def vary(image: Tensor, target: Tensor, random: np.random.Generator) -> Tensor:
    """The whole chain: contrast, degradation, and the range [-1, 1] of inference.

    Args:
        image: (D, H, W), 0 to 1.
        target: (D, H, W), 0 or 1, not empty; its surroundings keep their contrast.
        random: source of all randomness.
    """
    image = change_contrast(image, focus_on(image, target), random)
    spread = focus_on(image, target).spread
    return degrade(image, spread, random).clamp(0, 1) * 2 - 1
