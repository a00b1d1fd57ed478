"""The module selector of the main window: one module is shown at a time, entered and left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QScrollArea, QTabWidget, QToolBar


class qSlicerModuleSelectorToolBar(QToolBar):
    """`mainWindow().moduleSelector()`."""

    moduleSelected = Signal(str)

    def __init__(self, panel: QTabWidget) -> None:
        super().__init__()
        self._d = SimpleNamespace(panel=panel, selected="", areas={})

    selectedModule = Property(str, lambda self: self._d.selected)

    def selectModule(self, name: str) -> None:
        """Leave the module that is shown and enter another; "" for none."""
        if name == self._d.selected:
            return
        if self._d.selected:
            self._widget(self._d.selected).exit()
        self._d.selected = ""
        module = slicer.app.moduleManager().module(name) if name else None
        widget = module.widgetRepresentation() if module is not None else None
        if widget is None:
            return
        if name not in self._d.areas:
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setWidget(widget)
            self._d.panel.addTab(area, module.title)
            self._d.areas[name] = area
        self._d.panel.setCurrentWidget(self._d.areas[name])
        self._d.selected = name
        widget.enter()
        self.moduleSelected.emit(name)

    @staticmethod
    def _widget(name: str) -> Any:
        return slicer.app.moduleManager().module(name).widgetRepresentation()
