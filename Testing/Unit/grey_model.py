"""A model without a network: it takes for the object whatever is as bright, or as dark, as what was clicked.

On images of two grey values it is right at every zoom, so what a region policy adds or spoils shows.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from fakes import EVERYTHING_BUT_TEXT
from scipy import ndimage

from LightSegLib.geometry import Volume
from LightSegLib.models.base import Prediction
from LightSegLib.models.guidance import BOX, NEGATIVE, POSITIVE, PREVIOUS

PATCH = 24


class GreyModel:
    """Segments everything alike in the region, and trusts itself more the more samples the object has.

    What fills more than half of a region is too close to judge, or background.

    Args:
        patch: samples along the edge of a region.
        sure: logit far from any border.
    """

    def __init__(self, patch=PATCH, sure=8.0, capabilities=EVERYTHING_BUT_TEXT):
        self.capabilities = capabilities
        self.card = SimpleNamespace(id="grey", title="Grey", regions={})
        self.patch_kji = (patch,) * 3
        self.device = "cpu"
        self.sure = sure
        self.seen = []

    def predict(self, image, guidance):
        self.seen.append((image, guidance))
        logits = self.sure * image[0] * self._wanted(image[0], guidance)
        logits[guidance[NEGATIVE] > 0.5] = -self.sure
        parts, _ = ndimage.label(logits > 0)
        marked = parts[guidance[[POSITIVE, PREVIOUS, BOX]].max(axis=0) > 0.5]
        size = np.isin(parts, marked[marked > 0]).sum()
        confidence = 0.1 if size > parts.size / 2 else 1 - 1 / (1 + np.cbrt(size))
        return Prediction(logits.astype(np.float32), float(confidence))

    def _wanted(self, image, guidance):
        """1 if the object is bright, -1 if it is dark."""
        if guidance[POSITIVE].max() > 0.3:
            return 1 if image[np.unravel_index(guidance[POSITIVE].argmax(), image.shape)] > 0 else -1
        for channel in (PREVIOUS, BOX):
            if guidance[channel].max() > 0.5:
                return 1 if np.percentile(image[guidance[channel] > 0.5], 90) > 0 else -1
        return 1


class SilentModel(GreyModel):
    """Finds nothing at all."""

    def predict(self, image, guidance):
        self.seen.append((image, guidance))
        return Prediction(np.full(image[0].shape, -self.sure, np.float32), 0.0)


def ball(shape_kji, centre_ijk, radius_mm, spacing=(1.0, 1.0, 1.0)):
    """Bool (K, J, I), a ball around a voxel."""
    k, j, i = np.ogrid[tuple(slice(0, n) for n in shape_kji)]
    offsets = [(x - c) * s for x, c, s in zip((i, j, k), centre_ijk, spacing, strict=True)]
    return sum(offset**2 for offset in offsets) <= radius_mm**2


def picture(mask_kji, spacing=(1.0, 1.0, 1.0)):
    """An image in which the mask is bright and the rest is dark."""
    return Volume(np.where(mask_kji, 200, 40).astype(np.int16), np.diag([*spacing, 1.0]))


def dice(one, other):
    """Agreement of two masks, 0 to 1."""
    return 2 * (one & other).sum() / (one.sum() + other.sum())
