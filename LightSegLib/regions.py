"""Where to look: from prompts and a mask to the regions a model sees.

A first click does not tell the size of what it means. So the first look is at several zooms, from native
resolution to the whole image, and the model's own confidence chooses; then the region is fitted to the object
found and looked at once more. A later click is answered in the region that holds the mask and the click, and
once more, closer, around the click where the first look was coarser than the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.edges import snap_to_edges
from LightSegLib.geometry import IndexBox
from LightSegLib.intensities import PreparedImage
from LightSegLib.looks import Looker, framed
from LightSegLib.models.base import InteractiveModel, KeepsRegions
from LightSegLib.pasting import cut_to_boxes, paste
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble, Text
from LightSegLib.region_looks import RegionSettings, RegionTask
from LightSegLib.standing import StandingRegions
from LightSegLib.zoom import Zoomer

if TYPE_CHECKING:
    from LightSegLib.text.reading import TextReader

__all__ = ["Answer", "RegionSegmenter", "RegionSettings", "snapped"]

SURROUNDINGS = 7
"""Voxels around a mask that are read to snap it to the image."""


@dataclass(frozen=True)
class Answer:
    """What a segmenter proposes for one box.

    Attributes:
        box: the voxels it speaks of.
        mask: bool (K, J, I) of the box.
        probability: float32 (K, J, I) of the box, 0 to 1.
        confidence: the Dice coefficient the model expects, 0 to 1.
        network_seconds: time spent in the network.
        drawn: bool (K, J, I) of the box, the mask before it was snapped to the image, from which the model
            goes on; None where it was not. With it, the box holds the whole segment.
    """

    box: IndexBox
    mask: np.ndarray
    probability: np.ndarray
    confidence: float
    network_seconds: float
    drawn: np.ndarray | None = None


class RegionSegmenter:
    """Answers a prompt with a model that sees one cube at a time.

    Args:
        model: see `models.base.InteractiveModel`.
        settings: see `RegionSettings`.
    """

    def __init__(self, model: InteractiveModel, settings: RegionSettings | None = None) -> None:
        self.model = model
        self.settings = settings or RegionSettings()
        self._reader: TextReader | None = None
        self._standing = StandingRegions(model.forget) if isinstance(model, KeepsRegions) else None

    def segment(
        self,
        image: PreparedImage,
        prompts: PromptSet,
        current: np.ndarray,
        changed_by: Prompt,
        *,
        check_cancelled: Callable[[], None] | None = None,
    ) -> Answer:
        """Answer the newest prompt.

        Args:
            image: the image, prepared.
            prompts: all prompts of the segment, the newest included.
            current: bool (K, J, I), the segment's mask so far.
            changed_by: the newest prompt.
            check_cancelled: called between looks; may raise `Cancelled`.
        """
        settings = self.settings
        named = _named(changed_by, image)
        held = IndexBox.of_mask(current)
        vector = self._vector(prompts.text)
        looker = Looker(
            self.model,
            image,
            prompts,
            current,
            settings.connected,
            settings.mirrored,
            check_cancelled,
            vector,
        )
        started = held is not None or bool(prompts.boxes)
        if not started and len(looker.positive) == 0 and vector is None:
            return _unchanged(current, named)
        if self._standing is not None:
            self._standing.turn_to(image)
        task = RegionTask(looker, settings, prompts, named, self._standing)
        if isinstance(changed_by, Text):
            looks = [task.named_look(held)]
        else:
            looks = task.later_looks(held, changed_by) if started else [task.first_look()]
        if self._standing is not None:
            self._standing.note(looker.looked)
        if vector is not None and looks[0].confidence < settings.absent and not len(looker.positive):
            return _nothing(current, held, looks[0].confidence, looker.network_seconds)
        box, mask, probability = paste(looks, current, held)
        if prompts.boxes and framed(looker.positive, prompts.boxes).all():
            cut_to_boxes(box, mask, current, prompts.boxes, settings.box_slack)
        answer = Answer(box, mask, probability, looks[0].confidence, looker.network_seconds)
        return snapped(answer, image, current, held) if settings.snapping else answer

    def at_zoom(
        self,
        image: PreparedImage,
        prompts: PromptSet,
        zoom: float,
        *,
        check_cancelled: Callable[[], None] | None = None,
    ) -> Answer:
        """Answer the clicks of an empty segment at a zoom that is known, rather than one to be found.

        Args:
            image: the image, prepared.
            prompts: points, the first of them positive and in the middle of what is looked at.
            zoom: step of the region in mm, see `zoom.Zoomer`.
            check_cancelled: called before the look; may raise `Cancelled`.
        """
        nothing = np.zeros(image.volume.shape_ijk[::-1], bool)
        settings = self.settings
        looker = Looker(
            self.model, image, prompts, nothing, settings.connected, settings.mirrored, check_cancelled
        )
        zoomer = Zoomer(image.volume, self.model.patch_kji, settings.zoom)
        look = looker.look(zoomer.grid(looker.positive[0].tolist(), zoom), zoom, None)
        box, mask, probability = paste([look], nothing, None)
        answer = Answer(box, mask, probability, look.confidence, looker.network_seconds)
        return snapped(answer, image, nothing, None) if settings.snapping and not box.is_empty else answer

    def _vector(self, text: str | None) -> np.ndarray | None:
        """What the model is told of a text; None without one.

        Raises:
            PromptError, CapabilityError, DataError: see `text.reading.TextReader.read`.
        """
        if text is None:
            return None
        if self._reader is None:
            from LightSegLib.text.reading import TextReader

            self._reader = TextReader(self.model.capabilities.structures)
        return self._reader.read(text).vector


def _named(prompt: Prompt, image: PreparedImage) -> IndexBox:
    """The voxels that a prompt names; the whole image for a text."""
    if isinstance(prompt, Point):
        return _around([prompt.ijk])
    if isinstance(prompt, Scribble):
        return _around(prompt.points_ijk)
    if isinstance(prompt, Box):
        return IndexBox(prompt.lower_ijk, prompt.upper_ijk)
    return image.volume.box


def _around(points_ijk: object) -> IndexBox:
    points = np.asarray(points_ijk)
    return IndexBox(tuple(points.min(axis=0).tolist()), tuple((points.max(axis=0) + 1).tolist()))


def snapped(answer: Answer, image: PreparedImage, current: np.ndarray, held: IndexBox | None) -> Answer:
    """The answer with its border, and that of the rest of the segment, at the edges of the image.

    Args:
        answer: as the model drew it.
        image: the image; its first channel with any contrast gives the edges.
        current: bool (K, J, I), the mask so far, as the model drew it.
        held: a box around it, None if it is empty.
    """
    shape_ijk = image.volume.shape_ijk
    box = answer.box if held is None else answer.box.union(held)
    box = box.expand(1).clip(shape_ijk)
    around = box.expand(SURROUNDINGS).clip(shape_ijk)
    place = answer.box.slices_in(around)
    drawn = current[around.slices].copy()
    drawn[place] = answer.mask
    probability = drawn.astype(np.float32)
    probability[place] = answer.probability
    channel = image.telling_channel
    mask = snap_to_edges(
        drawn, image.volume.channel(channel)[around.slices], lambda grey: image.normalise(grey, channel)
    )
    inner = box.slices_in(around)
    return replace(answer, box=box, mask=mask[inner], probability=probability[inner], drawn=drawn[inner])


def _nothing(current: np.ndarray, held: IndexBox | None, confidence: float, seconds: float) -> Answer:
    """The structure that was named is not there: what was drawn for another name goes.

    An empty mask stays as it is, which one voxel says as well as the whole image would.
    """
    box = held or IndexBox((0, 0, 0), (1, 1, 1))
    mask = np.zeros_like(current[box.slices])
    return Answer(box, mask, mask.astype(np.float32), confidence, seconds, drawn=mask)


def _unchanged(current: np.ndarray, named: IndexBox) -> Answer:
    """Only negative prompts and no mask: there is nothing to cut from."""
    mask = current[named.slices].copy()
    return Answer(named, mask, mask.astype(np.float32), 0.0, 0.0)
