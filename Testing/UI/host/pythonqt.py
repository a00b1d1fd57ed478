"""Makes PySide6's objects behave as PythonQt's do, which is what code inside Slicer meets.

Properties are attributes and not methods, setters exist as well, unknown attributes are refused in both
directions, signals connect by name, enumerations are integers. Installed once for the process: nothing else
in the tests uses Qt.
"""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import QObject, QSignalBlocker, SignalInstance

from . import properties, signals

original_getattribute = QObject.__getattribute__

# In PySide6 but not in PythonQt's wrapping of Qt 5.
ABSENT_METHODS = {
    QSignalBlocker: ("__enter__", "__exit__"),
}


def install() -> None:
    """Change PySide6's classes; harmless when called again."""
    if QObject.__getattribute__ is _getattribute:
        return
    QObject.className = lambda self: type(self).__name__
    QObject.delete = _delete
    QtWidgets.QDialog.exec_ = lambda self: self.exec()
    QtWidgets.QMenu.exec_ = lambda self, *where: self.exec(*where)
    QtWidgets.QAction = QtGui.QAction
    for kind, names in ABSENT_METHODS.items():
        for name in names:
            if name in vars(kind):
                delattr(kind, name)
    QObject.__getattribute__ = _getattribute
    for kind in qobject_classes():
        if "__setattr__" in vars(kind):  # each generated class has its own
            kind.__setattr__ = properties.write


def qobject_classes() -> list[type]:
    """All classes of PySide6 that derive from QObject, as far as widgets need them."""
    kinds = (getattr(module, name) for module in (QtCore, QtGui, QtWidgets) for name in dir(module))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, QObject)]


def _delete(self: QObject) -> None:
    from shiboken6 import Shiboken

    Shiboken.delete(self)


def _getattribute(self: QObject, name: str) -> Any:
    if name.startswith("_"):
        return original_getattribute(self, name)
    found, value = properties.read(self, name)
    if found:
        return value
    if name in ("connect", "disconnect"):
        return _Connector(self, name)
    value = original_getattribute(self, name)
    if type(value) is SignalInstance:
        return signals.BoundSignal(self, name, value)
    return value


class _Connector:
    """`object.connect` and `disconnect`: PythonQt's forms by name, and Qt's own that PySide6 calls itself."""

    def __init__(self, owner: QObject, name: str) -> None:
        self._owner = owner
        self._name = name

    def __call__(self, *arguments: Any) -> Any:
        if arguments and isinstance(arguments[0], str) and arguments[0][:1] not in "012":
            return getattr(signals, self._name)(self._owner, *arguments)
        return original_getattribute(self._owner, self._name)(*arguments)
