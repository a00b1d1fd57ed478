"""The user's hand in the views: real interactor events at real pixels, as effects and markups get them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import vtk

Position = Sequence[float]
MODIFIERS = {"Ctrl", "Shift", "Alt"}
# As Qt passes them on with key events: large flags, not 1.
_KEY_FLAGS = {"Ctrl": 0x04000000, "Shift": 0x02000000, "Alt": 0x08000000}


class SliceMouse:
    """Moves, clicks, drags, turns the wheel and presses keys over a slice view ("Red", "Green", "Yellow")."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._inside: str | None = None

    def show(self, volume: Any) -> None:
        """Show a volume in all slice views, filling them."""
        for name in self._app.layoutManager().sliceViewNames():
            widget = self._app.layoutManager().sliceWidget(name)
            widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
            widget.sliceLogic().FitSliceToBackground()

    def xyOf(self, view: str, ras: Position) -> tuple[int, int]:
        """The pixel of a slice view nearest to a position, after moving the slice through that position."""
        node = self._widget(view).mrmlSliceNode()
        node.JumpSlice(*ras)
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), inverse)
        x, y = (round(value) for value in inverse.MultiplyPoint((*ras, 1.0))[:2])
        width, height = node.GetDimensions()[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"{tuple(ras)} lies outside the view {view} of {width} x {height} pixels: ({x}, {y})"
            )
        return x, y

    def click(self, view: str, ras: Position, modifiers: Sequence[str] = (), button: str = "Left") -> None:
        """Move there, press and release."""
        self.clickXY(view, self.xyOf(view, ras), modifiers, button)

    def clickXY(
        self, view: str, xy: tuple[int, int], modifiers: Sequence[str] = (), button: str = "Left"
    ) -> None:
        """The same at a pixel; y goes upwards."""
        self.moveXY(view, xy, modifiers)
        self.press(view, xy, modifiers, button)
        self.release(view, xy, modifiers, button)

    def drag(
        self,
        view: str,
        path: Sequence[Position],
        modifiers: Sequence[str] = (),
        button: str = "Left",
        steps: int = 5,
    ) -> None:
        """Press at the first position, move through the others in small steps, release at the last."""
        points = [self.xyOf(view, ras) for ras in path]
        self.moveXY(view, points[0], modifiers)
        self.press(view, points[0], modifiers, button)
        for start, end in pairwise(points):
            for step in range(1, steps + 1):
                x, y = (round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))
                self.moveXY(view, (x, y), modifiers)
        self.release(view, points[-1], modifiers, button)

    def move(self, view: str, ras: Position, modifiers: Sequence[str] = ()) -> None:
        """Hover."""
        self.moveXY(view, self.xyOf(view, ras), modifiers)

    def moveXY(self, view: str, xy: tuple[int, int], modifiers: Sequence[str] = ()) -> None:
        """Hover over a pixel; entering a view is an event of its own."""
        if self._inside != view:
            self.leave()
            self._send(view, "EnterEvent", xy, modifiers)
            self._inside = view
        self._send(view, "MouseMoveEvent", xy, modifiers)

    def passed(self, view: str) -> list[str]:
        """The events that no effect consumed since the last call: the view itself would act on them."""
        found = self._view(view)._d.passed
        events = list(found)
        found.clear()
        return events

    def leave(self) -> None:
        """Move out of the view."""
        if self._inside is not None:
            self._send(self._inside, "LeaveEvent", (0, 0))
        self._inside = None

    def press(
        self, view: str, xy: tuple[int, int], modifiers: Sequence[str] = (), button: str = "Left"
    ) -> None:
        """Press a button and hold it."""
        self._send(view, f"{button}ButtonPressEvent", xy, modifiers)

    def release(
        self, view: str, xy: tuple[int, int], modifiers: Sequence[str] = (), button: str = "Left"
    ) -> None:
        """Let the button go."""
        self._send(view, f"{button}ButtonReleaseEvent", xy, modifiers)

    def doubleClick(self, view: str, ras: Position, button: str = "Left") -> None:
        """Two clicks in a row, as slice views report them."""
        xy = self.xyOf(view, ras)
        self.clickXY(view, xy, (), button)
        self._send(view, f"{button}ButtonDoubleClickEvent", xy)
        self.release(view, xy, (), button)

    def wheel(self, view: str, ras: Position, forward: bool = True, modifiers: Sequence[str] = ()) -> None:
        """Turn the wheel by one notch."""
        event = "MouseWheelForwardEvent" if forward else "MouseWheelBackwardEvent"
        self._send(view, event, self.xyOf(view, ras), modifiers)

    def key(self, view: str, symbol: str, modifiers: Sequence[str] = ()) -> None:
        """A key over the view ("a", "Delete", "Control_L"); if a shortcut owns it, the view gets less."""
        interactor = self._interactor(view)
        flags = {name: _KEY_FLAGS[name] if name in modifiers else 0 for name in MODIFIERS}
        owned = self._app._shortcuts_for(symbol, modifiers)
        for shortcut in owned:
            (shortcut.activated if len(owned) == 1 else shortcut.activatedAmbiguously).emit()
        code = symbol if len(symbol) == 1 else "\0"
        x, y = interactor.GetEventPosition()
        interactor.SetEventInformation(x, y, flags["Ctrl"], flags["Shift"], code, 0, symbol)
        interactor.SetAltKey(flags["Alt"])
        for event in ("KeyReleaseEvent",) if owned else ("KeyPressEvent", "KeyReleaseEvent"):
            interactor.InvokeEvent(event)

    def _widget(self, view: str) -> Any:
        widget = self._app.layoutManager().sliceWidget(view)
        if widget is None:
            raise ValueError(f"There is no slice view {view}")
        return widget

    def _view(self, view: str) -> Any:
        if view == "3D":
            return self._app.layoutManager().threeDWidget(0).threeDView()
        return self._widget(view).sliceView()

    def _interactor(self, view: str) -> Any:
        return self._view(view).interactor()

    def _send(self, view: str, event: str, xy: tuple[int, int], modifiers: Sequence[str] = ()) -> None:
        unknown = set(modifiers) - MODIFIERS
        if unknown:
            raise ValueError(f"Modifiers are {sorted(MODIFIERS)}, not {sorted(unknown)}")
        interactor = self._interactor(view)
        control, shift = int("Ctrl" in modifiers), int("Shift" in modifiers)
        last = interactor.GetEventPosition()
        interactor.SetLastEventPosition(*last)
        interactor.SetEventInformation(int(xy[0]), int(xy[1]), control, shift, "\0", 0, "")
        interactor.SetAltKey(int("Alt" in modifiers))
        interactor.InvokeEvent(event)
