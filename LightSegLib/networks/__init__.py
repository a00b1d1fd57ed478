"""Networks of LightSeg. They need torch only, and it is loaded when the first network is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from LightSegLib.networks.veloxseg import VeloxSeg, VeloxSegTrainingOutput, published
    from LightSegLib.networks.veloxseg_config import PUBLISHED, VeloxSegConfig

__all__ = ["PUBLISHED", "VeloxSeg", "VeloxSegConfig", "VeloxSegTrainingOutput", "published"]

_HOME = {
    "PUBLISHED": "veloxseg_config",
    "VeloxSeg": "veloxseg",
    "VeloxSegConfig": "veloxseg_config",
    "VeloxSegTrainingOutput": "veloxseg",
    "published": "veloxseg",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds `name` on first use."""
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
