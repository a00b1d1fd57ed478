"""`slicer.app.layoutManager()`: three slice views and one 3D view over the scene."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import slicer
import vtk
from PySide6.QtCore import Property, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from .views import VIEW_SIZE, qMRMLSliceWidget, qMRMLThreeDWidget

SLICES = (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal"))


class qSlicerLayoutManager(QObject):
    """The views of the application."""

    layoutChanged = Signal(int)

    def __init__(self, viewport: QWidget, scene: Any, application_logic: Any) -> None:
        super().__init__(viewport)
        self._d = SimpleNamespace(scene=scene, slices={}, threeD=[], layout=3, viewport=viewport, paused=0)
        QHBoxLayout(viewport).setContentsMargins(0, 0, 0, 0)
        logics = vtk.vtkCollection()
        application_logic.SetSliceLogics(logics)
        self._d.logics = logics
        for name, orientation in SLICES:
            logic = slicer.vtkMRMLSliceLogic()
            logic.SetMRMLApplicationLogic(application_logic)
            logics.AddItem(logic)
            logic.SetMRMLScene(scene)
            node = logic.AddSliceNode(name)
            node.SetOrientation(orientation)
            node.SetDimensions(*VIEW_SIZE, 1)
            node.SetMappedInLayout(1)
            self._d.slices[name] = (qMRMLSliceWidget(), node)
        node = slicer.vtkMRMLViewNode()
        node.SetLayoutName("1")
        node.SetSingletonTag("1")
        self._d.threeD = [(qMRMLThreeDWidget(), scene.AddNode(node))]

    def _connect(self) -> None:
        """Give the widgets their nodes; not in the constructor because they ask `slicer.app` for logics."""
        for widget, node in self._d.slices.values():
            widget.setMRMLScene(self._d.scene)
            widget.setMRMLSliceNode(node)
            self._d.viewport.layout().addWidget(widget)
        for widget, node in self._d.threeD:
            widget.setMRMLScene(self._d.scene)
            widget.setMRMLViewNode(node)
            self._d.viewport.layout().addWidget(widget)

    layout = Property(int, lambda self: self._d.layout, lambda self, value: self.setLayout(value))
    threeDViewCount = Property(int, lambda self: len(self._d.threeD))

    def setLayout(self, layout: int) -> None:
        """Change the arrangement; the views stay the same here."""
        self._d.layout = layout
        self.layoutChanged.emit(layout)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._d.slices)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return self._d.slices[name][0] if name in self._d.slices else None

    def threeDWidget(self, which: int | str) -> qMRMLThreeDWidget | None:
        return self._d.threeD[0][0] if which in (0, "1") else None

    def mrmlSliceLogics(self) -> Any:
        return self._d.logics

    def mrmlScene(self) -> Any:
        return self._d.scene

    def viewport(self) -> QWidget:
        return self._d.viewport

    def resetSliceViews(self) -> None:
        """Show the whole background in each slice view."""
        for widget, _ in self._d.slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """Nothing is drawn in 3D here."""

    def pauseRender(self) -> None:
        self._d.paused += 1

    def resumeRender(self) -> None:
        self._d.paused -= 1
