"""One look of a model at one region: crop, guidance, answer, and what of the answer is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from LightSegLib.connected import keep_connected, keep_likeliest, unmarked_parts
from LightSegLib.geometry import IndexBox, SamplingGrid, sample_grid
from LightSegLib.intensities import PreparedImage
from LightSegLib.models import guidance as channels
from LightSegLib.models.base import InteractiveModel, Prediction
from LightSegLib.orientation import Turn
from LightSegLib.prompts import Box, PromptSet
from LightSegLib.standing import Region
from LightSegLib.zoom import reaches_beyond


@dataclass(frozen=True)
class Inertia:
    """Resistance of a mask to changes far from the newest prompt.

    Attributes:
        named: the voxels of the newest prompt.
        grow: what the logit of a far voxel outside the mask must exceed to come in; close to the prompt
            nothing is needed.
        shrink: the same for a far voxel inside the mask to go out.
        reach: how far is close, as a share of the cube's edge; the resistance is full at twice that distance.
    """

    named: IndexBox
    grow: float
    shrink: float
    reach: float

    def towards(self, previous: np.ndarray, grid: SamplingGrid) -> np.ndarray:
        """Logits (K, J, I) of the grid to add in favour of a mask `previous` (K, J, I), 0 to 1."""
        lower, upper = grid.index_to_sample(np.array([self.named.lower, self.named.upper]) - [[0], [1]])
        square = np.zeros((), dtype=np.float32)
        for axis, (low, high) in enumerate(zip(lower, upper, strict=True)):
            samples = np.arange(grid.shape_ijk[axis], dtype=np.float32)
            offset = np.maximum(np.maximum(low - samples, samples - high), 0)
            shape = [1, 1, 1]
            shape[2 - axis] = -1
            square = square + offset.reshape(shape) ** 2
        reach = self.reach * max(grid.shape_ijk)
        share = np.clip(np.sqrt(square) / reach - 1, 0, 1)
        towards: np.ndarray = (share * (previous * self.shrink - (1 - previous) * self.grow)).astype(
            np.float32
        )
        return towards


@dataclass(frozen=True)
class Look:
    """What a model said of one region.

    Attributes:
        grid: the region.
        zoom: its step in mm, before thick slices were taken into account.
        logits: float32 (K, J, I) of the grid.
        confidence: the Dice coefficient the model expects.
        beyond: the mask goes on beyond the region.
    """

    grid: SamplingGrid
    zoom: float
    logits: np.ndarray
    confidence: float
    beyond: bool

    @property
    def doubt(self) -> float:
        """Volume that may go either way, as a share of the expected volume, 0 to 1."""
        probability = 0.5 * (1 + np.tanh(0.5 * self.logits))
        unsure = float(np.minimum(probability, 1 - probability).sum())
        return unsure / max(float(probability.sum()), 1.0)


class Looker:
    """Shows regions of one image to a model.

    Args:
        model: see `models.base.InteractiveModel`.
        image: the image, prepared.
        prompts: all prompts of the segment.
        current: bool (K, J, I) of the image, the segment's mask so far.
        connected: keep only what hangs together with a prompt.
        mirrored: show each region to the model twice, the second time mirrored through its centre, and
            average the logits: twice the time, for a steadier answer. With a text, which may name a side,
            each region is shown once, upright.
        check_cancelled: called before each look; may raise `Cancelled`.
        text: float32 (width,), vector of the structure's name, or None.
    """

    def __init__(
        self,
        model: InteractiveModel,
        image: PreparedImage,
        prompts: PromptSet,
        current: np.ndarray,
        connected: bool,
        mirrored: bool,
        check_cancelled: Callable[[], None] | None,
        text: np.ndarray | None = None,
    ) -> None:
        self.model = model
        self.image = image
        self.current = current
        self.connected = connected
        self.mirrored = mirrored and text is None
        self.text = text
        self.turn = None if text is None else Turn.upright(image.volume.ijk_to_ras)
        self.check_cancelled = check_cancelled
        self.boxes = prompts.boxes
        self.positive = prompts.positive_voxels()
        self.negative = prompts.negative_voxels()
        self.network_seconds = 0.0
        self.looked: list[Region] = []

    def look(
        self,
        grid: SamplingGrid,
        zoom: float,
        previous: np.ndarray | None,
        inertia: Inertia | None = None,
        *,
        glance: bool = False,
    ) -> Look:
        """Ask the model about one region.

        Args:
            grid: the region, of the model's patch size.
            zoom: its step in mm.
            previous: float32 (K, J, I) of the grid, the mask to start from; None at the first look.
            inertia: how firmly that mask stands.
            glance: look only once, even if the model usually sees a region twice.
        """
        if self.check_cancelled is not None:
            self.check_cancelled()
        volume = self.image.volume
        crops = self.image.sample(grid)
        guidance = self._guidance(grid, previous)
        began = time.perf_counter()
        prediction = self._predict(crops, guidance, twice=self.mirrored and not glance)
        self.network_seconds += time.perf_counter() - began
        self.looked.append(Region(grid, zoom))
        logits = prediction.logits
        if inertia is not None and previous is not None:
            logits = logits + inertia.towards(previous, grid)
        if self.connected:
            seeds = self._seeds(grid, previous)
            if self.text is not None and not seeds.any():
                logits = keep_likeliest(logits)
            logits = keep_connected(logits, seeds)
        beyond = reaches_beyond(logits > 0, grid, volume.shape_ijk)
        return Look(grid, zoom, logits, prediction.confidence, beyond)

    def _predict(self, image: np.ndarray, guidance: np.ndarray, twice: bool) -> Prediction:
        if self.turn is not None:
            told = self.model.predict(self.turn.apply(image), self.turn.apply(guidance), self.text)
            return Prediction(self.turn.undo(told.logits), told.confidence)
        straight = self.model.predict(image, guidance)
        if not twice:
            return straight
        mirror = (slice(None), *[slice(None, None, -1)] * 3)
        turned = self.model.predict(
            np.ascontiguousarray(image[mirror]), np.ascontiguousarray(guidance[mirror])
        )
        logits = (straight.logits + turned.logits[mirror[1:]]) / 2
        return Prediction(logits, (straight.confidence + turned.confidence) / 2)

    def previous(self, grid: SamplingGrid) -> np.ndarray:
        """The segment's mask so far on a grid, float32 (K, J, I), 0 to 1."""
        return sample_grid(self.current, grid)

    def carried(self, look: Look, grid: SamplingGrid) -> np.ndarray:
        """The mask of an earlier look on another grid; beyond that look, the segment's mask so far."""
        start = look.grid.index_to_sample(grid.start_ijk)
        step = np.array(grid.step_ijk) / look.grid.step_ijk
        relative = SamplingGrid(tuple(start.tolist()), tuple(step.tolist()), grid.shape_ijk)
        carried = sample_grid((look.logits > 0).astype(np.float32), relative)
        places = [start[a] + step[a] * np.arange(n) for a, n in enumerate(grid.shape_ijk)]
        i, j, k = (
            (place > -0.5) & (place < n - 0.5) for place, n in zip(places, look.grid.shape_ijk, strict=True)
        )
        within = k[:, None, None] & j[None, :, None] & i[None, None, :]
        return carried if within.all() else np.where(within, carried, self.previous(grid))

    def _guidance(self, grid: SamplingGrid, previous: np.ndarray | None) -> np.ndarray:
        drawn = channels.empty_guidance(grid.shape_ijk[::-1])
        if previous is not None:
            drawn[channels.PREVIOUS] = previous
        for channel, voxels in ((channels.POSITIVE, self.positive), (channels.NEGATIVE, self.negative)):
            channels.draw_balls(drawn[channel], grid.index_to_sample(voxels)[:, ::-1])
        for box in self.boxes:
            self._draw(box, grid, drawn[channels.BOX])
        return drawn

    def _seeds(self, grid: SamplingGrid, previous: np.ndarray | None) -> np.ndarray:
        """Samples (K, J, I) that kept parts must touch.

        These are the positive prompts, boxes that hold none of them, and those parts of the mask so far that
        hang together with no prompt: they were given, or hang together outside the region.
        """
        seeds = np.zeros(grid.shape_ijk[::-1], dtype=bool)
        places = np.round(grid.index_to_sample(self.positive)).astype(int)
        inside = np.all((places >= 0) & (places < grid.shape_ijk), axis=1)
        seeds[tuple(places[inside][:, ::-1].T)] = True
        given = None if previous is None else unmarked_parts(previous > 0.5, seeds)
        for box in self.boxes:
            if not framed(self.positive, [box]).any():
                self._draw(box, grid, seeds)
        return seeds if given is None else seeds | given

    @staticmethod
    def _draw(box: Box, grid: SamplingGrid, channel: np.ndarray) -> None:
        lower, upper = grid.index_to_sample(np.array([box.lower_ijk, box.upper_ijk]) - [[0], [1]])
        channels.draw_box(channel, lower[::-1], upper[::-1])


def framed(voxels: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Whether each of the voxels (N, 3), IJK, lies in any of the boxes; bool (N,)."""
    inside = np.zeros(len(voxels), dtype=bool)
    for box in boxes:
        inside |= np.all((voxels >= box.lower_ijk) & (voxels < box.upper_ijk), axis=1)
    return inside
