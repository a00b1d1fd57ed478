"""What the left mouse button draws in a slice view, from the press to the release.

Positions come in, and at the end a click, a rectangle or a line comes out; what it is for is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

from LightSegUI.EffectGeometry import SlicePlane, toRas, toXy
from LightSegUI.Shortcuts import BOX, SCRIBBLE

_MOVED = 4  # device pixels: a hand that shakes less has clicked, not dragged
_STEP = 2.0  # device pixels between the vertices of a scribble

RAS = tuple[float, float, float]


@dataclass(frozen=True)
class Click:
    """A position in world RAS mm that is inside (positive) or outside the structure."""

    ras: RAS
    positive: bool


@dataclass(frozen=True)
class Rectangle:
    """Two opposite corners in world RAS mm, and the slice they were drawn on."""

    first: RAS
    second: RAS
    plane: SlicePlane


@dataclass(frozen=True)
class Line:
    """A polyline in world RAS mm that runs inside (positive) or outside the structure."""

    points: tuple[RAS, ...]
    positive: bool


Gesture = Union[Click, Rectangle, Line]  # noqa: UP007 - evaluated at run time


@dataclass
class Drag:
    """A rectangle or a line while the button is down.

    Attributes:
        tool: "box" or "scribble".
        negative: whether it says what is outside.
        sliceNode: of the view it is drawn in.
        plane: the slice at the press.
        points: in world RAS, so that zooming meanwhile does no harm; of a box the first and the latest.
    """

    tool: str
    negative: bool
    sliceNode: Any
    plane: SlicePlane
    points: list[RAS] = field(default_factory=list)

    @classmethod
    def begin(cls, tool: str, negative: bool, sliceNode: Any, xy: tuple[int, int]) -> Drag:
        """The button went down at `xy`, in device pixels."""
        return cls(tool, negative, sliceNode, SlicePlane(sliceNode), [toRas(sliceNode, xy)])

    def moveTo(self, xy: tuple[int, int]) -> None:
        """The mouse is at `xy` now."""
        ras = toRas(self.sliceNode, xy)
        if self.tool == BOX:
            self.points[1:] = [ras]
        elif self._pixelsFromLast(ras) >= _STEP:
            self.points.append(ras)

    def end(self, xy: tuple[int, int]) -> Gesture | None:
        """The button came up at `xy`; None if that makes no rectangle: too small in either direction."""
        self.moveTo(xy)
        if self.tool == SCRIBBLE:
            # A line that never left its first pixel is a click.
            return Line(tuple(self.points), not self.negative) if len(self.points) > 1 else self._click()
        (left, low), (right, high) = toXy(self.sliceNode, self.points)
        if min(abs(right - left), abs(high - low)) < _MOVED:
            return None
        return Rectangle(self.points[0], self.points[1], self.plane)

    @property
    def isOffItsSlice(self) -> bool:
        """Whether the view has moved on to another slice since the press."""
        return not self.plane.isSameAs(SlicePlane(self.sliceNode))

    def outline(self) -> list[RAS]:
        """What to draw now: a closed rectangle or the line so far."""
        if self.tool == SCRIBBLE or len(self.points) < 2:
            return list(self.points)
        corners = [tuple(corner) for corner in self.plane.rectangle(self.points[0], self.points[1]).tolist()]
        return [*corners, corners[0]]

    def _click(self) -> Click:
        return Click(self.points[0], not self.negative)

    def _pixelsFromLast(self, ras: RAS) -> float:
        (x, y), (lastX, lastY) = toXy(self.sliceNode, [ras, self.points[-1]])
        return float(max(abs(x - lastX), abs(y - lastY)))
