"""Nodes of 3D Slicer's scene (MRML) and the library's own types: the one place that knows both.

Everything here needs the modules `slicer` and `vtk`: in the desktop application they are there, elsewhere the
`slicer-core` package brings them (`pip install lightseg[slicer]`). No Qt is needed. Nodes are touched on the
main thread only; what leaves this package are arrays and numbers, which may be used on any thread::

    from LightSegLib import mrml

    volume = mrml.volume_from_node(volume_node)
    prompts = mrml.points_from_fiducials(fiducial_node, volume)

Each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from LightSegLib.mrml.prompts import box_from_roi, points_from_fiducials, scribble_from_curve
    from LightSegLib.mrml.scene_session import Answer, SceneSession
    from LightSegLib.mrml.terminology import Terminologies, TerminologyMatch
    from LightSegLib.mrml.undo_owners import LogicUndo, UndoOwner
    from LightSegLib.mrml.volumes import VolumeStamp, volume_from_node, why_not_usable
    from LightSegLib.mrml.writing import SegmentWriter

__all__ = [
    "Answer",
    "LogicUndo",
    "SceneSession",
    "SegmentWriter",
    "Terminologies",
    "TerminologyMatch",
    "UndoOwner",
    "VolumeStamp",
    "box_from_roi",
    "points_from_fiducials",
    "scribble_from_curve",
    "volume_from_node",
    "why_not_usable",
]

_FILE_OF = {
    "Answer": "scene_session",
    "LogicUndo": "undo_owners",
    "SceneSession": "scene_session",
    "SegmentWriter": "writing",
    "Terminologies": "terminology",
    "TerminologyMatch": "terminology",
    "UndoOwner": "undo_owners",
    "VolumeStamp": "volumes",
    "box_from_roi": "prompts",
    "points_from_fiducials": "prompts",
    "scribble_from_curve": "prompts",
    "volume_from_node": "volumes",
    "why_not_usable": "volumes",
}


def __getattr__(name: str) -> Any:
    """Import an exported name on first use (PEP 562) and remember it."""
    try:
        home = _FILE_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Exported names and whatever is loaded, for completion in a console."""
    return sorted({*__all__, *globals()})
