"""A model and a segmenter without any network, so that sessions can be tested alone and at once."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.models.base import Capabilities
from LightSegLib.prompts import Box, Point, Scribble

EVERYTHING_BUT_TEXT = Capabilities(points=True, boxes=True, scribbles=True, mask=True, text=False)
EVERYTHING = Capabilities(points=True, boxes=True, scribbles=True, mask=True, text=True)


class FakeModel:
    """Has a card and capabilities; nothing else is ever asked of it here."""

    def __init__(self, capabilities=EVERYTHING_BUT_TEXT):
        self.capabilities = capabilities
        self.card = SimpleNamespace(id="fake", title="Fake", regions={})
        self.patch_kji = (8, 8, 8)
        self.device = "cpu"


@dataclass(frozen=True)
class FakeAnswer:
    """Same fields as `regions.Answer`."""

    box: IndexBox
    mask: np.ndarray
    probability: np.ndarray
    confidence: float
    network_seconds: float
    drawn: np.ndarray | None = None


class FakeSegmenter:
    """Paints a cube around every click, fills boxes, thickens scribbles; forgets earlier clicks.

    Args:
        radius: voxels from the click to the faces of its cube.
        margin: voxels that the answered box is larger on each side.
        fail_with: an exception to raise instead of the answer, after half of the work.
    """

    def __init__(self, radius=2, margin=1, fail_with=None):
        self.radius = radius
        self.margin = margin
        self.fail_with = fail_with
        self.calls = []

    def segment(self, image, prompts, current, changed_by, *, check_cancelled=None):
        self.calls.append((image, prompts, changed_by))
        if check_cancelled is not None:
            check_cancelled()
        shape = image.volume.shape_ijk
        painted, inside = self._painted(changed_by)
        painted = painted.clip(shape)
        box = painted.expand(self.margin).clip(shape)
        content = current[box.slices].copy()
        lower = np.subtract(painted.lower, box.lower)
        upper = np.subtract(painted.upper, box.lower)
        content[tuple(slice(a, b) for a, b in zip(lower[::-1], upper[::-1], strict=True))] = inside
        if self.fail_with is not None:
            raise self.fail_with
        probability = np.where(content, 0.7, 0.1).astype(np.float32)
        return FakeAnswer(box, content, probability, 0.75, 0.001)

    def _painted(self, prompt):
        if isinstance(prompt, Point):
            return voxel_box(prompt.ijk).expand(self.radius), prompt.positive
        if isinstance(prompt, Box):
            return IndexBox(prompt.lower_ijk, prompt.upper_ijk), True
        if isinstance(prompt, Scribble):
            voxels = prompt.voxels()
            whole = IndexBox(tuple(voxels.min(0).tolist()), tuple((voxels.max(0) + 1).tolist()))
            return whole.expand(1), prompt.positive
        return IndexBox((0, 0, 0), (4, 4, 4)), True


class ForgetfulSegmenter:
    """Always answers with the same box and content, whatever was clicked."""

    def __init__(self, box, inside, confidence=0.5):
        self.box = box
        self.inside = inside
        self.confidence = confidence

    def segment(self, image, prompts, current, changed_by, *, check_cancelled=None):
        mask = np.full(self.box.shape_ijk[::-1], self.inside, dtype=bool)
        mask.flags.writeable = False
        return FakeAnswer(self.box, mask, mask.astype(np.float32), self.confidence, 0.0)


def voxel_box(ijk):
    return IndexBox(tuple(ijk), tuple(x + 1 for x in ijk))


def make_volume(shape_kji=(12, 14, 16), spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    """A small image with contrast, on straight axes."""
    array = (np.arange(np.prod(shape_kji)) % 251).astype(np.int16).reshape(shape_kji)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return Volume(array, affine)
