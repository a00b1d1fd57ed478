"""Slice and 3D views: real slice nodes, logics, render windows and interactors behind plain Qt widgets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import slicer
import vtk
from PySide6.QtCore import Property
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from .mrml_widgets import qMRMLWidget

VIEW_SIZE = (400, 400)
# What the view itself would answer to, by moving the slice, zooming or opening its menu.
_BUTTONS = [
    f"{button}Button{what}" for button in ("Left", "Middle", "Right") for what in ("Press", "Release")
]
_OTHERS = ["MouseMove", "MouseWheelForward", "MouseWheelBackward", "KeyPress", "KeyRelease"]
PASSED = [f"{name}Event" for name in _BUTTONS + _OTHERS]


class _View(QWidget):
    """What slice and 3D views share: a render window never shown, and an interactor that tests drive."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        window = vtk.vtkGenericOpenGLRenderWindow()  # as Qt's widget for VTK has it
        window.SetReadyForRendering(False)
        window.SetSize(*VIEW_SIZE)
        renderer = vtk.vtkRenderer()
        window.AddRenderer(renderer)
        interactor = vtk.vtkGenericRenderWindowInteractor()
        interactor.SetRenderWindow(window)
        interactor.SetSize(*VIEW_SIZE)
        interactor.Enable()
        interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._d = SimpleNamespace(
            window=window, renderer=renderer, interactor=interactor, renders=0, passed=[]
        )
        passed = self._d.passed
        for event in PASSED:
            interactor.AddObserver(event, lambda caller, name: passed.append(name), 0.0)
        self._d.cursor = self._d.default = QCursor()
        self.setMinimumSize(100, 100)
        self.resize(*VIEW_SIZE)

    def renderWindow(self) -> Any:
        return self._d.window

    def interactor(self) -> Any:
        return self._d.interactor

    def interactorStyle(self) -> Any:
        return self._d.interactor.GetInteractorStyle()

    def scheduleRender(self) -> None:
        """Ask for a render; here it is only counted."""
        self._d.renders += 1

    def forceRender(self) -> None:
        """Render now; here it is only counted."""
        self._d.renders += 1

    def setViewCursor(self, cursor: Any) -> None:
        self._d.cursor = cursor

    def unsetViewCursor(self) -> None:
        self._d.cursor = self._d.default

    def setDefaultViewCursor(self, cursor: Any) -> None:
        self._d.default = cursor


class qMRMLSliceView(_View):
    """The drawing area of a slice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._d.node = None

    def mrmlSliceNode(self) -> Any:
        return self._d.node

    def setMRMLSliceNode(self, node: Any) -> None:
        self._d.node = node

    def convertDeviceToXYZ(self, xy: Any) -> list[float]:
        return [float(xy[0]), float(xy[1]), 0.0]

    def convertXYZToRAS(self, xyz: Any) -> list[float]:
        return list(self._d.node.GetXYToRAS().MultiplyPoint((*xyz, 1.0)))[:3]

    def convertRASToXYZ(self, ras: Any) -> list[float]:
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._d.node.GetXYToRAS(), inverse)
        return list(inverse.MultiplyPoint((*ras, 1.0)))[:3]


class qMRMLThreeDView(_View):
    """The drawing area of a 3D view."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._d.node = None

    def mrmlViewNode(self) -> Any:
        return self._d.node

    def setMRMLViewNode(self, node: Any) -> None:
        self._d.node = node


class qMRMLSliceWidget(qMRMLWidget):
    """A slice view with its logic: `sliceWidget("Red")` of the layout manager."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        view = qMRMLSliceView()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self._d = SimpleNamespace(view=view, logic=None, node=None)

    sliceViewName = Property(
        str,
        lambda self: self._d.node.GetLayoutName() or "",
        lambda self, value: self._setSliceViewName(value),
    )
    sliceOrientation = Property(
        str, lambda self: self._d.node.GetOrientation(), lambda self, value: self.setSliceOrientation(value)
    )

    def _setSliceViewName(self, name: str) -> None:
        self._d.node.SetLayoutName(name)

    def setSliceOrientation(self, orientation: str) -> None:
        self._d.node.SetOrientation(orientation)

    def sliceView(self) -> qMRMLSliceView:
        return self._d.view

    def viewWidget(self) -> QWidget:
        return self._d.view

    def sliceLogic(self) -> Any:
        return self._d.logic

    def logic(self) -> Any:
        return self._d.logic

    def mrmlSliceNode(self) -> Any:
        return self._d.node

    def mrmlAbstractViewNode(self) -> Any:
        return self._d.node

    def mrmlSliceCompositeNode(self) -> Any:
        return self._d.logic.GetSliceCompositeNode()

    def interactorStyle(self) -> Any:
        return self._d.view.interactorStyle()

    def setMRMLSliceNode(self, node: Any) -> None:
        """Show a slice node; its logic comes from the application logic."""
        self._d.node = node
        self._d.view.setMRMLSliceNode(node)
        self._d.logic = slicer.app.applicationLogic().GetSliceLogic(node)

    def setMRMLAbstractViewNode(self, node: Any) -> None:
        self.setMRMLSliceNode(node)

    def fitSliceToBackground(self) -> None:
        """Show the whole background volume."""
        self._d.logic.FitSliceToBackground()


class qMRMLThreeDWidget(qMRMLWidget):
    """A 3D view: `threeDWidget(0)` of the layout manager."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        view = qMRMLThreeDView()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)
        self._d = SimpleNamespace(view=view, node=None)

    def threeDView(self) -> qMRMLThreeDView:
        return self._d.view

    def mrmlViewNode(self) -> Any:
        return self._d.node

    def setMRMLViewNode(self, node: Any) -> None:
        self._d.node = node
        self._d.view.setMRMLViewNode(node)
