"""Regions that a model has seen already, to look at again rather than at new ones close by.

A model that keeps what it made of a region answers a further prompt there at a fraction of the cost. Regions
are fitted to mask and prompts, which change with every answer; so the new one is given up for an earlier one
that holds the same just as well.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from LightSegLib.geometry import IndexBox, SamplingGrid
from LightSegLib.intensities import PreparedImage

COUNT = 8


class Region(NamedTuple):
    """A cube of samples.

    Attributes:
        grid: the samples.
        zoom: its step in mm, before thick slices were taken into account.
    """

    grid: SamplingGrid
    zoom: float


class StandingRegions:
    """The regions of one image that were looked at last.

    Args:
        forget: called when the image goes, or another one comes.
        count: regions to remember at most.
    """

    def __init__(self, forget: Callable[[], None], count: int = COUNT) -> None:
        self._forget = forget
        self._regions: deque[Region] = deque(maxlen=count)
        self._image: weakref.ref[PreparedImage] | None = None

    def __len__(self) -> int:
        return len(self._regions)

    def turn_to(self, image: PreparedImage) -> None:
        """Say which image is asked about; regions of another one are dropped."""
        if self._image is None or self._image() is not image:
            self.clear()
            self._image = weakref.ref(image, lambda _: self.clear())

    def note(self, looked: Sequence[Region]) -> None:
        """Remember regions, in the order they were looked at."""
        for region in looked:
            if region in self._regions:
                self._regions.remove(region)
            self._regions.append(region)

    def instead_of(self, wanted: Region, box: IndexBox, within: float, refit: float) -> Region:
        """An earlier region that does as well as the wanted one, the newest first; else the wanted one.

        Args:
            wanted: the region that suits best.
            box: what the region has to hold.
            within: how far from the cube's sides the box must stay, as a share of its edge, unless it comes
                closer in the wanted region too.
            refit: how many times finer or coarser it may be.
        """
        wanted_gap = _gap(wanted.grid, box)
        for region in reversed(self._regions):
            ratio = max(region.zoom / wanted.zoom, wanted.zoom / region.zoom)
            enough = np.minimum(within, wanted_gap)
            if ratio <= refit and bool((_gap(region.grid, box) >= enough - 1e-9).all()):
                return region
        return wanted

    def clear(self) -> None:
        """Forget all regions."""
        self._regions.clear()
        self._forget()


def _gap(grid: SamplingGrid, box: IndexBox) -> np.ndarray:
    """How far a box lies inside each side of a cube, (2, 3), as shares of its edges; negative outside."""
    corners = grid.index_to_sample(np.array([box.lower, box.upper]) - 0.5)
    edges = np.array(grid.shape_ijk)
    gap: np.ndarray = np.stack([corners[0] + 0.5, edges - 0.5 - corners[1]]) / edges
    return gap
