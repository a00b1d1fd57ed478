"""Where to look: from prompts and a mask to the regions a model sees, and from its answers back to voxels.

A first click does not tell the size of what it means. So the first look is at several zooms, from native
resolution to the whole image, and the model's own confidence chooses; then the region is fitted to the
object found and looked at once more. A later click is answered in the region that holds the mask and the
click, and once more, closer, around the click where the first look was coarser than the image.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from LightSegLib.connected import keep_connected
from LightSegLib.geometry import IndexBox, SamplingGrid, sample_back, sample_grid
from LightSegLib.intensities import PreparedImage
from LightSegLib.models import guidance as channels
from LightSegLib.models.base import InteractiveModel, Prediction
from LightSegLib.prompts import Box, Point, Prompt, PromptSet, Scribble
from LightSegLib.zoom import Zoomer, ZoomSettings, covered, reaches_beyond

CheckCancelled = Callable[[], None]


@dataclass(frozen=True)
class Answer:
    """What a segmenter proposes for one box.

    Attributes:
        box: the voxels it speaks of.
        mask: bool (K, J, I) of the box.
        probability: float32 (K, J, I) of the box, 0 to 1.
        confidence: the Dice coefficient the model expects, 0 to 1.
        network_seconds: time spent in the network.
    """

    box: IndexBox
    mask: np.ndarray
    probability: np.ndarray
    confidence: float
    network_seconds: float


@dataclass(frozen=True)
class RegionSettings:
    """How a segmenter works.

    Attributes:
        zoom: how regions are chosen.
        connected: keep only what hangs together with a positive prompt.
        box_slack: how far beyond a drawn box the mask may reach, as a share of the box.
        closer: a late click is looked at again, closer, where the first look was this many times coarser
            than the image.
    """

    zoom: ZoomSettings = field(default_factory=ZoomSettings)
    connected: bool = True
    box_slack: float = 0.1
    closer: float = 1.6


@dataclass
class _Look:
    """One region, and what the model said of it."""

    grid: SamplingGrid
    zoom: float
    logits: np.ndarray
    confidence: float
    beyond: bool


class RegionSegmenter:
    """Answers a prompt with a model that sees one cube at a time.

    Args:
        model: see `models.base.InteractiveModel`.
        settings: see `RegionSettings`.
    """

    def __init__(self, model: InteractiveModel, settings: RegionSettings | None = None) -> None:
        self.model = model
        self.settings = settings or RegionSettings()

    def segment(
        self,
        image: PreparedImage,
        prompts: PromptSet,
        current: np.ndarray,
        changed_by: Prompt,
        *,
        check_cancelled: CheckCancelled | None = None,
    ) -> Answer:
        """Answer the newest prompt.

        Args:
            image: the image, prepared.
            prompts: all prompts of the segment, the newest included.
            current: bool (K, J, I), the segment's mask so far.
            changed_by: the newest prompt.
            check_cancelled: called between looks; may raise `Cancelled`.
        """
        return _Task(self, image, prompts, current, changed_by, check_cancelled).run()


class _Task:
    """The work of one prompt."""

    def __init__(
        self,
        segmenter: RegionSegmenter,
        image: PreparedImage,
        prompts: PromptSet,
        current: np.ndarray,
        changed_by: Prompt,
        check_cancelled: CheckCancelled | None,
    ) -> None:
        self.model = segmenter.model
        self.settings = segmenter.settings
        self.image = image
        self.prompts = prompts
        self.current = current
        self.changed_by = changed_by
        self.check_cancelled = check_cancelled
        self.zoomer = Zoomer(image.volume, self.model.patch_kji, self.settings.zoom)
        self.shape_ijk = image.volume.shape_ijk
        self.network_seconds = 0.0
        self.positive = prompts.positive_voxels()
        self.negative = prompts.negative_voxels()

    def run(self) -> Answer:
        held = IndexBox.of_mask(self.current)
        named = self._named()
        if held is None and not self.prompts.boxes and len(self.positive) == 0:
            return self._nothing(named)
        if held is None and not self.prompts.boxes:
            looks = [self._first_look(named)]
        else:
            looks = self._later_looks(held, named)
        return self._answer(looks, held)

    def _named(self) -> IndexBox:
        """The voxels that the newest prompt names."""
        prompt = self.changed_by
        if isinstance(prompt, Point):
            return IndexBox(prompt.ijk, tuple(v + 1 for v in prompt.ijk))  # type: ignore[arg-type]
        if isinstance(prompt, Scribble):
            points = np.array(prompt.points_ijk)
            return IndexBox(tuple(points.min(0).tolist()), tuple((points.max(0) + 1).tolist()))
        if isinstance(prompt, Box):
            return IndexBox(prompt.lower_ijk, prompt.upper_ijk)
        return self.image.volume.box

    def _first_look(self, named: IndexBox) -> _Look:
        """Try several zooms around the prompt, choose, and fit the region to what was found."""
        centre = _middle(named)
        smallest = self.zoomer.fitting(named)
        zooms = [zoom for zoom in self.zoomer.ladder() if zoom >= smallest] or [smallest]
        looks = [self._look(self.zoomer.grid(centre, zoom), zoom, None) for zoom in zooms]
        best = max(looks, key=lambda look: look.confidence - (0.35 if look.beyond else 0.0))
        return self._fitted(best, named)

    def _fitted(self, look: _Look, named: IndexBox) -> _Look:
        """Look again where the zoom does not suit the object that was found."""
        for _ in range(2):
            found = covered(look.logits > 0, look.grid, self.shape_ijk)
            if found is None:
                return look
            box = found.union(named)
            zoom = self.zoomer.fitting(box)
            if look.beyond:
                zoom = max(zoom, min(look.zoom * 1.5, self.zoomer.widest))
            ratio = max(zoom / look.zoom, look.zoom / zoom)
            if ratio < self.settings.zoom.refit:
                return look
            grid = self.zoomer.grid(_middle(box), zoom)
            look = self._look(grid, zoom, self._carried(look, grid))
        return look

    def _later_looks(self, held: IndexBox | None, named: IndexBox) -> list[_Look]:
        """The region of mask and prompts, and a closer one around the prompt where that adds detail."""
        whole = named if held is None else held.union(named)
        for box in self.prompts.boxes:
            whole = whole.union(IndexBox(box.lower_ijk, box.upper_ijk))
        zoom = self.zoomer.fitting(whole)
        grid = self.zoomer.grid(_middle(whole), zoom)
        look = self._look(grid, zoom, self._previous(grid))
        if look.beyond and zoom < self.zoomer.widest:
            look = self._fitted(look, named)
        native = float(self.zoomer.spacing.min())
        if look.zoom < native * self.settings.closer or isinstance(self.changed_by, Box):
            return [look]
        near_zoom = max(native, look.zoom / 2.5)
        near = self.zoomer.grid(_middle(named), near_zoom)
        return [look, self._look(near, near_zoom, self._carried(look, near))]

    def _previous(self, grid: SamplingGrid) -> np.ndarray:
        return sample_grid(self.current, grid)

    def _carried(self, look: _Look, grid: SamplingGrid) -> np.ndarray:
        """The mask of an earlier look, on another grid; beyond it, the segment's mask so far."""
        samples = [grid.start_ijk[a] + grid.step_ijk[a] * np.arange(grid.shape_ijk[a]) for a in range(3)]
        places = [(samples[a] - look.grid.start_ijk[a]) / look.grid.step_ijk[a] for a in range(3)]
        inside = [(p > -0.5) & (p < n - 0.5) for p, n in zip(places, look.grid.shape_ijk, strict=True)]
        relative = SamplingGrid(
            tuple(float(p[0]) for p in places),  # type: ignore[arg-type]
            tuple(grid.step_ijk[a] / look.grid.step_ijk[a] for a in range(3)),  # type: ignore[arg-type]
            grid.shape_ijk,
        )
        carried = sample_grid((look.logits > 0).astype(np.float32), relative)
        within = inside[2][:, None, None] & inside[1][None, :, None] & inside[0][None, None, :]
        return carried if within.all() else np.where(within, carried, self._previous(grid))

    def _look(self, grid: SamplingGrid, zoom: float, previous: np.ndarray | None) -> _Look:
        if self.check_cancelled is not None:
            self.check_cancelled()
        volume = self.image.volume
        crops = [
            self.image.normalise(sample_grid(volume.channel(c), grid), c) for c in range(volume.channels)
        ]
        guidance = self._guidance(grid, previous)
        began = time.perf_counter()
        prediction: Prediction = self.model.predict(np.stack(crops), guidance)
        self.network_seconds += time.perf_counter() - began
        logits = prediction.logits
        if self.settings.connected:
            logits = keep_connected(logits, self._seeds(grid, previous))
        beyond = reaches_beyond(logits > 0, grid, self.shape_ijk)
        return _Look(grid, zoom, logits, prediction.confidence, beyond)

    def _guidance(self, grid: SamplingGrid, previous: np.ndarray | None) -> np.ndarray:
        drawn = channels.empty_guidance(grid.shape_ijk[::-1])
        if previous is not None:
            drawn[channels.PREVIOUS] = previous
        for channel, voxels in ((channels.POSITIVE, self.positive), (channels.NEGATIVE, self.negative)):
            channels.draw_balls(drawn[channel], grid.index_to_sample(voxels)[:, ::-1])
        for box in self.prompts.boxes:
            lower, upper = grid.index_to_sample(np.array([box.lower_ijk, box.upper_ijk]) - [[0], [1]])
            channels.draw_box(drawn[channels.BOX], lower[::-1], upper[::-1])
        return drawn

    def _seeds(self, grid: SamplingGrid, previous: np.ndarray | None) -> np.ndarray:
        """Samples (K, J, I) bool from which kept parts must hang:
        positive prompts, else boxes, else the mask so far.
        """
        seeds = np.zeros(grid.shape_ijk[::-1], dtype=bool)
        places = np.round(grid.index_to_sample(self.positive)).astype(int)
        inside = np.all((places >= 0) & (places < grid.shape_ijk), axis=1)
        seeds[tuple(places[inside][:, ::-1].T)] = True
        if previous is not None and not seeds.any():
            seeds |= previous > 0.5
        return seeds

    def _answer(self, looks: list[_Look], held: IndexBox | None) -> Answer:
        """Paste the looks, the closest last, into one box around everything that may change."""
        box = IndexBox((0, 0, 0), (0, 0, 0))
        for look in looks:
            region = look.grid.box(self.shape_ijk)
            found = covered(look.logits > 0, look.grid, self.shape_ijk)
            for part in (found, held):
                if part is not None:
                    box = box.union(part.intersect(region))
        mask = self.current[box.slices].copy()
        probability = mask.astype(np.float32)
        for look in looks:
            part = look.grid.box(self.shape_ijk).intersect(box)
            if part.is_empty:
                continue
            logits = sample_back(look.logits, look.grid, part)
            place = tuple(
                slice(a.start - b.start, a.stop - b.start)
                for a, b in zip(part.slices, box.slices, strict=True)
            )
            mask[place] = logits > 0
            probability[place] = _sigmoid(logits)
        self._cut_to_boxes(box, mask)
        self._hold_clicks(box, mask)
        return Answer(box, mask, probability, looks[0].confidence, self.network_seconds)

    def _cut_to_boxes(self, box: IndexBox, mask: np.ndarray) -> None:
        """Nothing new beyond a drawn box, unless a positive click asked for it."""
        if not self.prompts.boxes or len(self.positive):
            return
        allowed = self.current[box.slices].copy()
        for drawn in self.prompts.boxes:
            frame = IndexBox(drawn.lower_ijk, drawn.upper_ijk)
            slack = tuple(int(np.ceil(n * self.settings.box_slack)) for n in frame.shape_ijk)
            frame = frame.expand(slack).intersect(box)
            if not frame.is_empty:
                allowed[
                    tuple(
                        slice(a.start - b.start, a.stop - b.start)
                        for a, b in zip(frame.slices, box.slices, strict=True)
                    )
                ] = True
        mask &= allowed

    def _hold_clicks(self, box: IndexBox, mask: np.ndarray) -> None:
        for voxels, value in ((self.positive, True), (self.negative, False)):
            inside = np.all((voxels >= box.lower) & (voxels < box.upper), axis=1)
            i, j, k = (voxels[inside] - box.lower).T
            mask[k, j, i] = value

    def _nothing(self, named: IndexBox) -> Answer:
        """Only negative prompts and no mask: there is nothing to cut from."""
        mask = self.current[named.slices].copy()
        return Answer(named, mask, mask.astype(np.float32), 0.0, 0.0)


def _middle(box: IndexBox) -> list[float]:
    return [(low + high - 1) / 2 for low, high in zip(box.lower, box.upper, strict=True)]


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.float32(0.5) * (np.float32(1) + np.tanh(np.float32(0.5) * logits))
