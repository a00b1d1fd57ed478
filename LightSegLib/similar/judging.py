"""Whether what the model draws at a place is an object like the example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.geometry import IJK, IndexBox
from LightSegLib.prompts import Point, PromptSet
from LightSegLib.proposal import settle, settle_drawn
from LightSegLib.segments import NOTHING_SNAPPED, Doubt, Knowledge, Snap
from LightSegLib.similar.example import Agreement, Example, innermost
from LightSegLib.similar.proposals import SimilarObject

if TYPE_CHECKING:
    from LightSegLib.intensities import PreparedImage
    from LightSegLib.regions import Answer, RegionSegmenter
    from LightSegLib.similar.settings import SimilarSettings


class Judge:
    """Asks the model about one place after the other.

    Args:
        segmenter: answers a click.
        image: the image, prepared.
        example: what the object should be like.
        taken: bool (K, J, I) masks of the image, of all segments that are not empty.
        settings: see `SimilarSettings`.
    """

    def __init__(
        self,
        segmenter: RegionSegmenter,
        image: PreparedImage,
        example: Example,
        taken: Sequence[np.ndarray],
        settings: SimilarSettings,
    ) -> None:
        self.segmenter = segmenter
        self.image = image
        self.example = example
        self.taken = taken
        self.settings = settings

    def judge(
        self, place_ijk: IJK, image_number: int, check_cancelled: Callable[[], None] | None = None
    ) -> SimilarObject | None:
        """Click on a voxel, then in the middle of the answer; None if what is drawn is another kind."""
        prompts, answer = self._asked(place_ijk, check_cancelled)
        middle = None if answer.mask.sum() == 0 else innermost(answer.mask, answer.box)
        if middle is not None and middle != place_ijk:
            place_ijk = middle
            prompts, answer = self._asked(place_ijk, check_cancelled)
        nothing = np.zeros(self.image.volume.shape_ijk[::-1], bool)
        box, content = settle(answer, prompts, nothing)
        whole = int(content.sum())
        free = self._free(box)
        content &= free
        tight = IndexBox.of_mask(content)
        if tight is None or content.sum() < (1 - self.settings.overlap) * whole:
            return None
        drawn = settle_drawn(answer, prompts, nothing)
        snap = NOTHING_SNAPPED if drawn is None else Snap.of(box, (drawn & free) ^ content)
        mask = content[tight.slices].copy()
        mask.flags.writeable = False
        extent = IndexBox(
            tuple(np.add(box.lower, tight.lower).tolist()), tuple(np.add(box.lower, tight.upper).tolist())
        )
        agreement = self.example.agreement(mask, grey_inside(self.image, extent, mask))
        confidence = self._confidence(float(answer.confidence), agreement)
        if confidence is None:
            return None
        doubt = Doubt.of(answer.box, answer.probability)
        return SimilarObject(
            place_ijk=place_ijk,
            box=extent,
            mask=mask,
            shape=agreement.shape,
            similarity=agreement.grey,
            size_ratio=agreement.size_ratio,
            expected_dice=float(answer.confidence),
            confidence=confidence,
            example=self.example.name,
            knowledge=Knowledge(prompts, extent, float(answer.confidence), doubt, snap=snap),
            image_number=image_number,
        )

    def _asked(self, place_ijk: IJK, check_cancelled: Callable[[], None] | None) -> tuple[PromptSet, Answer]:
        """One click and its answer."""
        prompts = PromptSet().with_prompt(Point(place_ijk))
        zoom = self.example.zoom
        return prompts, self.segmenter.at_zoom(self.image, prompts, zoom, check_cancelled=check_cancelled)

    def _free(self, box: IndexBox) -> np.ndarray:
        """Voxels of a box that belong to no segment, bool (K, J, I)."""
        free = np.ones(box.shape_ijk[::-1], bool)
        for mask in self.taken:
            free &= ~mask[box.slices]
        return free

    def _confidence(self, expected_dice: float, agreement: Agreement) -> float | None:
        """One number of all that speaks for an object, None where something speaks against it."""
        settings = self.settings
        if not 1 / settings.size_factor <= agreement.size_ratio <= settings.size_factor:
            return None
        if agreement.shape < settings.shape or expected_dice < settings.expected_dice:
            return None
        confidence = (expected_dice * agreement.shape * agreement.grey) ** (1 / 3)
        return confidence if confidence >= settings.confidence else None


def grey_inside(image: PreparedImage, box: IndexBox, mask: np.ndarray) -> np.ndarray:
    """Grey values of a mask (K, J, I) of a box, float32, -1 to 1, in the first channel with any contrast."""
    channel = image.telling_channel
    return image.normalise(image.volume.channel(channel)[box.slices][mask], channel)
