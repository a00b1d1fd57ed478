"""Whether a structure goes on in the next slice, has ended, or was lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from LightSegLib.intensities import PreparedImage
from LightSegLib.slicewise.looking import Found

AROUND = 3
"""Voxels in the plane that count as around a structure."""


@dataclass(frozen=True)
class SliceSettings:
    """How a segmenter goes from slice to slice.

    Attributes:
        connected: keep only what hangs together with a positive prompt, or with the neighbouring slice.
        smallest: the structure has ended where it has less than this share of its area in the slice before.
        overlap: the structure was lost where intersection over union with the slice before falls below.
        confidence: and where the model's confidence falls below this share of that in the slice with the
            prompt.
        contrast: the structure has ended where it has become more like its surroundings in the slice before
            than like itself there; not asked where these differ less than this. Grey values go from -1 to 1.
        slack: how far beyond the mask of the slice before the structure is looked for, as a share of its
            size.
        parts: separate parts of a mask that are pointed at in the next slice.
        box_slack: how far beyond a drawn box the mask may reach, as a share of the box.
        deep: in a slice with negative clicks only, a part that the model keeps although it was clicked at
            least this deep, as a share of its innermost pixel's depth, is taken away.
    """

    connected: bool = True
    smallest: float = 0.1
    overlap: float = 0.15
    confidence: float = 0.7
    contrast: float = 0.2
    slack: float = 0.15
    parts: int = 3
    box_slack: float = 0.1
    deep: float = 0.5


class Verdict(Enum):
    """What a slice says of the structure that its neighbour holds."""

    GOES_ON = "goes on"
    ENDED = "ended"
    LOST = "lost"


@dataclass(frozen=True)
class Brightness:
    """Mean grey values of a structure in a slice: float64 (C,), -1 to 1.

    Attributes:
        inside: of the structure.
        around: of what lies within a few voxels of it.
    """

    inside: np.ndarray
    around: np.ndarray

    @classmethod
    def of(cls, image: PreparedImage, found: Found) -> Brightness | None:
        """Measure it on the voxels; None where the structure, or what is around it, has none."""
        volume, window = image.volume, found.window
        covered = window.covered(found.mask, volume.shape_ijk)
        if covered is None:
            return None
        area = covered.expand(AROUND).intersect(window.box(volume.shape_ijk))
        inside = window.back(found.logits, area) > 0
        if inside.all() or not inside.any():
            return None
        channels = range(volume.channels)
        values = np.stack([image.normalise(volume.channel(c)[area.slices], c) for c in channels])
        return cls(*(values[:, part].mean(axis=1, dtype=np.float64) for part in (inside, ~inside)))

    def has_become(self, now: Brightness, contrast: float) -> bool:
        """Whether the structure now looks more like what was around it than like itself.

        Args:
            now: its brightness in the next slice.
            contrast: see `SliceSettings`.
        """
        if np.linalg.norm(self.inside - self.around) < contrast:
            return False
        return bool(np.linalg.norm(now.inside - self.inside) > np.linalg.norm(now.inside - self.around))


def judge(found: Found, confidence: float, settings: SliceSettings) -> Verdict:
    """Whether the shape that was found continues the slice before, whose mask was shown to the model.

    Args:
        found: the answer.
        confidence: the model's confidence in the slice with the prompt.
        settings: see `SliceSettings`.
    """
    mask, before = found.mask, np.zeros_like(found.mask) if found.prior is None else found.prior > 0
    area, area_before = int(mask.sum()), int(before.sum())
    if area == 0 or area < settings.smallest * area_before:
        return Verdict.ENDED
    both = int((mask & before).sum())
    if both < settings.overlap * (area + area_before - both):
        return Verdict.LOST
    return Verdict.LOST if found.confidence < settings.confidence * confidence else Verdict.GOES_ON
