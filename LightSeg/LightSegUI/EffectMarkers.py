"""Small signs in the slice views where prompts lie, and the rubber band of the one being drawn.

They are 2D actors of the views, not markups: nothing is added to the scene, nothing gets in the way of the
mouse. A plus stands for inside and a minus for outside, so that the colors are not needed to tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk

from LightSegUI.EffectGeometry import SlicePlane, toXy

GREEN = (80, 220, 100)
RED = (255, 80, 70)
YELLOW = (255, 220, 60)
_BLACK = (0, 0, 0)
_ARM = 6.0  # half the length of a sign, in pixels of a screen at 100 %
_FADE_MM = 8.0  # a sign this far from the slice is not seen any more


@dataclass(frozen=True)
class Stroke:
    """A line through RAS points (N, 3); `sign` +1 or -1 puts that sign at the only point instead."""

    points: Any
    color: tuple[int, int, int]
    sign: int = 0


class ViewOverlay:
    """What is drawn over one slice view.

    Args:
        scriptedEffect: the C++ side of the effect, which hands actors to views.
        viewWidget: a qMRMLSliceWidget.
    """

    def __init__(self, scriptedEffect: Any, viewWidget: Any) -> None:
        self._effect = scriptedEffect
        self._view = viewWidget
        self._sliceNode = viewWidget.mrmlSliceNode()
        # The wide dark line below makes the thin bright one readable on any image.
        self._layers = [_Layer(4.0, _BLACK), _Layer(2.0, None)]
        for layer in self._layers:
            scriptedEffect.addActor2D(viewWidget, layer.actor)

    def show(self, strokes: Iterable[Stroke]) -> None:
        """Draw these and nothing else, where the view stands now."""
        drawn = list(self._visible(strokes))
        changed = [layer.draw(drawn, self._pixelRatio()) for layer in self._layers]
        if any(changed):
            self._effect.scheduleRender(self._view)

    def remove(self) -> None:
        """Take everything off the view."""
        for layer in self._layers:
            self._effect.removeActor2D(self._view, layer.actor)

    def _visible(self, strokes: Iterable[Stroke]) -> Iterable[tuple[np.ndarray, tuple[int, int, int], int]]:
        """Lines (N, 2) in pixels with color and opacity, without those that are too far away."""
        plane, arm = SlicePlane(self._sliceNode), _ARM * self._pixelRatio()
        for stroke in strokes:
            distance = float(np.abs(plane.distance(stroke.points)).min())
            opacity = round(255 * max(0.0, 1.0 - distance / _FADE_MM))
            if opacity == 0:
                continue
            xy = toXy(self._sliceNode, stroke.points)
            for line in _signLines(xy[0], arm, stroke.sign) if stroke.sign else [xy]:
                yield line, stroke.color, opacity

    def _pixelRatio(self) -> float:
        """Device pixels per pixel of the screen at 100 %; events and actors count device pixels."""
        window = self._effect.renderWindow(self._view)
        width = self._view.sliceView().property("width")
        return max(1.0, window.GetSize()[0] / width) if window is not None and width else 1.0


class _Layer:
    """One actor with all lines of a view in one width."""

    def __init__(self, width: float, color: tuple[int, int, int] | None) -> None:
        self._width = width
        self._color = color
        self._data = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(self._data)
        mapper.SetScalarModeToUsePointData()
        mapper.SetColorModeToDefault()
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.PickableOff()

    def draw(self, lines: Sequence[tuple[np.ndarray, tuple[int, int, int], int]], ratio: float) -> bool:
        """Replace the lines; returns whether there were or are any."""
        points, cells, colors = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkUnsignedCharArray()
        colors.SetNumberOfComponents(4)
        for xy, color, opacity in lines:
            cells.InsertNextCell(len(xy))
            for x, y in xy.tolist():
                cells.InsertCellPoint(points.InsertNextPoint(x, y, 0.0))
                colors.InsertNextTuple4(*(self._color or color), opacity)
        some = bool(self._data.GetNumberOfPoints() or points.GetNumberOfPoints())
        self._data.Initialize()
        self._data.SetPoints(points)
        self._data.SetLines(cells)
        self._data.GetPointData().SetScalars(colors)
        self.actor.GetProperty().SetLineWidth(self._width * ratio)
        return some


def _signLines(center: np.ndarray, arm: float, sign: int) -> list[np.ndarray]:
    """A plus or a minus around a position."""
    across, up = np.array([arm, 0.0]), np.array([0.0, arm])
    lines = [np.array([center - across, center + across])]
    return [*lines, np.array([center - up, center + up])] if sign > 0 else lines
