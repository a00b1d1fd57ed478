"""Find all objects of an image that look like one that is segmented already.

The image is seen window by window, at the zoom that suits the example, with no prompt drawn. What the model's
decoder makes of the example's inside is the prototype; the likeness of all other places to it makes a coarse
map. Its peaks are then clicked on, one after the other, at the same zoom, and what the model draws there is
judged by size, likeness, and the Dice coefficient that the model expects.

The idea to compare deep features with a mean over the masked example is that of one-shot segmentation by
prototypes: Wang, Liew, Zou, Zhou, Feng, "PANet", ICCV 2019, arXiv 1908.06391.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from LightSegLib.errors import CapabilityError
from LightSegLib.geometry import IJK, IndexBox, SamplingGrid, round_half_up, sample_grid
from LightSegLib.models.base import DescribesRegions
from LightSegLib.regions import RegionSegmenter
from LightSegLib.similar.example import Example
from LightSegLib.similar.judging import Judge, grey_inside
from LightSegLib.similar.lattice import WindowLattice
from LightSegLib.similar.peaks import peaks, stand_out
from LightSegLib.similar.proposals import SimilarObject, best_of
from LightSegLib.similar.settings import SimilarSettings
from LightSegLib.similar.survey import Survey
from LightSegLib.zoom import Zoomer

if TYPE_CHECKING:
    from LightSegLib.intensities import PreparedImage
    from LightSegLib.proposal import Segmenter

Report = Callable[[float, str], None]
"""Called with the share of the work that is done, 0 to 1, and what is being done."""

_SURVEY_SHARE = 0.6


class SimilarFinder:
    """Looks for the like of one segment.

    Args:
        segmenter: the session's.
        image: the image, prepared.
        settings: see `SimilarSettings`.
        report: told how far the work is.
        check_cancelled: called between two looks of the model; may raise `Cancelled`.

    Raises:
        CapabilityError: the model does not show what it sees without prompts, or takes no clicks.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        image: PreparedImage,
        settings: SimilarSettings | None = None,
        report: Report | None = None,
        check_cancelled: Callable[[], None] | None = None,
    ) -> None:
        self.segmenter, self.model = _with_features(segmenter)
        self.image = image
        self.settings = settings or SimilarSettings()
        self.report: Report = report or (lambda _done, _what: None)
        self.check_cancelled = check_cancelled
        self.zoomer = Zoomer(image.volume, self.segmenter.model.patch_kji, self.segmenter.settings.zoom)

    def find(
        self, name: str, mask: np.ndarray, others: Sequence[np.ndarray], limit: int, image_number: int
    ) -> list[SimilarObject]:
        """Find objects.

        Args:
            name: of the example's segment.
            mask: bool (K, J, I) of the image, the example; not empty.
            others: masks of the other segments that are not empty; nothing is proposed there.
            limit: how many to propose at most.
            image_number: which of the session's images this is.

        Returns:
            The proposals, the most confident first.
        """
        extent = IndexBox.of_mask(mask) or self.image.volume.box
        zoom = self.zoomer.fitting(extent)
        lattice = self._lattice(zoom)
        survey = Survey(self.model, self.image, lattice, self.check_cancelled)
        example = Example(name, mask, grey_inside(self.image, extent, mask[extent.slices]), zoom)
        likeness = survey.likeness(
            mask,
            example,
            self.settings.grey_weight,
            lambda done: self.report(_SURVEY_SHARE * done, "Looking over the image"),
        )
        taken = [mask, *others]
        judge = Judge(self.segmenter, self.image, example, taken, self.settings)
        tries = min(self.settings.tries * limit, self.settings.most_tries)
        places = self._places(likeness, lattice.cells, taken, example.voxels, tries)
        found = []
        for number, place in enumerate(places):
            share = _SURVEY_SHARE + (1 - _SURVEY_SHARE) * number / len(places)
            self.report(share, "Asking about what looks alike")
            candidate = judge.judge(place, image_number, self.check_cancelled)
            if candidate is not None:
                found.append(candidate)
        self.report(1.0, "")
        return best_of(found, limit)

    def _lattice(self, zoom: float) -> WindowLattice:
        """The windows at the example's zoom, or at the closest one whose map is not too large."""
        volume, patch = self.image.volume, self.segmenter.model.patch_kji
        while True:
            step = self.zoomer.grid([0, 0, 0], zoom).step_ijk
            lattice = WindowLattice.over(volume, step, patch, self.model.feature_stride)
            if math.prod(lattice.shape_ijk) <= self.settings.most_cells or len(lattice) == 1:
                return lattice
            zoom *= 1.25

    def _places(
        self, likeness: np.ndarray, cells: SamplingGrid, taken: Sequence[np.ndarray], voxels: int, tries: int
    ) -> list[IJK]:
        """Voxels to ask about: the middles of the map's highest peaks outside all segments."""
        shape_ijk = np.array(self.image.volume.shape_ijk)
        held = [sample_grid(mask, cells) > 0.25 for mask in taken]
        blocked = np.any(held, axis=0) | _beyond(cells, shape_ijk)
        spacing = np.array(self.image.volume.spacing_ijk)
        radius_mm = np.cbrt(voxels * spacing.prod() * 3 / (4 * np.pi))
        radius = (radius_mm / (spacing * cells.step_ijk))[::-1]
        scores = stand_out(likeness, radius, self.settings.contrast)
        lowest = self.settings.prominence * float(scores[held[0]].max(initial=0.0))
        places: list[IJK] = []
        for cell_kji, score in itertools.islice(peaks(scores, blocked, self.settings.apart * radius), tries):
            i, j, k = np.clip(round_half_up(cells.sample_to_index(cell_kji[::-1])), 0, shape_ijk - 1).tolist()
            if score < lowest:
                break
            if not any(mask[k, j, i] for mask in taken):
                places.append((i, j, k))
        return places


def _beyond(cells: SamplingGrid, shape_ijk: np.ndarray) -> np.ndarray:
    """Cells whose middles lie outside an image of so many voxels: bool (K, J, I)."""
    outside = []
    for start, step, count, length in zip(
        cells.start_ijk, cells.step_ijk, cells.shape_ijk, shape_ijk.tolist(), strict=True
    ):
        along = start + step * np.arange(count)
        outside.append((along < -0.5) | (along >= length - 0.5))
    i, j, k = outside
    beyond: np.ndarray = k[:, None, None] | j[None, :, None] | i[None, None, :]
    return beyond


def _with_features(segmenter: Segmenter) -> tuple[RegionSegmenter, DescribesRegions]:
    """The segmenter, and its model as one that shows features.

    Raises:
        CapabilityError: it has none.
    """
    model = getattr(segmenter, "model", None)
    shows = isinstance(model, DescribesRegions) and model.feature_stride > 0
    if not isinstance(segmenter, RegionSegmenter) or not shows:
        raise CapabilityError(
            "The model cannot look for similar objects",
            "It does not show what it sees where nothing was said",
            "Load a model of volumes, such as veloxseg-small",
        )
    return segmenter, cast("DescribesRegions", model)
