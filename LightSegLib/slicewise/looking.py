"""One look of a 2D model at one slice: embedding, prompts, answer, and what of the answer is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from LightSegLib.connected import keep_connected
from LightSegLib.errors import ModelError
from LightSegLib.geometry import IndexBox
from LightSegLib.intensities import PreparedImage
from LightSegLib.models.slices import SliceModel
from LightSegLib.slicewise.embeddings import EmbeddingCache
from LightSegLib.slicewise.window import Window
from LightSegLib.slicewise.windows import Windows

SURE = 8.0
"""Logit of a voxel that is known to be inside, where a mask is shown to a model."""


@dataclass(frozen=True)
class Found:
    """What a model said of one slice.

    Attributes:
        window: the square it saw.
        logits: float32 (H, W), spread evenly over the square.
        confidence: the Dice coefficient the model expects, 0 to 1.
        prior: float32 (H, W), logits of what was shown to the model as previous mask, in the same pixels;
            None if nothing was.
    """

    window: Window
    logits: np.ndarray
    confidence: float
    prior: np.ndarray | None

    @property
    def mask(self) -> np.ndarray:
        """Bool (H, W)."""
        inside: np.ndarray = self.logits > 0
        return inside


@dataclass(frozen=True)
class Question:
    """The prompts of one slice.

    Attributes:
        voxels: (N, 3), IJK; continuous indices are fine.
        labels: int64 (N,), 1 inside, 0 outside.
        box: voxels of a box around the structure, of which only the extent in the plane counts, or None.
    """

    voxels: np.ndarray
    labels: np.ndarray
    box: IndexBox | None = None


Prior = Callable[[Window], "np.ndarray | None"]
"""Gives the logits (H, W) that a model should start from, for a window; None to start afresh."""


class SliceLooker:
    """Shows slices of one image to a model.

    Args:
        model: see `models.slices.SliceModel`.
        image: the image, prepared.
        windows: the squares to choose from.
        embeddings: what was seen before.
        connected: keep only what hangs together with positive prompts or the mask that was shown.
        check_cancelled: called before each look; may raise `Cancelled`.
    """

    def __init__(
        self,
        model: SliceModel,
        image: PreparedImage,
        windows: Windows,
        embeddings: EmbeddingCache,
        connected: bool,
        check_cancelled: Callable[[], None] | None,
    ) -> None:
        self.model = model
        self.image = image
        self.windows = windows
        self.embeddings = embeddings
        self.connected = connected
        self.check_cancelled = check_cancelled
        self.network_seconds = 0.0

    def look(self, index: int, area: IndexBox, question: Question, prior: Prior) -> Found:
        """Ask the model about a slice, in a wider square if the answer goes on beyond the first one.

        Args:
            index: the slice.
            area: what the square has to show.
            question: the prompts.
            prior: the mask to start from.

        Raises:
            ModelError: the model's answer has no meaning.
        """
        shape_ijk = self.image.volume.shape_ijk
        for level in range(self.windows.level(area), len(self.windows.steps)):
            found = self._ask(self.windows.window(index, area, level), question, prior)
            if not found.window.reaches_beyond(found.mask, shape_ijk):
                break
        return found

    def _ask(self, window: Window, question: Question, prior: Prior) -> Found:
        if self.check_cancelled is not None:
            self.check_cancelled()
        shown = prior(window)
        points = window.pixels(question.voxels)
        box = None if question.box is None else window.rectangle(question.box)
        within = np.all((points > -0.5) & (points < window.size - 0.5), axis=1)
        points, labels = points[within], question.labels[within]
        embedding = self.embeddings.get(window, lambda: self._encode(window))
        began = time.perf_counter()
        logits, confidence = self.model.decode(embedding, points, labels, box, shown)
        self.network_seconds += time.perf_counter() - began
        self._check(logits, confidence)
        prior_logits = shown
        if shown is not None and shown.shape != logits.shape:
            prior_logits = window.at_resolution(shown, logits.shape)
        if self.connected:
            seeds = _seeds(logits.shape, points[labels == 1], box, prior_logits, window.size)
            logits = keep_connected(logits[None], seeds[None])[0]
        return Found(window, logits, float(confidence), prior_logits)

    def _encode(self, window: Window) -> Any:
        pixels = window.image(self.image)
        began = time.perf_counter()
        embedding = self.model.encode(pixels)
        self.network_seconds += time.perf_counter() - began
        return embedding

    def _check(self, logits: np.ndarray, confidence: float) -> None:
        if logits.ndim == 2 and logits.size and np.isfinite(logits).all() and np.isfinite(confidence):
            return
        raise ModelError(
            f"The model {self.model.card.id} gave no usable answer for a slice",
            f"its logits have the shape {logits.shape}, or are not finite; its confidence is {confidence}",
            "Report this, naming the model; device='cpu' may help",
        )


def _seeds(
    shape: tuple[int, ...],
    inside: np.ndarray,
    box: np.ndarray | None,
    prior: np.ndarray | None,
    size: int,
) -> np.ndarray:
    """Places (H, W) that kept parts must touch: positive points and the mask shown; else the box."""
    seeds = np.zeros(shape, dtype=bool) if prior is None else prior > 0
    scale = np.array(shape[::-1]) / size
    columns, rows = np.clip(np.floor((inside + 0.5) * scale), 0, np.array(shape[::-1]) - 1).astype(int).T
    seeds[rows, columns] = True
    if box is not None and not seeds.any():
        left, top = np.floor((box[:2] + 0.5) * scale).astype(int)
        right, bottom = np.ceil((box[2:] + 0.5) * scale).astype(int)
        seeds[top:bottom, left:right] = True
    return seeds
