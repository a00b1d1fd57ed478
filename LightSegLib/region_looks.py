"""Which looks a prompt takes: how wide, how close, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from LightSegLib.geometry import IndexBox
from LightSegLib.looks import Inertia, Look, Looker
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble
from LightSegLib.standing import Region, StandingRegions
from LightSegLib.zoom import Zoomer, ZoomSettings, covered

BEYOND_PENALTY = 0.35
"""Expected Dice that a mask which goes on beyond its region is thought to lose, when zooms are compared."""
DOUBT_PENALTY = 0.25
"""Expected Dice that a mask loses by `Look.doubt`, when zooms are compared."""
WIDER_BONUS = 0.05
"""Expected Dice by which a wider look is preferred to the next closer one: it has seen more of what it left
out. These three were chosen on training and validation cases alike; see docs/training-log.md."""
MAX_REFITS, FREE_REFITS = 1, 2
MASK_WITHIN, PROMPT_WITHIN = 0.05, 0.25
"""How far inside an earlier region's sides a mask, and a prompt that is looked at closely, must lie, as
shares of the cube's edge."""


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


class RegionTask:
    """The regions of one prompt.

    Args:
        looker: shows them to the model.
        settings: see `RegionSettings`.
        prompts: all prompts of the segment.
        named: the voxels of the newest one.
        standing: earlier regions, where it pays to look at those again; else None.
    """

    def __init__(
        self,
        looker: Looker,
        settings: RegionSettings,
        prompts: PromptSet,
        named: IndexBox,
        standing: StandingRegions | None = None,
    ) -> None:
        self.looker = looker
        self.settings = settings
        self.prompts = prompts
        self.named = named
        self.standing = standing
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
        grid, zoom = self._region(whole, self.zoomer.fitting(whole), MASK_WITHIN)
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
        near, zoom = self._region(self.named, zoom, PROMPT_WITHIN)
        previous = self.looker.carried(look, near)
        return [look, self.looker.look(near, zoom, previous, inertia, glance=True)]

    def _region(self, box: IndexBox, zoom: float, within: float) -> Region:
        """The region around a box, or an earlier one that does as well."""
        wanted = Region(self.zoomer.grid(_middle(box), zoom), zoom)
        if self.standing is None:
            return wanted
        return self.standing.instead_of(wanted, box, within, self.settings.zoom.refit)

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


def _worth(look: Look) -> float:
    return look.confidence - BEYOND_PENALTY * look.beyond - DOUBT_PENALTY * look.doubt


def _middle(box: IndexBox) -> list[float]:
    return [(low + high - 1) / 2 for low, high in zip(box.lower, box.upper, strict=True)]
