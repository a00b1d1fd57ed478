"""Sessions with the real region policy and a model that only sees grey values."""

from __future__ import annotations

from grey_model import GreyModel

from LightSegLib.geometry import Volume
from LightSegLib.regions import RegionSegmenter, RegionSettings
from LightSegLib.session import InteractiveSession

SHAPE = (90, 96, 100)
CENTRE = (50, 48, 45)
FREE = RegionSettings(inertia=0.0)
"""A late click may change everything in its regions."""


def begun(
    volume: Volume, model: GreyModel | None = None, settings: RegionSettings = FREE
) -> InteractiveSession:
    """A session on an image, with the real region policy."""
    model = model or GreyModel()
    session = InteractiveSession(model, RegionSegmenter(model, settings))
    session.set_image(volume)
    return session
