"""Puts the stand-ins where `import qt`, `import ctk` and `import slicer` find them, and takes them away.

Other tests of the same run use slicer-core without any Qt, and code may ask whether there is a `qt`. So there
are two worlds: `enter` and `leave` swap what Python's module table and the module `slicer` hold, modules of
LightSeg included.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import Any

# Modules that exist once in each world: they may have looked for `qt` when they were imported.
OWN = ("LightSeg", "LightSegUI")
_MODULES = [
    "application",
    "ctk_buttons",
    "ctk_values",
    "effects",
    "module_manager",
    "module_representation",
    "mrml_widgets",
    "parameter_nodes",
    "scripted_module",
    "segment_editor",
    "segment_table",
    "translations",
    "ui_loader",
    "views",
]
_EFFECTS = (
    "qSlicerSegmentEditorAbstractEffect",
    "qSlicerSegmentEditorScriptedEffect",
    "qSlicerSegmentEditorEffectFactory",
)


class _World:
    """What is put into place on entering and set aside on leaving."""

    def __init__(self) -> None:
        self.inside = False
        self.modules: dict[
            str, types.ModuleType
        ] = {}  # of this world while outside, of the other while inside
        self.names: set[str] = set()  # of the modules that only this world has
        self.attributes: dict[str, Any] = {}  # of `slicer`, in this world
        self.hidden: dict[str, Any] = {}  # of `slicer`, in the other
        self.app: Any = None


_world = _World()


def enter() -> Any:
    """Make the stand-ins importable; the application comes back. Harmless when they are already."""
    if _world.inside:
        return _world.app
    if _world.app is None:
        _build()
    import slicer

    for name in _world.hidden:
        vars(slicer).pop(name, None)
    vars(slicer).update(_world.attributes)
    _swap_modules()
    _world.inside = True
    return _world.app


def leave() -> None:
    """Take the stand-ins away."""
    if not _world.inside:
        return
    import slicer

    _swap_modules()
    known = {
        name: value for name, value in vars(slicer).items() if name in _world.attributes or _is_new(name)
    }
    _world.attributes = known
    for name in known:
        delattr(slicer, name)
    vars(slicer).update(_world.hidden)
    _world.inside = False


def _is_new(name: str) -> bool:
    """Names that appear in `slicer` while tests run: the scene, an effect under the name of its folder."""
    return name in ("mrmlScene", "selfTests", "modules", *OWN)


def _swap_modules() -> None:
    names = [name for name in sys.modules if name in _world.names or name.partition(".")[0] in OWN]
    set_aside = {name: sys.modules.pop(name) for name in names}
    sys.modules.update(_world.modules)
    _world.modules = set_aside


def _build() -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.*=false")
    from . import pythonqt

    pythonqt.install()
    from . import dialogs, qt_module

    dialogs.install()
    import slicer

    _world.hidden = _utilities_in(slicer)
    parts = {name: importlib.import_module(f"{__package__}.{name}") for name in _MODULES}
    modules: dict[str, Any] = {"qt": qt_module.QtModule("qt"), "ctk": types.ModuleType("ctk")}
    for part in ("ctk_buttons", "ctk_values"):
        vars(modules["ctk"]).update(_classes(parts[part], "ctk"))
    attributes: dict[str, Any] = {"modules": types.ModuleType("slicer.modules"), "mrmlScene": None}
    for part in parts.values():
        attributes.update(_classes(part, "q"))
    for name, part, names in (
        ("i18n", parts["translations"], ("tr", "translate")),
        ("ScriptedLoadableModule", parts["scripted_module"], parts["scripted_module"].__all__),
        ("parameterNodeWrapper", parts["parameter_nodes"], parts["parameter_nodes"].__all__),
    ):
        attributes[name] = modules[f"slicer.{name}"] = _module(f"slicer.{name}", part, names)
    effects = "qSlicerSegmentationsEditorEffectsPythonQt"
    modules[effects] = _module(effects, parts["effects"], _EFFECTS)
    base = "SegmentEditorEffects"
    modules[base] = _module(base, parts["effects"], ("AbstractScriptedSegmentEditorEffect",))
    parts["ui_loader"].register(*vars(modules["ctk"]).values(), *attributes.values())
    attributes["app"] = _world.app = parts["application"].qSlicerApplication(["Slicer"])
    _world.app.setStyle("Fusion")
    _world.modules, _world.names, _world.attributes = modules, set(modules), attributes


def _utilities_in(slicer: Any) -> dict[str, Any]:
    """slicer-core offers the functions of slicer.util in slicer as well; the application does not."""
    from slicer import util

    return {
        name: value
        for name, value in vars(util).items()
        if not name.startswith(("_", "vtk")) and getattr(slicer, name, None) is value
    }


def _classes(module: Any, prefix: str) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if name.startswith(prefix) and isinstance(value, type) and value.__module__ == module.__name__
    }


def _module(name: str, source: Any, names: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update({item: getattr(source, item) for item in names})
    module.__all__ = list(names)
    return module
