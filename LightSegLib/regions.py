"""Where to look: from prompts and a mask to the regions a model sees.

A first click does not tell the size of what it means. So the first look is at several zooms, from native
resolution to the whole image, and the model's own confidence chooses; then the region is fitted to the object
found and looked at once more. A later click is answered in the region that holds the mask and the click, and
once more, closer, around the click where the first look was coarser than the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.edges import snap_to_edges
from LightSegLib.geometry import IndexBox
from LightSegLib.intensities import PreparedImage
from LightSegLib.looks import Inertia, Look, Looker, framed
from LightSegLib.models.base import InteractiveModel
from LightSegLib.pasting import cut_to_boxes, paste
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble, Text
from LightSegLib.zoom import Zoomer, ZoomSettings, covered

if TYPE_CHECKING:
    from LightSegLib.text.reading import TextReader

BEYOND_PENALTY = 0.35
"""Expected Dice that a mask which goes on beyond its region is thought to lose, when zooms are compared."""
DOUBT_PENALTY = 0.25
"""Expected Dice that a mask loses by `Look.doubt`, when zooms are compared."""
WIDER_BONUS = 0.05
"""Expected Dice by which a wider look is preferred to the next closer one: it has seen more of what it left
out. These three were chosen on training and validation cases alike; see docs/training-log.md."""
MAX_REFITS, FREE_REFITS = 1, 2
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


@dataclass(frozen=True)
class RegionSettings:
    """How a segmenter works.

    Attributes:
        zoom: how regions are chosen.
        connected: keep only what hangs together with a positive prompt.
        mirrored: show the chosen region to the model twice, straight and mirrored; see `Looker`.
        box_slack: how far beyond a drawn box the mask may reach, as a share of the box, unless there are
            positive clicks beyond it.
        inertia: logit that a voxel far from a late click must exceed to change against the click's
            direction: to go out after a positive click, to come in after a negative one.
        momentum: logit, times the square of the prompts before this one, that it must exceed to change in the
            click's direction: early clicks may still change the whole mask, late ones correct a place.
        reach: how far from a late click voxels change freely, as a share of the cube's edge.
        narrowing: share by which the reach shrinks with every prompt before this one.
        closer: a late click is looked at again, closer, where the first look was this many times coarser than
            the image.
        snapping: move the border of the mask to the edges of the image; see `edges`.
        absent: a structure that was only named is not in the image if the model expects less than this Dice.
    """

    zoom: ZoomSettings = field(default_factory=ZoomSettings)
    connected: bool = True
    mirrored: bool = True
    box_slack: float = 0.1
    inertia: float = 8.0
    momentum: float = 0.06
    reach: float = 0.12
    narrowing: float = 0.06
    closer: float = 3.0
    snapping: bool = True
    absent: float = 0.3


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
        task = _Task(looker, settings, prompts, named)
        if isinstance(changed_by, Text):
            looks = [task.named_look(held)]
        else:
            looks = task.later_looks(held, changed_by) if started else [task.first_look()]
        if vector is not None and looks[0].confidence < settings.absent and not len(looker.positive):
            return _nothing(current, held or named, looks[0].confidence, looker.network_seconds)
        box, mask, probability = paste(looks, current, held)
        if prompts.boxes and framed(looker.positive, prompts.boxes).all():
            cut_to_boxes(box, mask, current, prompts.boxes, settings.box_slack)
        answer = Answer(box, mask, probability, looks[0].confidence, looker.network_seconds)
        return snapped(answer, image, current, held) if settings.snapping else answer

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


class _Task:
    """The regions of one prompt."""

    def __init__(self, looker: Looker, settings: RegionSettings, prompts: PromptSet, named: IndexBox) -> None:
        self.looker = looker
        self.settings = settings
        self.prompts = prompts
        self.named = named
        self.zoomer = Zoomer(looker.image.volume, looker.model.patch_kji, settings.zoom)

    def first_look(self) -> Look:
        """Try several zooms around the prompt, choose, and fit the region to what was found."""
        centre = _middle(self.named)
        smallest = self.zoomer.fitting(self.named)
        zooms = [zoom for zoom in self.zoomer.ladder() if zoom >= smallest] or [smallest]
        glance = len(zooms) > 1
        looks = [
            self.looker.look(self.zoomer.grid(centre, zoom), zoom, None, glance=glance) for zoom in zooms
        ]
        best = looks[int(np.argmax([_worth(look) + WIDER_BONUS * i for i, look in enumerate(looks)]))]
        fitted = self._fitted(best)
        if fitted is best and glance and self.settings.mirrored:
            return self.looker.look(best.grid, best.zoom, None)
        return fitted

    def named_look(self, held: IndexBox | None) -> Look:
        """The whole image for a structure that was named, then as close as suits what was found.

        What was clicked or framed before says where to look at once.
        """
        marked = held if len(self.looker.positive) else None
        for box in self.prompts.boxes:
            drawn = IndexBox(box.lower_ijk, box.upper_ijk)
            marked = drawn if marked is None else marked.union(drawn)
        if marked is not None:
            self.named = marked
        zoom = self.zoomer.fitting(self.named)
        look = self.looker.look(self.zoomer.grid(_middle(self.named), zoom), zoom, None)
        return self._fitted(look, free=marked is None)

    def later_looks(self, held: IndexBox | None, changed_by: Prompt) -> list[Look]:
        """The region of mask and prompts, and a closer one around the prompt where that adds detail."""
        whole = self.named if held is None else held.union(self.named)
        for box in self.prompts.boxes:
            whole = whole.union(IndexBox(box.lower_ijk, box.upper_ijk))
        zoom = self.zoomer.fitting(whole)
        grid = self.zoomer.grid(_middle(whole), zoom)
        inertia = None
        if held is not None and isinstance(changed_by, Point | Scribble):
            inertia = self._inertia(changed_by.positive)
        native = float(self.zoomer.spacing.min())
        # Two looks are as slow as one look in two views, so each of them gets one view.
        glance = zoom >= native * self.settings.closer and not isinstance(changed_by, Box)
        look = self.looker.look(grid, zoom, self.looker.previous(grid), inertia, glance=glance)
        if look.beyond and zoom < self.zoomer.widest:
            look = self._fitted(look, inertia)
        if look.zoom < native * self.settings.closer or isinstance(changed_by, Box):
            return [look]
        zoom = max(native, look.zoom / 2.5, self.zoomer.fitting(self.named))
        if (
            look.zoom < zoom * self.settings.zoom.refit
        ):  # a long scribble, which leaves no room to come closer
            return [look]
        near = self.zoomer.grid(_middle(self.named), zoom)
        previous = self.looker.carried(look, near)
        return [look, self.looker.look(near, zoom, previous, inertia, glance=True)]

    def _inertia(self, positive: bool) -> Inertia:
        settings, earlier = self.settings, len(self.prompts) - 1
        against = settings.inertia
        along = min(against, settings.momentum * earlier**2)
        grow, shrink = (along, against) if positive else (against, along)
        return Inertia(self.named, grow, shrink, settings.reach * (1 - settings.narrowing) ** earlier)

    def _fitted(self, look: Look, inertia: Inertia | None = None, *, free: bool = False) -> Look:
        """Look again where the zoom does not suit the object that was found.

        Args:
            look: the first look.
            inertia: how firmly the mask so far stands.
            free: the object may be anywhere, not only at the prompt.
        """
        shape_ijk = self.looker.image.volume.shape_ijk
        for _ in range(FREE_REFITS if free else MAX_REFITS):
            found = covered(look.logits > 0, look.grid, shape_ijk)
            if found is None:
                return look
            box = found if free else found.union(self.named)
            zoom = self.zoomer.fitting(box)
            if look.beyond:
                zoom = max(zoom, min(look.zoom * 1.5, self.zoomer.widest))
            if max(zoom / look.zoom, look.zoom / zoom) < self.settings.zoom.refit:
                return look
            grid = self.zoomer.grid(_middle(box), zoom)
            again = self.looker.look(grid, zoom, self.looker.carried(look, grid), inertia)
            if not (again.logits > 0).any():
                return look
            look = again
        return look


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


def _worth(look: Look) -> float:
    return look.confidence - BEYOND_PENALTY * look.beyond - DOUBT_PENALTY * look.doubt


def _middle(box: IndexBox) -> list[float]:
    return [(low + high - 1) / 2 for low, high in zip(box.lower, box.upper, strict=True)]


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


def _nothing(current: np.ndarray, box: IndexBox, confidence: float, seconds: float) -> Answer:
    """The structure that was named is not there: what was drawn for another name goes."""
    mask = np.zeros_like(current[box.slices])
    return Answer(box, mask, mask.astype(np.float32), confidence, seconds, drawn=mask)


def _unchanged(current: np.ndarray, named: IndexBox) -> Answer:
    """Only negative prompts and no mask: there is nothing to cut from."""
    mask = current[named.slices].copy()
    return Answer(named, mask, mask.astype(np.float32), 0.0, 0.0)
