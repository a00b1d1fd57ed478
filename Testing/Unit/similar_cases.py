"""A model without a network that shows features, and images with several objects of two kinds."""

from __future__ import annotations

import numpy as np
from grey_model import GreyModel, ball

from LightSegLib.geometry import Volume
from LightSegLib.regions import RegionSegmenter, RegionSettings
from LightSegLib.session import InteractiveSession

STRIDE = 2
SHAPE = (30, 32, 72)
BRIGHT = ((10, 10, 12), (34, 12, 15), (58, 20, 16), (22, 24, 12))
FAINT = ((46, 24, 10),)
RADIUS = 5


class FeatureModel(GreyModel):
    """Its features are the mean grey value of each cell, how far that is from the middle, and a constant.

    Sees an object as what is as bright as the click, to a tenth of the range, so that the two kinds differ.
    """

    feature_stride = STRIDE
    load_seconds = 0.0

    def features(self, image):
        k, j, i = (length // STRIDE for length in image.shape[1:])
        cells = image[0].reshape(k, STRIDE, j, STRIDE, i, STRIDE).mean(axis=(1, 3, 5))
        return np.stack([cells, np.abs(cells), np.ones_like(cells)]).astype(np.float32)


def objects():
    """Label map (K, J, I): 1 to 4 are bright balls, 5 is a faint one."""
    labels = np.zeros(SHAPE, np.uint8)
    for number, centre in enumerate((*BRIGHT, *FAINT), start=1):
        labels[ball(SHAPE, centre, RADIUS)] = number
    return labels


def picture_of(labels):
    """Bright balls of 200, a faint one of 90, on 20."""
    array = np.where(labels == 0, 20, np.where(labels <= len(BRIGHT), 200, 90))
    return Volume(array.astype(np.int16), np.eye(4))


def session_on(labels, model=None):
    """A session in which nothing is segmented yet."""
    model = FeatureModel() if model is None else model
    session = InteractiveSession(model, RegionSegmenter(model, RegionSettings(snapping=False)))
    session.set_image(picture_of(labels))
    return session
