"""Installation of what LightSeg needs inside Slicer."""

from __future__ import annotations

from LightSegUI.Dependencies import Missing
from LightSegUI.Dependencies import missing as _missing


def missing() -> list[Missing]:
    """The packages that clicking needs and that are not there; cheap, imports nothing."""
    return _missing()
