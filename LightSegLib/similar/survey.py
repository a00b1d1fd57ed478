"""The whole volume seen window by window: a coarse map of how much each place looks like an example."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.geometry import sample_grid
from LightSegLib.intensities import PreparedImage
from LightSegLib.similar.prototype import Prototype

if TYPE_CHECKING:
    from LightSegLib.models.base import DescribesRegions
    from LightSegLib.similar.example import Example
    from LightSegLib.similar.lattice import WindowLattice

STATISTICS_WINDOWS = 8
"""Windows from which it is learnt what is common in the image, beside those that hold the example."""
KEPT_BYTES = 64 * 2**20
_EMPTY_RANGE = 0.02


class Survey:
    """Shows the windows of a lattice to a model.

    Args:
        model: tells what it sees in a window.
        image: the image, prepared.
        lattice: where the windows lie.
        check_cancelled: called before each window; may raise `Cancelled`.
    """

    def __init__(
        self,
        model: DescribesRegions,
        image: PreparedImage,
        lattice: WindowLattice,
        check_cancelled: Callable[[], None] | None = None,
    ) -> None:
        self.model = model
        self.image = image
        self.lattice = lattice
        self.check_cancelled = check_cancelled
        self._kept: OrderedDict[int, np.ndarray | None] = OrderedDict()
        self._bytes = 0

    def likeness(
        self, mask: np.ndarray, example: Example, grey_weight: float, report: Callable[[float], None]
    ) -> np.ndarray:
        """Map how much each cell looks like an example, by what the model sees and by grey value.

        Args:
            mask: bool (K, J, I) of the image, the example.
            example: knows its grey values.
            grey_weight: of the likeness in grey value, beside 1 for that of features.
            report: told the share of the windows that were seen, 0 to 1.

        Returns:
            float32 (K, J, I) of the lattice's cells; 0 is neither like the example nor unlike it.
        """
        inside = sample_grid(mask, self.lattice.cells)
        if not inside.any():  # an object smaller than a cell may lie between the middles of cells
            inside = self._nearest_cells(mask)
        prototype, channel = self._prototype(inside), self.image.telling_channel
        total = np.zeros(self.lattice.shape_ijk[::-1], np.float32)
        counted = np.zeros_like(total)
        weights = self.lattice.weights()
        for number in range(len(self.lattice)):
            features = self._features(number)
            place = self.lattice.slices(number)
            alike = np.full(weights.shape, -1.0) if features is None else prototype.likeness(features)
            total[place] += weights * alike
            counted[place] += weights
            report((number + 1) / len(self.lattice))
        total /= counted
        grey = sample_grid(self.image.volume.channel(channel), self.lattice.cells)
        total += grey_weight * (2 * example.grey_likeness(self.image.normalise(grey, channel)) - 1)
        return total

    def _nearest_cells(self, mask: np.ndarray) -> np.ndarray:
        cells = self.lattice.cells
        places = np.rint(cells.index_to_sample(np.argwhere(mask)[:, ::-1])).astype(int)
        places = np.clip(places, 0, np.array(cells.shape_ijk) - 1)
        inside = np.zeros(cells.shape_ijk[::-1], np.float32)
        inside[tuple(places[:, ::-1].T)] = 1
        return inside

    def _prototype(self, inside: np.ndarray) -> Prototype:
        """What the example looks like, from the windows that hold most of it and some all over the image."""
        held = [float(inside[self.lattice.slices(number)].sum()) for number in range(len(self.lattice))]
        holding = [number for number in np.argsort(held)[::-1].tolist() if held[number] >= 0.5 * max(held)]
        some = np.linspace(0, len(self.lattice) - 1, min(len(self.lattice), STATISTICS_WINDOWS)).round()
        weights = self.lattice.weights()
        features, parts = [], []
        for number in dict.fromkeys([*holding[:STATISTICS_WINDOWS], *some.astype(int).tolist()]):
            seen = self._features(number)
            if seen is not None:
                features.append(seen)
                parts.append(weights * inside[self.lattice.slices(number)])
        return Prototype(features, parts)

    def _features(self, number: int) -> np.ndarray | None:
        """What the model sees in a window, None where there is nothing but air; the first ones are kept."""
        if number in self._kept:
            return self._kept[number]
        if self.check_cancelled is not None:
            self.check_cancelled()
        region = self.image.sample(self.lattice.grid(number))
        features = self.model.features(region) if float(np.ptp(region)) > _EMPTY_RANGE else None
        size = 0 if features is None else features.nbytes
        if self._bytes + size <= KEPT_BYTES:
            self._kept[number] = features
            self._bytes += size
        return features
