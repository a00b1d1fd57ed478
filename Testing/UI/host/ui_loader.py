"""`qt.QUiLoader`: reads .ui files with the widgets of Slicer and CTK that this package has.

Connections in the file are made here, by name: their types (vtkMRMLScene*) are no types of Qt for PySide6.
"""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

_classes: dict[str, type] = {}


def register(*candidates: Any) -> None:
    """Let .ui files name those that are widget classes."""
    for kind in candidates:
        if isinstance(kind, type) and issubclass(kind, QtWidgets.QWidget):
            _classes[kind.__name__] = kind


class QUiLoader(QtUiTools.QUiLoader):
    """Loads a .ui file from a `qt.QFile`."""

    def createWidget(self, className: str, parent: Any = None, name: str = "") -> Any:
        """A widget of a class by name; an unknown class gives a warning and leaves the widget out."""
        if className in _classes:
            widget = _classes[className](parent)
            widget.setObjectName(name)
            return widget
        if not hasattr(QtWidgets, className):
            logging.warning("QFormBuilder was unable to create a widget of the class '%s'.", className)
            return None
        return super().createWidget(className, parent, name)

    def load(self, device: Any, parent: Any = None) -> Any:
        """The top widget of the file, or None."""
        document = ElementTree.fromstring(bytes(device.readAll().data()))
        connections = document.find("connections")
        wanted = [] if connections is None else [_texts(item) for item in connections]
        for block in ("connections", "customwidgets"):
            element = document.find(block)
            if element is not None:
                document.remove(element)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(document))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = super().load(buffer, parent)
        if widget is not None:
            for item in wanted:
                _connect(widget, item)
        return widget


def _texts(element: Any) -> dict[str, str]:
    return {child.tag: child.text or "" for child in element if child.text and child.tag != "hints"}


def _find(top: Any, name: str) -> Any:
    if top.objectName == name:
        return top
    waiting = list(top.children())
    while waiting:
        item = waiting.pop()
        if item.objectName == name:
            return item
        waiting += item.children()
    return None


def _connect(top: Any, item: dict[str, str]) -> None:
    sender, receiver = _find(top, item["sender"]), _find(top, item["receiver"])
    if sender is None or receiver is None:
        logging.warning("QFormBuilder: no object for the connection %s", item)
        return
    try:
        sender.connect(item["signal"], receiver, item["slot"])
    except AttributeError as error:
        logging.warning("No such signal or slot: %s", error)
