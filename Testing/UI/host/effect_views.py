"""What effects can ask of a view widget: coordinates, actors, rendering, the cursor."""

from __future__ import annotations

import logging
from typing import Any

import slicer
import vtk
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor, QVector3D

Logic = slicer.vtkSlicerSegmentEditorLogic


class EffectViews:
    """Mixed into effects; most of it is static, as in Slicer."""

    @staticmethod
    def renderWindow(viewWidget: Any) -> Any:
        view = _view(viewWidget)
        return view.renderWindow() if view is not None else None

    @staticmethod
    def renderer(viewWidget: Any) -> Any:
        window = EffectViews.renderWindow(viewWidget)
        return window.GetRenderers().GetItemAsObject(0) if window is not None else None

    @staticmethod
    def viewNode(viewWidget: Any) -> Any:
        if viewWidget is None:
            return None
        return viewWidget.mrmlSliceNode() if _is_slice(viewWidget) else viewWidget.mrmlViewNode()

    @staticmethod
    def scheduleRender(viewWidget: Any) -> None:
        _view(viewWidget).scheduleRender()

    @staticmethod
    def forceRender(viewWidget: Any) -> None:
        _view(viewWidget).forceRender()

    def addActor2D(self, viewWidget: Any, actor: Any) -> None:
        self.renderer(viewWidget).AddViewProp(actor)
        self.scheduleRender(viewWidget)

    def removeActor2D(self, viewWidget: Any, actor: Any) -> None:
        self.renderer(viewWidget).RemoveViewProp(actor)
        self.scheduleRender(viewWidget)

    def addActor3D(self, viewWidget: Any, actor: Any) -> None:
        self.addActor2D(viewWidget, actor)

    def removeActor3D(self, viewWidget: Any, actor: Any) -> None:
        self.removeActor2D(viewWidget, actor)

    def cursorOff(self, viewWidget: Any) -> None:
        """Hide the cursor until `cursorOn`."""
        self._d.savedCursor = QCursor(viewWidget.cursor)
        _view(viewWidget).setDefaultViewCursor(QCursor(Qt.CursorShape.BlankCursor))

    def cursorOn(self, viewWidget: Any) -> None:
        _view(viewWidget).setDefaultViewCursor(self._d.savedCursor)

    # --- Coordinates: pixels of a slice view (y upwards), RAS in mm, voxels ------------------------------

    @staticmethod
    def rasToXy(ras: QVector3D, viewWidget: Any) -> QPoint:
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(_slice_node(viewWidget).GetXYToRAS(), inverse)
        xy = inverse.MultiplyPoint((ras.x(), ras.y(), ras.z(), 1.0))
        return QPoint(int(xy[0]), int(xy[1]))

    @staticmethod
    def xyzToRas(xyz: QVector3D, viewWidget: Any) -> QVector3D:
        ras = [0.0, 0.0, 0.0]
        Logic.XyzToRas([xyz.x(), xyz.y(), xyz.z()], ras, _slice_node(viewWidget))
        return QVector3D(*ras)

    @staticmethod
    def xyToRas(xy: QPoint, viewWidget: Any) -> QVector3D:
        return EffectViews.xyzToRas(QVector3D(xy.x(), xy.y(), 0.0), viewWidget)

    @staticmethod
    def xyzToIjk(xyz: QVector3D, viewWidget: Any, image: Any, parentTransformNode: Any = None) -> QVector3D:
        ijk = [0, 0, 0]
        values = [xyz.x(), xyz.y(), xyz.z()]
        Logic.XyzToIjk(values, ijk, _slice_node(viewWidget), image, parentTransformNode)
        return QVector3D(*ijk)

    @staticmethod
    def xyToIjk(xy: QPoint, viewWidget: Any, image: Any, parentTransformNode: Any = None) -> QVector3D:
        return EffectViews.xyzToIjk(QVector3D(xy.x(), xy.y(), 0.0), viewWidget, image, parentTransformNode)

    @staticmethod
    def sliceSpacing(viewWidget: Any) -> float:
        return Logic.GetSliceSpacing(_slice_node(viewWidget), viewWidget.sliceLogic())


def _is_slice(viewWidget: Any) -> bool:
    return viewWidget.inherits("qMRMLSliceWidget")


def _view(viewWidget: Any) -> Any:
    if viewWidget is None:
        return None
    if _is_slice(viewWidget):
        return viewWidget.sliceView()
    if viewWidget.inherits("qMRMLThreeDWidget"):
        return viewWidget.threeDView()
    logging.error("Unsupported view widget type!")
    return None


def _slice_node(viewWidget: Any) -> Any:
    if not _is_slice(viewWidget):
        raise ValueError(f"A slice widget is needed, not a {viewWidget.className()}")
    return viewWidget.sliceLogic().GetSliceNode()
