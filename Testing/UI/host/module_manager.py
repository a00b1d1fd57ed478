"""Modules: the manager, the C++ halves of scripted modules, and `slicer.modules`."""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, QObject, Signal
from PySide6.QtGui import QIcon

from . import signals
from .module_representation import class_from_file, qSlicerScriptedLoadableModuleWidget

# Modules of Slicer itself whose logic is part of slicer-core.
LOGICS = {
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Transforms": "vtkSlicerTransformLogic",
}
TERMINOLOGY = Path(__file__).resolve().parents[2] / "MRML" / "data" / "structures.term.json"


class Modules(ModuleType):
    """`slicer.modules`: a module by its name in lower case."""


class qSlicerCoreModule(QObject):
    """A module of Slicer itself: a name and a logic."""

    def __init__(self, name: str, logic: Any) -> None:
        super().__init__()
        self._d = SimpleNamespace(name=name, logic=logic)

    name = Property(str, lambda self: self._d.name)
    title = Property(str, lambda self: self._d.name)

    def logic(self) -> Any:
        return self._d.logic


class qSlicerScriptedLoadableModule(QObject):
    """The C++ half of a module written in Python: `self.parent` of the module class."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        lists = dict.fromkeys(("categories", "contributors", "dependencies", "associatedNodeTypes"), ())
        texts = dict.fromkeys(("title", "helpText", "acknowledgementText", "path", "name"), "")
        self._d = SimpleNamespace(**lists, **texts, hidden=False, index=-1, icon=None, extensions={})
        self._d.instance, self._d.widget, self._d.scene, self._d.creates = None, None, None, True

    def _text(name: str) -> Any:
        return Property(
            str, lambda self: getattr(self._d, name), lambda self, value: self._set(name, str, value)
        )

    def _list(name: str) -> Any:
        return Property(
            "QStringList",
            lambda self: tuple(getattr(self._d, name)),
            lambda self, value: self._set(name, (list, tuple), value),
        )

    title = _text("title")
    helpText = _text("helpText")
    acknowledgementText = _text("acknowledgementText")
    path = Property(str, lambda self: self._d.path)
    name = Property(str, lambda self: self._d.name)
    categories = _list("categories")
    contributors = _list("contributors")
    dependencies = _list("dependencies")
    associatedNodeTypes = _list("associatedNodeTypes")
    hidden = Property(bool, lambda self: self._d.hidden, lambda self, value: self._set("hidden", bool, value))
    index = Property(int, lambda self: self._d.index, lambda self, value: self._set("index", int, value))
    icon = Property("QIcon", lambda self: self._d.icon, lambda self, value: self._set("icon", QIcon, value))
    widgetRepresentationCreationEnabled = Property(
        bool,
        lambda self: self._d.creates,
        lambda self, value: self._set("creates", bool, value),
    )

    def _set(self, name: str, kinds: Any, value: Any) -> None:
        if not isinstance(value, kinds):
            raise ValueError(f"Property '{name}' cannot be set to a {type(value).__name__}")
        setattr(self._d, name, value)

    def _setPythonSource(self, path: str) -> bool:
        """Load the module's file and make its module class."""
        kind = class_from_file(Path(path), Path(path).stem)
        if kind is None:
            return False
        self._d.name, self._d.path = Path(path).stem, path
        self._d.instance = kind(self)
        setattr(slicer.modules, self._d.name + "Instance", self._d.instance)
        self._d.creates = class_from_file(Path(path), self._d.name + "Widget") is not None
        return True

    def mrmlScene(self) -> Any:
        return self._d.scene

    def setMRMLScene(self, scene: Any) -> None:
        self._d.scene = scene

    def widgetRepresentation(self) -> Any:
        """The module's panel, made when first asked for."""
        if self._d.widget is None and self._d.creates:
            self._d.widget = self.createNewWidgetRepresentation()
        return self._d.widget

    def createNewWidgetRepresentation(self) -> Any:
        """A further panel: set up first, then given the scene."""
        widget = qSlicerScriptedLoadableModuleWidget()
        if not widget._setPythonSource(self._d.path):
            return None
        widget._setup()
        widget.setMRMLScene(self._d.scene)
        return widget


class qSlicerModuleManager(QObject):
    """`slicer.app.moduleManager()`."""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)

    def __init__(self, application_logic: Any, scene: Any) -> None:
        super().__init__()
        self._d = SimpleNamespace(modules={}, logic=application_logic, scene=scene)
        slicer.modules = Modules("slicer.modules")
        for name, kind in LOGICS.items():
            logic = getattr(slicer, kind)()
            logic.SetMRMLApplicationLogic(application_logic)
            if name == "Terminologies":
                # With a scene it looks for the application's files, which slicer-core does not bring.
                logic.LoadTerminologyFromFile(str(TERMINOLOGY))
            else:
                logic.SetMRMLScene(scene)
            application_logic.SetModuleLogic(name, logic)
            self._add(name, qSlicerCoreModule(name, logic))

    def _add(self, name: str, module: Any) -> None:
        self._d.modules[name] = module
        setattr(slicer.modules, name.lower(), module)

    def _load(self, path: Path) -> qSlicerScriptedLoadableModule:
        """Load a scripted module from its file, as Slicer does at startup."""
        module = qSlicerScriptedLoadableModule()
        if not module._setPythonSource(str(path)):
            raise ImportError(f"{path} holds no scripted module")
        module.setMRMLScene(self._d.scene)
        self._add(module.name, module)
        setup = getattr(module._d.instance, "setup", None)
        if setup is not None:
            setup()
        self.moduleLoaded.emit(module.name)
        return module

    def _unloadAll(self) -> None:
        for name, module in self._d.modules.items():
            if isinstance(module, qSlicerScriptedLoadableModule):
                try:
                    self.moduleAboutToBeUnloaded.emit(name)
                except Exception as error:
                    logging.exception("An error while module %s was unloaded", name)
                    signals.errors.append(error)
        self._d.modules = {}

    def modulesNames(self) -> tuple[str, ...]:
        return tuple(self._d.modules)

    def module(self, name: str) -> Any:
        return self._d.modules.get(name)
