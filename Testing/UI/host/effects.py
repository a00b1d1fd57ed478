"""Segment Editor effects: the half that Slicer has in C++, the base class in Python, the register."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QCursor, QIcon, QVector3D

from . import signals
from .effect_base import qSlicerSegmentEditorAbstractEffect

# The methods that Slicer looks for once, when the source is set: what is replaced later is not called.
CALLBACKS = [
    "icon",
    "helpText",
    "clone",
    "activate",
    "deactivate",
    "setupOptionsFrame",
    "createCursor",
    "processInteractionEvents",
    "processViewNodeEvents",
    "setMRMLDefaults",
    "referenceGeometryChanged",
    "sourceVolumeNodeChanged",
    "masterVolumeNodeChanged",
    "layoutChanged",
    "interactionNodeModified",
    "updateGUIFromMRML",
    "updateMRMLFromGUI",
    "cleanup",
]
_ABSENT = object()


class AbstractScriptedSegmentEditorEffect:
    """The base of effects written in Python (`SegmentEditorEffects` module)."""

    def __init__(self, scriptedEffect: Any) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        """Make the effect known to all Segment Editors."""
        slicer.qSlicerSegmentEditorEffectFactory.instance().registerEffect(self.scriptedEffect)

    def cleanup(self) -> None:
        """Called before the effect goes away."""

    def rasToXy(self, ras: Any, viewWidget: Any) -> list[int]:
        point = self.scriptedEffect.rasToXy(QVector3D(*ras), viewWidget)
        return [point.x(), point.y()]

    def xyzToRas(self, xyz: Any, viewWidget: Any) -> list[float]:
        ras = self.scriptedEffect.xyzToRas(QVector3D(*xyz), viewWidget)
        return [ras.x(), ras.y(), ras.z()]

    def xyToRas(self, xy: Any, viewWidget: Any) -> list[float]:
        ras = self.scriptedEffect.xyToRas(QPoint(xy[0], xy[1]), viewWidget)
        return [ras.x(), ras.y(), ras.z()]

    def xyzToIjk(self, xyz: Any, viewWidget: Any, image: Any, parentTransformNode: Any = None) -> list[int]:
        ijk = self.scriptedEffect.xyzToIjk(QVector3D(*xyz), viewWidget, image, parentTransformNode)
        return [int(ijk.x()), int(ijk.y()), int(ijk.z())]

    def xyToIjk(self, xy: Any, viewWidget: Any, image: Any, parentTransformNode: Any = None) -> list[int]:
        ijk = self.scriptedEffect.xyToIjk(QPoint(xy[0], xy[1]), viewWidget, image, parentTransformNode)
        return [int(ijk.x()), int(ijk.y()), int(ijk.z())]


class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):
    """The C++ half of an effect written in Python: `self.scriptedEffect`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._d.name = "UnnamedScriptedEffect"
        self._python = SimpleNamespace(instance=None, source="", methods={})

    def pythonSource(self) -> str:
        return self._python.source

    def setPythonSource(self, path: str) -> bool:
        """Load the class named as the file (plus "Effect" if it does not end so) and make the Python half."""
        if not path.endswith((".py", ".pyc")):
            return False
        file = Path(path)
        module_name, class_name = file.parent.name, file.stem
        if not class_name.endswith("Effect"):
            class_name += "Effect"
        kind = getattr(sys.modules.get(module_name), class_name, None)
        if kind is None:
            kind = getattr(_load(module_name, file), class_name, None)
        if not callable(kind):
            logging.error(
                "Failed to load segment editor scripted effect: no class %s in %s", class_name, path
            )
            return False
        instance = kind(self)
        self._python.instance = instance
        self._python.source = path
        self._python.methods = {
            name: getattr(instance, name) for name in CALLBACKS if hasattr(instance, name)
        }
        setattr(slicer, module_name, instance)
        return True

    def self(self) -> Any:
        """The Python half, or None."""
        return self._python.instance

    # --- Properties that only Python effects may set -------------------------------------------------------

    def _setName(self, name: str) -> None:
        self._d.name = name

    def _setPerSegment(self, perSegment: bool) -> None:
        self._d.perSegment = perSegment

    # --- Callbacks ----------------------------------------------------------------------------------------

    def _call(self, name: str, *arguments: Any) -> Any:
        """The callback's result; `_ABSENT` if there is none or it failed, which is printed."""
        method = self._python.methods.get(name)
        if method is None:
            return _ABSENT
        try:
            return method(*arguments)
        except Exception as error:
            logging.exception("An error in the effect's %s", name)
            signals.errors.append(error)
            return _ABSENT

    def _icon(self) -> QIcon:
        result = self._call("icon")
        return result if isinstance(result, QIcon) else QIcon()

    def helpText(self) -> str:
        result = self._call("helpText")
        return result if isinstance(result, str) else ""

    def _clone(self) -> Any:
        result = self._call("clone")
        if not isinstance(result, qSlicerSegmentEditorAbstractEffect):
            raise TypeError("clone: Invalid cloned effect object returned from python!")
        return result

    def activate(self) -> None:
        super().activate()
        self._call("activate")

    def deactivate(self) -> None:
        super().deactivate()
        self._call("deactivate")

    def _setupOptionsFrame(self) -> None:
        self._call("setupOptionsFrame")

    def createCursor(self, viewWidget: Any) -> QCursor:
        result = self._call("createCursor", viewWidget)
        if result is _ABSENT:
            return super().createCursor(viewWidget)
        return result if isinstance(result, QCursor) else QCursor()

    def _processInteractionEvents(self, interactor: Any, event: int, viewWidget: Any) -> bool:
        """Only a real True consumes the event."""
        result = self._call("processInteractionEvents", interactor, event, viewWidget)
        if result is not _ABSENT and not isinstance(result, bool):
            signals.errors.append(TypeError("processInteractionEvents is expected to return a boolean"))
        return result is True

    def _processViewNodeEvents(self, viewNode: Any, event: int, viewWidget: Any) -> None:
        self._call("processViewNodeEvents", viewNode, event, viewWidget)

    def _setMRMLDefaults(self) -> None:
        self._call("setMRMLDefaults")

    def _referenceGeometryChanged(self) -> None:
        self._call("referenceGeometryChanged")

    def _sourceVolumeNodeChanged(self) -> None:
        self._call("sourceVolumeNodeChanged")

    def _masterVolumeNodeChanged(self) -> None:
        self._call("masterVolumeNodeChanged")

    def _layoutChanged(self) -> None:
        self._call("layoutChanged")

    def _interactionNodeModified(self, interactionNode: Any) -> None:
        if self._call("interactionNodeModified", interactionNode) is _ABSENT:
            super()._interactionNodeModified(interactionNode)

    def updateGUIFromMRML(self) -> None:
        if self.active():
            self._call("updateGUIFromMRML")

    def updateMRMLFromGUI(self) -> None:
        self._call("updateMRMLFromGUI")

    def cleanup(self) -> None:
        self._call("cleanup")


def _load(module_name: str, file: Path) -> ModuleType | None:
    """Run a file as the module named as its folder, in place of whatever had that name, as Slicer does."""
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None or not file.is_file():
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        logging.exception("Failed to load file %s as module %s", file, module_name)
        signals.errors.append(error)
        return None
    return module


class qSlicerSegmentEditorEffectFactory(QObject):
    """The register: `qSlicerSegmentEditorEffectFactory.instance()`."""

    effectRegistered = Signal(str)
    _instance: Any = None

    @staticmethod
    def instance() -> qSlicerSegmentEditorEffectFactory:
        if qSlicerSegmentEditorEffectFactory._instance is None:
            qSlicerSegmentEditorEffectFactory._instance = qSlicerSegmentEditorEffectFactory()
        return qSlicerSegmentEditorEffectFactory._instance

    def __init__(self) -> None:
        super().__init__()
        self._effects: list[Any] = []

    def registerEffect(self, effect: Any) -> bool:
        """Keep an effect; one whose name is known already is dropped."""
        if not effect.name or any(known.name == effect.name for known in self._effects):
            return False
        self._effects.append(effect)
        self.effectRegistered.emit(effect.name)
        return True

    def _copies(self, known: list[Any]) -> list[Any]:
        """Clones of the registered effects that are not among `known`, which they join."""
        added = [item._clone() for item in self._effects if all(item.name != other.name for other in known)]
        known.extend(added)
        return added
