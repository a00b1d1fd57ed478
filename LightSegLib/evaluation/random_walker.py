"""Baseline: the random walker of Grady (IEEE TPAMI 28:1768, 2006), as scikit-image has it, driven by clicks.

Each voxel goes to the seed that a walker starting there would most likely reach first, when walkers avoid
steps across edges of the image. The seeds are those of `grow_from_seeds`: every click is a ball of 2 voxels
radius, and the outermost voxels are background, as a user would have to mark them.

A walk over a whole CT would take hours and tens of gigabytes. So it is done on at most `LIMIT` voxels: an
image of more is first averaged over blocks of voxels, then once more, finer, in a box around what was found
there and around the clicks; the answer is interpolated back to the voxels of the image. Grey values are cut
at robust percentiles and brought to 0 to 1.

scikit-image's default for the weight of edges (beta, 130) is made for many long seeds. With a few balls of
seeds against a whole border the walk then mostly measures distance: mean Dice after one click was 0.18 on
four cases of the training split, one per source, and 0.56 with 5000. On these and four more, 5000 did best of
values from 130 to 100 000, and is used here in the baseline's favour.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LightSegLib.errors import CapabilityError, PromptError, SessionError
from LightSegLib.evaluation.grow_from_seeds import SEED_RADIUS_VOXELS
from LightSegLib.geometry import IndexBox

if TYPE_CHECKING:
    from LightSegLib.geometry import IJK, Volume

LIMIT = 150_000
"""Voxels of one walk: one to several seconds."""
BETA = 5000.0
"""How strongly edges hold walkers back; see above."""
PERCENTILES = (0.5, 99.5)
SURROUNDINGS = 0.25
"""How far the box of the finer walk reaches beyond what was found, as a share of its edges..."""
SURROUNDING_VOXELS = 6
"""...and in voxels besides."""
_OBJECT, _BACKGROUND = 1, 2
_SAMPLE = 1_000_000

Grey = npt.NDArray[np.float32]
BoolMask = npt.NDArray[np.bool_]


class RandomWalker:
    """The random walker with the calls of a session: set_image, reset, add_point, mask.

    Args:
        limit: voxels of one walk, at least 27.
        beta: how strongly edges hold walkers back.

    Raises:
        CapabilityError: scikit-image is not installed.
    """

    def __init__(self, limit: int = LIMIT, beta: float = BETA) -> None:
        try:
            from skimage.segmentation import random_walker
        except ImportError as error:
            raise CapabilityError(
                "The baseline random walker cannot run",
                f"scikit-image cannot be imported ({error})",
                "Run `pip install scikit-image`, or leave the baseline out",
            ) from error
        self._walk = random_walker
        self._limit = limit
        self._beta = beta
        self._volume: Volume | None = None
        self._range = (0.0, 1.0)
        self._clicks: list[tuple[IJK, bool]] = []
        self._mask: BoolMask = np.zeros((0, 0, 0), dtype=bool)

    def set_image(self, volume: Volume) -> None:
        """Take a volume; of several channels the first is used."""
        self._volume = volume
        values = volume.channel(0).reshape(-1)
        low, high = np.percentile(values[:: max(1, values.size // _SAMPLE)], PERCENTILES).tolist()
        self._range = (low, high if high > low else low + 1)
        self.reset()

    def reset(self) -> None:
        """Forget all clicks and start on another object of the same image.

        Raises:
            SessionError: no image is set.
        """
        self._clicks = []
        self._mask = np.zeros(self._image().shape_ijk[::-1], dtype=bool)

    @property
    def mask(self) -> BoolMask:
        """The current mask, bool (K, J, I).

        Raises:
            SessionError: no image is set.
        """
        self._image()
        return self._mask

    def add_point(self, ijk: IJK, positive: bool = True) -> None:
        """Seed a ball at a voxel index (IJK) and walk; the mask is empty until a positive click.

        Raises:
            SessionError: no image is set.
            PromptError: the voxel lies outside the volume.
        """
        if not self._image().box.contains(ijk):
            raise PromptError(
                f"The point {tuple(ijk)} lies outside the volume of {self._image().shape_ijk} voxels",
                "A seed needs a voxel",
                "Click inside the volume.",
            )
        self._clicks.append((ijk, positive))
        if any(inside for _, inside in self._clicks):
            self._mask = self._segment()

    def _segment(self) -> BoolMask:
        """The whole image, and what was found once more if that was coarse."""
        volume = self._image()
        step = steps_within(self._limit, volume.shape_ijk, volume.spacing_ijk)
        mask = self._inside(volume.box, step)
        if max(step) == 1:
            return mask
        clicked = np.array([ijk for ijk, _ in self._clicks])
        box = IndexBox(tuple(clicked.min(0).tolist()), tuple((clicked.max(0) + 1).tolist()))
        found = IndexBox.of_mask(mask)
        box = box if found is None else box.union(found)
        box = box.expand([int(SURROUNDINGS * edge) + SURROUNDING_VOXELS for edge in box.shape_ijk])
        box = box.clip(volume.shape_ijk)
        finer = np.zeros_like(mask)
        finer[box.slices] = self._inside(box, steps_within(self._limit, box.shape_ijk, volume.spacing_ijk))
        return finer

    def _inside(self, box: IndexBox, step_ijk: IJK) -> BoolMask:
        """Walk in a box whose outermost blocks are background; bool (K, J, I) of the box."""
        low, high = self._range
        grey = block_means(self._image().channel(0)[box.slices], step_ijk[::-1])
        seeds = np.full(grey.shape, _BACKGROUND, dtype=np.int32)
        seeds[1:-1, 1:-1, 1:-1] = 0
        for ijk, positive in self._clicks:
            places = ball(ijk, box) // np.array(step_ijk[::-1])
            seeds[tuple(places.T)] = _OBJECT if positive else _BACKGROUND
        if seeds.all():  # nothing is left to walk on
            share = (seeds == _OBJECT).astype(np.float32)
        else:
            even = np.clip((grey - low) / (high - low), 0, 1)
            share = self._shares(even, seeds)
        return interpolated(share, step_ijk[::-1], box.shape_ijk[::-1]) > 0.5

    def _shares(self, grey: Grey, seeds: npt.NDArray[np.int32]) -> Grey:
        """How likely a walker from each block reaches the object first, 0 to 1, or very nearly."""
        with warnings.catch_warnings():
            # That shares lie outside 0 to 1 by a thousandth does not move them across one half.
            warnings.filterwarnings("ignore", message="The probability range|Conjugate gradient")
            shares = self._walk(grey, seeds, self._beta, return_full_prob=True)
        object_first: Grey = shares[_OBJECT - 1].astype(np.float32)
        return object_first

    def _image(self) -> Volume:
        if self._volume is None:
            raise SessionError(
                "The random walker has no image", "There is nothing to walk in", "Call set_image first."
            )
        return self._volume


def steps_within(limit: int, shape_ijk: Sequence[int], spacing_ijk: Sequence[float]) -> IJK:
    """Voxels (IJK) per block, so that at most `limit` blocks cover a box; about even in mm."""
    step = [1, 1, 1]
    while np.prod([-(-length // each) for length, each in zip(shape_ijk, step, strict=True)]) > limit:
        edges = [each * mm for each, mm in zip(step, spacing_ijk, strict=True)]
        step[edges.index(min(edges))] += 1
    return (step[0], step[1], step[2])


def block_means(array: npt.NDArray[np.generic], step_kji: Sequence[int]) -> Grey:
    """Mean over blocks of an array (K, J, I), whose last voxels are repeated to fill the last blocks."""
    padding = [(0, -length % each) for length, each in zip(array.shape, step_kji, strict=True)]
    filled = np.pad(array.astype(np.float32), padding, mode="edge")
    shape = [
        part for length, each in zip(filled.shape, step_kji, strict=True) for part in (length // each, each)
    ]
    means: Grey = filled.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)
    return means


def interpolated(blocks: Grey, step_kji: Sequence[int], shape_kji: Sequence[int]) -> Grey:
    """Values of blocks (K, J, I), brought linearly to the voxels that they were made of."""
    from scipy.ndimage import affine_transform

    if max(step_kji) == 1:
        return blocks
    scale = 1 / np.array(step_kji)
    fine: Grey = affine_transform(
        blocks, scale, scale / 2 - 0.5, output_shape=tuple(shape_kji), order=1, mode="nearest"
    )
    return fine


def ball(centre_ijk: IJK, box: IndexBox) -> npt.NDArray[np.int64]:
    """The voxels (N, 3) of a click's ball that lie in a box, as (K, J, I) from its lower corner."""
    reach = np.arange(-SEED_RADIUS_VOXELS, SEED_RADIUS_VOXELS + 1)
    offsets = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = offsets[(offsets**2).sum(axis=1) <= SEED_RADIUS_VOXELS**2]
    voxels = offsets + np.subtract(centre_ijk, box.lower)[::-1]
    inside: npt.NDArray[np.int64] = voxels[np.all((voxels >= 0) & (voxels < box.shape_ijk[::-1]), axis=1)]
    return inside
