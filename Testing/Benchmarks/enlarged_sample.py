"""The bundled sample on more voxels, for what a phantom cannot be asked: a name that a model finds.

Only the number of voxels is that of a whole scan. The field of view stays that of the sample, and nothing
finer than its own voxels is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from LightSegLib.commands.sample import read_sample
from LightSegLib.geometry import Volume

STRUCTURE = "soft tissue sarcoma"
"""What is labelled, by its name in the vocabulary."""


class EnlargedSample:
    """The sample's image and label, interpolated linearly.

    Args:
        size_ijk: voxels along i, j, k.

    Raises:
        DataError, ImageFileError: the sample is missing or damaged.
    """

    def __init__(self, size_ijk: Sequence[int]) -> None:
        sample = read_sample()
        case = sample.load()
        step = np.divide(case.volume.shape_ijk, size_ijk)
        finer = np.diag([*step, 1.0])
        finer[:3, 3] = (step - 1) / 2  # the outer faces, not the outer voxels' centres, stay where they are
        before = case.volume.channel(0)
        array = np.rint(_resample(before, size_ijk, finer)).astype(before.dtype)
        self.title = sample.title
        self.volume = Volume(array, case.volume.ijk_to_ras @ finer)
        self._truth = _resample(case.truth(sample.label), size_ijk, finer) >= 0.5

    def truth(self, name: str) -> NDArray[np.bool_]:
        """The voxels of a structure, bool (K, J, I).

        Raises:
            KeyError: there is no such structure.
        """
        return {STRUCTURE: self._truth}[name]


def _resample(
    array: NDArray[Any], size_ijk: Sequence[int], finer: NDArray[np.float64]
) -> NDArray[np.float32]:
    """An array (K, J, I) on a grid of `size_ijk` voxels; `finer` leads from its index to the array's."""
    enlarged = SimpleITK.Resample(
        SimpleITK.GetImageFromArray(array.astype(np.float32)),
        [int(length) for length in size_ijk],
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        finer[:3, 3].tolist(),
        np.diag(finer)[:3].tolist(),
        useNearestNeighborExtrapolator=True,  # the outer voxels reach beyond their centres
    )
    result: NDArray[np.float32] = SimpleITK.GetArrayFromImage(enlarged)
    return result
