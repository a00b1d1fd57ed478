"""The module `qt`: all of Qt that PythonQt offers under one name."""

from __future__ import annotations

import types
from typing import Any

from PySide6 import QtCore, QtGui, QtSvg, QtSvgWidgets, QtUiTools, QtWidgets

from . import settings, ui_loader

_MODULES = (QtCore, QtGui, QtWidgets, QtSvg, QtSvgWidgets, QtUiTools)
# PythonQt has no thread class, and Qt 5 none of the others.
ABSENT = {
    "QThread",
    "Slot",
    "QEnum",
    "QFlag",
    "ClassInfo",
    "SIGNAL",
    "SLOT",
    "qDebug",
    "qWarning",
    "qCritical",
}


class QtModule(types.ModuleType):
    """Finds names in PySide6's modules; what PythonQt lacks is missing here too."""

    QSettings = settings.QSettings
    QUiLoader = ui_loader.QUiLoader

    def __getattr__(self, name: str) -> Any:
        if name not in ABSENT and not name.startswith("__"):
            for module in _MODULES:
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module 'qt' has no attribute '{name}'")
