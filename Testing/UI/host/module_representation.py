"""The C++ half of a module's panel, and how Slicer finds classes in Python files."""

from __future__ import annotations

import importlib.util
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from . import signals


def class_from_file(path: Path, name: str) -> Any:
    """A class of a module file; the file runs once and is known by its own name from then on."""
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = sys.modules.get(path.stem)
    if module is None or not hasattr(module, name):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            return None
        if module is None:
            module = importlib.util.module_from_spec(spec)
            sys.modules[path.stem] = module
            spec.loader.exec_module(module)
    return getattr(module, name, None)


class qSlicerWidget(QWidget):
    """A widget with a scene, which Python can set but not ask for."""

    mrmlSceneChanged = Signal(object)
    SIGNATURES = {"mrmlSceneChanged": "mrmlSceneChanged(vtkMRMLScene*)"}

    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """`self.parent` of the module's widget class; `self()` is that class's instance."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        QVBoxLayout(self)
        self._d = SimpleNamespace(instance=None, source="", entered=False, methods={})

    isEntered = Property(bool, lambda self: self._d.entered)

    def _pythonSource(self) -> str:
        return self._d.source

    def _setPythonSource(self, path: str, className: str = "") -> bool:
        """Make the Python half; its methods are looked up here and now."""
        name = Path(path).stem
        name = className or (name if name.endswith("Widget") else name + "Widget")
        kind = class_from_file(Path(path), name)
        if kind is None:
            logging.error(
                "Failed to load scripted loadable module widget: class %s was not found in %s", name, path
            )
            return False
        self._d.instance, self._d.source = kind(self), path
        names = ("setup", "enter", "exit", "setEditedNode", "nodeEditable")
        self._d.methods = {
            item: getattr(self._d.instance, item) for item in names if hasattr(self._d.instance, item)
        }
        setattr(slicer.modules, name, self._d.instance)
        return True

    def self(self) -> Any:
        """The Python half."""
        return self._d.instance

    def _setup(self) -> None:
        self._call("setup")

    def enter(self) -> None:
        self._d.entered = True
        self._call("enter")

    def exit(self) -> None:
        self._d.entered = False
        self._call("exit")

    def reload(self) -> None:
        """A new Python half, set up but not entered."""
        self._setPythonSource(self._d.source)
        self._setup()

    def _call(self, name: str) -> None:
        method = self._d.methods.get(name)
        if method is not None:
            try:
                method()
            except Exception as error:
                logging.exception("An error in %s of the module's widget", name)
                signals.errors.append(error)
