"""Turning regions upright: array axes towards head, back and left, whatever way the image was stored.

A name may say a side, so a model that takes names has to see every patient the same way round. Regions lie
along the index axes of their image; here axes are swapped and flipped, and nothing is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

_UPRIGHT_RAS = np.array([[0, 0, 1], [0, -1, 0], [-1, 0, 0]], np.float64)
"""Directions in RAS of the upright array axes: head, back, left."""


@dataclass(frozen=True)
class Turn:
    """A swap and flip of the last three axes of an array.

    Attributes:
        order: which axis of the stored array (K, J, I) becomes each upright one.
        flipped: whether each upright axis runs against the stored one.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @classmethod
    def upright(cls, ijk_to_ras: ArrayLike) -> Turn:
        """The turn that brings an image nearest to upright.

        Args:
            ijk_to_ras: 4x4 affine; oblique axes count as the patient's axis they are nearest to.
        """
        columns = np.asarray(ijk_to_ras, np.float64)[:3, :3]
        directions = (columns / np.linalg.norm(columns, axis=0)).T[::-1]  # of K, J, I
        cosines = _UPRIGHT_RAS @ directions.T
        # Six orders can be tried; scipy's assignment would take a second to import, in the first name's time.
        rows = list(range(3))
        k, j, i = max(permutations(rows), key=lambda order: float(np.abs(cosines[rows, order]).sum()))
        signs = [bool(cosines[row, axis] < 0) for row, axis in enumerate((k, j, i))]
        return cls((k, j, i), (signs[0], signs[1], signs[2]))

    @property
    def is_needed(self) -> bool:
        """Whether anything changes at all."""
        return self.order != (0, 1, 2) or any(self.flipped)

    def apply(self, array: np.ndarray) -> np.ndarray:
        """The array (..., K, J, I) upright: a contiguous copy, or itself where nothing changes."""
        if not self.is_needed:
            return array
        lead = array.ndim - 3
        turned = array.transpose(*range(lead), *(lead + axis for axis in self.order))
        return np.ascontiguousarray(np.flip(turned, self._against(lead)))

    def undo(self, array: np.ndarray) -> np.ndarray:
        """An upright array (..., K, J, I) the way the image is stored."""
        if not self.is_needed:
            return array
        lead = array.ndim - 3
        back = np.argsort(self.order)
        flipped = np.flip(array, self._against(lead))
        return np.ascontiguousarray(flipped.transpose(*range(lead), *(lead + int(axis) for axis in back)))

    def _against(self, lead: int) -> tuple[int, ...]:
        """Which axes of an array are flipped, if `lead` axes stand in front of the last three."""
        return tuple(lead + axis for axis, flip in enumerate(self.flipped) if flip)
