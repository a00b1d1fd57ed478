"""Synthetic lesions: ellipsoids of one kind, of random size and contrast, in a textured background.

Everything is made from a seed, so it can be made anywhere, and the truth is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from LightSegLib.geometry import Volume

TEXTURE = 14.0
"""Standard deviation of the background's texture, in grey values; its middle is 100."""
NOISE = 8.0
CONTRAST = (45.0, 90.0)
"""Grey values by which lesions are brighter than the background."""
RADII = (4.5, 8.5)
"""Mean radii in voxels; the axes differ from them by up to a quarter."""
_GAP = 3.0


class Lesions:
    """The volume and its lesions.

    Args:
        seed: of all that is random.
        count: lesions; fewer are made where no more find room.
        size_ijk: voxels, of 1 mm each.
        texture: see `TEXTURE`.

    Attributes:
        volume: int16.
        labels: uint8 (K, J, I), 1 for the first lesion and so on.
    """

    def __init__(
        self,
        seed: int,
        count: int = 12,
        size_ijk: Sequence[int] = (112, 112, 80),
        texture: float = TEXTURE,
    ) -> None:
        from scipy.ndimage import gaussian_filter

        random = np.random.default_rng(seed)
        shape = tuple(size_ijk)[::-1]
        coarse = gaussian_filter(random.standard_normal(shape, np.float32), 5, mode="wrap")
        fine = gaussian_filter(random.standard_normal(shape, np.float32), 1.5, mode="wrap")
        lumps = coarse / coarse.std() + 0.5 * fine / fine.std()
        image = 100 + texture * lumps / lumps.std() + NOISE * random.standard_normal(shape, np.float32)
        self.labels: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        placed: list[tuple[NDArray[np.float64], float]] = []
        for _ in range(200 * count):
            if len(placed) == count:
                break
            radius = float(random.uniform(*RADII))
            axes = radius * random.uniform(0.75, 1.25, 3)
            reach = float(axes.max())
            centre = random.uniform(reach + 1, np.array(shape) - reach - 2)
            if any(np.linalg.norm(centre - other) < reach + far + _GAP for other, far in placed):
                continue
            placed.append((centre, reach))
            turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
            offsets = np.moveaxis(np.indices(shape), 0, -1) - centre
            distance = np.sqrt((((offsets @ turn) / axes) ** 2).sum(axis=-1))
            edge = np.clip((1 - distance) * radius + 0.5, 0, 1)
            image += (random.uniform(*CONTRAST) * edge).astype(np.float32)
            self.labels[distance <= 1] = len(placed)
        self.volume = Volume(np.round(image).astype(np.int16), np.eye(4))
