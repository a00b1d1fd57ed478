"""From the slice with the prompt to its neighbours, and on, until the structure ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from LightSegLib.geometry import IndexBox
from LightSegLib.prompts import Prompt
from LightSegLib.slicewise.judging import Brightness, SliceSettings, Verdict, judge
from LightSegLib.slicewise.looking import SURE, Found, Question, SliceLooker
from LightSegLib.slicewise.painting import Painting
from LightSegLib.slicewise.placing import PlacedPrompts, box_around, named_box
from LightSegLib.slicewise.shapes import deepest_points, refused_parts
from LightSegLib.slicewise.window import Window, plane_axes


class Propagation:
    """The work on one prompt.

    Args:
        looker: shows slices to the model.
        painting: takes what was found.
        placed: all prompts of the segment.
        settings: see `SliceSettings`.
    """

    def __init__(
        self, looker: SliceLooker, painting: Painting, placed: PlacedPrompts, settings: SliceSettings
    ) -> None:
        self.looker = looker
        self.painting = painting
        self.placed = placed
        self.settings = settings
        self.axis = placed.axis
        self.shape_ijk = looker.image.volume.shape_ijk
        self.boxes = placed.binding_boxes()

    def run(self, prompt: Prompt, earlier: PlacedPrompts) -> None:
        """Segment the slices of the newest prompt, and from there on forwards and backwards.

        Args:
            prompt: the newest prompt.
            earlier: the prompts without it.
        """
        named = self.placed.named_slices(prompt)
        found = {index: self._prompted(index) for index in named}
        # A mask that was given, and not made from prompts, may well reach farther than this model follows it.
        ours = self.painting.held is None or bool(earlier.inside_slices())
        for step, start in ((1, named[-1]), (-1, named[0])):
            begin = found[start]
            if begin is None:
                continue
            end = self._end(start, step, named)
            if begin.mask.any():
                self._follow(begin, range(start + step, end + step, step), ours)
            elif not self._is_held_up(start, step) and self._is_held_up(start, -step):
                self._clear(range(start + step, end + step, step))

    def _prompted(self, index: int) -> Found | None:
        """Segment a slice that has prompts; None if they only cut away and there is nothing to cut from."""
        voxels, labels = self.placed.in_slice(index)
        prompt = self.placed.box_in(index)
        held = self.painting.held_in(index)
        if held is None and prompt is None and not labels.any():
            return None
        drawn = None if prompt is None else named_box(prompt)
        area = box_around(voxels)
        for part in (held, drawn):
            if part is not None:
                area = area.union(part)

        def prior(window: Window) -> np.ndarray | None:
            return None if held is None else (2 * window.mask(self.painting.current) - 1) * np.float32(SURE)

        found = self.looker.look(index, area, Question(voxels, labels, drawn), prior)
        if prompt is None and not labels.any():
            found = self._given_way(found, voxels)
        self.painting.paint(found)
        return found

    def _given_way(self, found: Found, negative: np.ndarray) -> Found:
        """The same without parts that were clicked away; voxels (N, 3), IJK, of negative clicks alone."""
        if found.prior is None:
            return found
        spread = found.window.spread(found.logits.shape)
        clicks = spread.index_to_sample(negative)[:, list(plane_axes(self.axis))]
        refused = refused_parts(found.prior > 0, found.mask, clicks, self.settings.deep)
        return replace(found, logits=np.where(refused, np.float32(-SURE), found.logits))

    def _follow(self, begin: Found, slices: range, ours: bool) -> None:
        """Go on from a slice until the structure ends or is lost, or the slices do.

        Where it ends, what the mask had beyond is taken away if the mask is `ours`; where it is lost, that is
        left as it was.
        """
        before, image = begin, self.looker.image
        looks = Brightness.of(image, before)
        for index in slices:
            found = self._next(before, index)
            verdict = judge(found, begin.confidence, self.settings)
            now = Brightness.of(image, found)
            if looks is not None and now is not None and looks.has_become(now, self.settings.contrast):
                verdict = Verdict.ENDED
            if verdict is Verdict.ENDED and ours:
                self._clear(range(index, slices.stop, slices.step))
            if verdict is not Verdict.GOES_ON:
                return
            self.painting.paint(found)
            before, looks = found, now

    def _next(self, before: Found, index: int) -> Found:
        """Segment a slice that has no prompts, guided by the mask of the slice before."""
        area = before.window.covered(before.mask, self.shape_ijk)
        if area is None:
            area = before.window.box(self.shape_ijk)
        prompt, needed = self.placed.box_in(index), self.looker.model.needs_points
        drawn = self._grown(area) if needed else None
        if prompt is not None:
            drawn = named_box(prompt)
        pixels = deepest_points(before.mask, self.settings.parts if needed else 0)
        voxels = before.window.places(pixels, before.mask.shape)
        labels = np.ones(len(voxels), np.int64)

        def prior(window: Window) -> np.ndarray:
            return before.window.carried(before.logits, window, -SURE)

        return self.looker.look(index, area, Question(voxels, labels, drawn), prior)

    def _grown(self, area: IndexBox) -> IndexBox:
        margin = [0, 0, 0]
        for a in plane_axes(self.axis):
            margin[a] = 1 + math.ceil(self.settings.slack * area.shape_ijk[a])
        return area.expand(margin)

    def _end(self, start: int, step: int, named: range) -> int:
        """The last slice to go to: before half way to the next one with prompts, and within drawn boxes."""
        others = [(index - start) * step for index in self.placed.all_named_slices() if index not in named]
        ahead = [distance for distance in others if distance > 0]
        lowest, highest = self._range()
        limit = highest if step > 0 else lowest
        if ahead:
            half = start + step * ((min(ahead) - 1) // 2)
            limit = min(limit, half) if step > 0 else max(limit, half)
        return limit

    def _range(self) -> tuple[int, int]:
        """The first and the last slice that the drawn boxes allow."""
        lowest, highest = 0, self.shape_ijk[self.axis] - 1
        if not self.boxes:
            return lowest, highest
        ranges = []
        for box in self.boxes:
            lower, upper = box.lower_ijk[self.axis], box.upper_ijk[self.axis]
            margin = math.ceil((upper - lower) * self.settings.box_slack)
            ranges.append((lower - margin, upper + margin - 1))
        return max(lowest, min(low for low, _ in ranges)), min(highest, max(high for _, high in ranges))

    def _is_held_up(self, start: int, step: int) -> bool:
        """Whether a prompt on the far side says that the structure is there."""
        return any((index - start) * step > 0 for index in self.placed.inside_slices())

    def _clear(self, slices: range) -> None:
        """Empty slices up to the first one that is empty already."""
        for index in slices:
            if not self.painting.clear(index):
                return
