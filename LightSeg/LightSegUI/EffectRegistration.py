"""How the Segment Editor learns of the LightSeg effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

EFFECT_NAME = "LightSeg"
"""The effect's name, by which modules and scripts find it; never translated."""
TOOL_PARAMETER = "Tool"
"""The effect's parameter that says which prompt tool the mouse uses."""


def registerEffect() -> None:
    """Offer the effect in every Segment Editor, present and future; to be called when Slicer has started.

    Calling it again changes nothing: Slicer keeps the first effect of a name.
    """
    newEffect().self().register()


def newEffect() -> Any:
    """A qSlicerSegmentEditorScriptedEffect with the LightSeg effect as its Python side."""
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    import LightSegUI
    from LightSegUI.SegmentEditorEffect import SegmentEditorEffect

    # Slicer takes the source's folder for a module and looks up a class named like the file in it. There it
    # would find the submodule of that name; and had the submodule not been imported, Slicer would load the
    # file in place of the whole package.
    LightSegUI.SegmentEditorEffect = SegmentEditorEffect
    effect = effects.qSlicerSegmentEditorScriptedEffect(None)
    effect.setPythonSource(Path(__file__).with_name("SegmentEditorEffect.py").as_posix())
    return effect
