"""The object whose like is looked for, and how another one agrees with it in size, shape and grey value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LightSegLib.geometry import IJK, IndexBox, round_half_up

_SPREAD_FLOOR = 0.05
"""Of grey values from -1 to 1: no object is so even that a noisier one could not be its like."""


@dataclass(frozen=True)
class Agreement:
    """How like the example another object is.

    Attributes:
        size_ratio: its volume over the example's.
        shape: Dice coefficient of both, laid over each other by their centres of mass, not turned, 0 to 1.
        grey: likeness of their mean grey values beside how much these vary inside the example, 0 to 1.
    """

    size_ratio: float
    shape: float
    grey: float


class Example:
    """What other objects are compared with.

    Args:
        name: of its segment.
        mask: bool (K, J, I) of the image, not empty.
        grey: float32, the grey values of the mask's voxels, -1 to 1.
        zoom: step in mm of the region that suits it.
    """

    def __init__(self, name: str, mask: np.ndarray, grey: np.ndarray, zoom: float) -> None:
        self.name = name
        self.zoom = zoom
        self.box = IndexBox.of_mask(mask) or IndexBox.whole(mask.shape[::-1])
        self.voxels = int(mask.sum())
        self._centred = _centred(mask[self.box.slices])
        self._mean, self._spread = float(grey.mean()), float(grey.std()) + _SPREAD_FLOOR

    def agreement(self, mask: np.ndarray, grey: np.ndarray) -> Agreement:
        """Compare with another object.

        Args:
            mask: bool (K, J, I) of any box around it, not empty.
            grey: float32, the grey values of its voxels, -1 to 1.
        """
        other = _centred(mask)
        lowest = np.minimum(self._centred.min(axis=0), other.min(axis=0))
        shape = np.maximum(self._centred.max(axis=0), other.max(axis=0)) - lowest + 1
        own, its = (np.ravel_multi_index(tuple((part - lowest).T), shape) for part in (self._centred, other))
        common = len(np.intersect1d(own, its, assume_unique=True))
        alike = self.grey_likeness(np.array([grey.mean()]))
        return Agreement(
            size_ratio=len(other) / self.voxels,
            shape=2 * common / (len(other) + self.voxels),
            grey=float(alike[0]),
        )

    def grey_likeness(self, grey: np.ndarray) -> np.ndarray:
        """How near grey values (any shape, -1 to 1) are to the example's mean: float32, 0 to 1."""
        likeness: np.ndarray = np.exp(-0.5 * ((grey - self._mean) / self._spread) ** 2).astype(np.float32)
        return likeness


def _centred(mask: np.ndarray) -> np.ndarray:
    """The voxels (N, 3) of a mask, counted from its centre of mass."""
    voxels = np.argwhere(mask)
    return voxels - round_half_up(voxels.mean(axis=0))


def innermost(mask: np.ndarray, box: IndexBox) -> IJK:
    """The innermost voxel (i, j, k) of a mask (K, J, I) of a box, not empty; the first in array order."""
    from scipy.ndimage import distance_transform_edt

    tight = IndexBox.of_mask(mask) or IndexBox.whole(mask.shape[::-1])
    depth = distance_transform_edt(np.pad(mask[tight.slices], 1))[1:-1, 1:-1, 1:-1]
    k, j, i = (int(place) for place in np.unravel_index(int(depth.argmax()), depth.shape))
    i0, j0, k0 = (int(first + low) for first, low in zip(box.lower, tight.lower, strict=True))
    return (i + i0, j + j0, k + k0)
