"""A 2D model without a network, and volumes to follow through slices.

The model takes for the object whatever hangs together with what it was shown and is about as bright.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from fakes import EVERYTHING_BUT_TEXT
from scipy import ndimage

from LightSegLib.geometry import Volume
from LightSegLib.models.base import Capabilities
from LightSegLib.session import InteractiveSession
from LightSegLib.slicewise.segmenter import SliceSegmenter

FLAT = Capabilities(**{**EVERYTHING_BUT_TEXT.to_dict(), "dimensions": 2})
TOLERANCE = 1.0


class GreySliceModel:
    """Segments by grey value; a negative point takes away the part it lies in.

    Args:
        size: pixels along the edge of the square.
        shrink: how much coarser the logits are.
        confidence: what it expects, or a function of the slice's pixels.
    """

    def __init__(self, size=48, shrink=1, confidence=0.9):
        self.capabilities = FLAT
        self.card = SimpleNamespace(id="grey slices", title="Grey slices")
        self.device = "cpu"
        self.needs_points = True
        self.size = size
        self.shrink = shrink
        self.confidence = confidence
        self.encoded = []
        self.decoded = []

    def encode(self, image):
        assert image.shape == (1, self.size, self.size)
        assert image.dtype == np.float32
        self.encoded.append(image)
        return [image.copy()]

    def decode(self, embedding, points, labels, box, previous):
        self.decoded.append((points, labels, box, previous))
        coarse, n = self.size // self.shrink, self.shrink
        image = embedding[0][0].reshape(coarse, n, coarse, n).mean(axis=(1, 3))
        places = np.clip(np.floor((points + 0.5) / n).astype(int), 0, coarse - 1)[:, ::-1]
        shown = np.zeros(image.shape, bool)
        if previous is not None:
            shown = previous[:: len(previous) // len(image), :: len(previous) // len(image)] > 0
        inside, outside = places[labels == 1], places[labels == 0]
        alike = np.abs(image - self._wanted(image, inside, shown, box)) < TOLERANCE
        if box is not None:
            alike &= self._framed(image, box)
        parts, _ = ndimage.label(alike)
        marks = parts[shown] if not len(inside) else parts[tuple(inside.T)]
        marks = np.concatenate([marks, parts[shown]])
        kept = np.isin(parts, marks[marks > 0]) if len(marks) else alike
        kept &= ~np.isin(parts, [part for part in parts[tuple(outside.T)] if part])
        confidence = self.confidence(image) if callable(self.confidence) else self.confidence
        return np.where(kept, 8.0, -8.0).astype(np.float32), confidence

    def _wanted(self, image, inside, shown, box):
        if len(inside):
            return image[tuple(inside[0])]
        if shown.any():
            return np.median(image[shown])
        if box is None:
            return np.nan  # nothing was pointed at, so nothing is alike
        return np.percentile(image[self._framed(image, box)], 90)

    def _framed(self, image, box):
        y, x = (np.indices(image.shape) + 0.5) * self.shrink - 0.5
        # Pixels that the box only touches count, as it may be smaller than one.
        half = self.shrink / 2
        across = (x > box[0] - half) & (x < box[2] + half)
        return across & (y > box[1] - half) & (y < box[3] + half)


def volume_of(mask, spacing=(1.0, 1.0, 1.0), noise=0):
    """An image in which the mask (K, J, I) is bright."""
    array = np.where(mask, 100, 0).astype(np.int16)
    if noise:
        array += np.random.default_rng(0).integers(-noise, noise + 1, mask.shape, dtype=np.int16)
    return Volume(array, np.diag([*spacing, 1.0]))


def session_on(mask, model=None, spacing=(1.0, 1.0, 1.0), plane=None, **options):
    """A session on such an image, its segmenter and its model."""
    model = model or GreySliceModel()
    segmenter = SliceSegmenter(model, **options)
    segmenter.plane = plane
    session = InteractiveSession(model, segmenter)
    session.set_image(volume_of(mask, spacing))
    return session, segmenter, model


def disc(shape, centre, radius):
    y, x = np.indices(shape)
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def tube(shape=(24, 40, 40), first=4, last=19, radius=6):
    """Slices `first` to `last` of a cylinder that leans a little."""
    mask = np.zeros(shape, bool)
    for k in range(first, last + 1):
        mask[k] = disc(shape[1:], (18, 14 + k // 2), radius)
    return mask


def ball(shape=(40, 40, 40), centre=(20, 19, 21), radius=10, spacing=(1.0, 1.0, 1.0)):
    """(K, J, I), with a radius in mm."""
    k, j, i = np.indices(shape)
    square = sum(
        ((index - middle) * step) ** 2
        for index, middle, step in zip((k, j, i), centre, spacing[::-1], strict=True)
    )
    return square <= radius**2


def branching(shape=(24, 40, 40)):
    """A trunk in slices 2 to 11, and two branches that part from it in slices 12 to 21."""
    mask = np.zeros(shape, bool)
    for k in range(2, 22):
        apart = max(0, k - 11)
        for side in (-1, 1):
            mask[k] |= disc(shape[1:], (20, 20 + side * apart), 5 if apart == 0 else 3)
    return mask


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())
