"""LightSeg: interactive 3D segmentation that answers a click in a fraction of a second on a CPU.

The names below are the library's front door. Each is imported when it is first used, so that
`import LightSegLib` costs milliseconds and loads neither numpy nor torch::

    from LightSegLib import InteractiveSession, Volume, load_model

    session = InteractiveSession(load_model())
    session.set_image(Volume.read("case.nii.gz"))
    change = session.add_point((120, 88, 40))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from LightSegLib.errors import LightSegError
    from LightSegLib.geometry import Volume
    from LightSegLib.models.registry import list_models, load_model
    from LightSegLib.prompts import Box, Point, Scribble, Text
    from LightSegLib.session import Change, InteractiveSession

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Change",
    "InteractiveSession",
    "LightSegError",
    "Point",
    "Scribble",
    "Text",
    "Volume",
    "__version__",
    "list_models",
    "load_model",
]

_HOME_OF = {
    "Box": "LightSegLib.prompts",
    "Change": "LightSegLib.session",
    "InteractiveSession": "LightSegLib.session",
    "LightSegError": "LightSegLib.errors",
    "Point": "LightSegLib.prompts",
    "Scribble": "LightSegLib.prompts",
    "Text": "LightSegLib.prompts",
    "Volume": "LightSegLib.geometry",
    "list_models": "LightSegLib.models.registry",
    "load_model": "LightSegLib.models.registry",
}


def __getattr__(name: str) -> Any:
    """Import an exported name on first use (PEP 562) and remember it."""
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Exported names and whatever is loaded, for completion in a console."""
    return sorted({*__all__, *globals()})
