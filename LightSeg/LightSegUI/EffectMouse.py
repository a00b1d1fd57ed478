"""Which events of a slice view are the effect's, and what they amount to.

The left button is the effect's, alone or with Ctrl (on a Mac Qt reports the Command key as Ctrl). Shift
belongs to the crosshair, Alt and the other buttons and the wheel to Slicer. A press that is taken takes its
release along, or Slicer would see half a click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import vtk

from LightSegUI.EffectGeometry import toRas
from LightSegUI.EffectGestures import BOX, SCRIBBLE, Click, Drag, Gesture
from LightSegUI.Shortcuts import OUTSIDE

_PRESS = vtk.vtkCommand.LeftButtonPressEvent
_RELEASE = vtk.vtkCommand.LeftButtonReleaseEvent
_DOUBLE = vtk.vtkCommand.LeftButtonDoubleClickEvent
_MOVE = vtk.vtkCommand.MouseMoveEvent
_RIGHT_PRESS = vtk.vtkCommand.RightButtonPressEvent
_RIGHT_RELEASE = vtk.vtkCommand.RightButtonReleaseEvent
_KEY_PRESS = vtk.vtkCommand.KeyPressEvent
_KEY_RELEASE = vtk.vtkCommand.KeyReleaseEvent
_CONTROL_KEYS = ("Control_L", "Control_R")


class Listener(Protocol):
    """Who is told of what the mouse does."""

    def currentTool(self) -> str:
        """The tool that is on."""
        ...

    def mayStartDrag(self) -> bool:
        """Asked before a rectangle or a line begins."""
        ...

    def drawn(self, gesture: Gesture) -> None:
        """A click, a rectangle or a line is complete."""
        ...

    def drawing(self, viewWidget: Any, drag: Drag | None) -> None:
        """What is being drawn has changed, or (None) is over."""
        ...

    def negativeChanged(self, negative: bool) -> None:
        """Ctrl went down or up: a press would now say what is outside, or inside."""
        ...

    def drewNothing(self) -> None:
        """A rectangle had no size."""
        ...


class EffectMouse:
    """Events in, gestures out.

    Args:
        listener: told of them.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._drag: Drag | None = None
        self._dragView: Any = None
        self._holds: set[int] = set()
        self._negative = False

    @property
    def negative(self) -> bool:
        """Whether Ctrl is held, as far as the slice views know."""
        return self._negative

    def process(self, interactor: Any, eventId: int, viewWidget: Any) -> bool:
        """Take an event of a slice view; returns whether it was the effect's."""
        handlers: dict[int, Callable[[Any, Any], bool]] = {
            _PRESS: self._press,
            _RELEASE: self._release,
            _DOUBLE: self._doubleClick,
            _MOVE: self._move,
            _RIGHT_PRESS: self._rightPress,
            _RIGHT_RELEASE: self._rightRelease,
        }
        if eventId in (_KEY_PRESS, _KEY_RELEASE):
            if interactor.GetKeySym() in _CONTROL_KEYS:
                self._setNegative(eventId == _KEY_PRESS)
            return False
        handler = handlers.get(eventId)
        return handler(interactor, viewWidget) if handler is not None else False

    def viewMoved(self, viewWidget: Any) -> None:
        """A slice view was scrolled, zoomed or panned."""
        if self._drag is None or viewWidget != self._dragView:
            return
        if self._drag.isOffItsSlice:
            self.stop()
        else:
            self._listener.drawing(self._dragView, self._drag)

    def stop(self) -> None:
        """Give up what is being drawn."""
        view, self._drag, self._dragView = self._dragView, None, None
        if view is not None:
            self._listener.drawing(view, None)

    # --- Events -------------------------------------------------------------------------------------------

    def _press(self, interactor: Any, viewWidget: Any) -> bool:
        self.stop()
        if interactor.GetShiftKey() or interactor.GetAltKey():
            self._holds.discard(_RELEASE)
            return False
        # Noted first: a question to the user may swallow the release, and with it this method's second half.
        self._holds.add(_RELEASE)
        negative = bool(interactor.GetControlKey())
        self._setNegative(negative)
        tool, sliceNode = self._listener.currentTool(), viewWidget.mrmlSliceNode()
        xy = interactor.GetEventPosition()
        if tool == SCRIBBLE or (tool == BOX and not negative):
            if self._listener.mayStartDrag():
                self._drag = Drag.begin(tool, negative, sliceNode, xy)
                self._dragView = viewWidget
        else:
            positive = not negative and tool != OUTSIDE
            self._listener.drawn(Click(toRas(sliceNode, xy), positive))
        return True

    def _move(self, interactor: Any, viewWidget: Any) -> bool:
        if self._drag is None:
            self._setNegative(bool(interactor.GetControlKey()))
            return False
        if viewWidget != self._dragView:
            return False
        self._drag.moveTo(interactor.GetEventPosition())
        self._listener.drawing(viewWidget, self._drag)
        return True

    def _release(self, interactor: Any, viewWidget: Any) -> bool:
        if _RELEASE not in self._holds:
            return False
        self._holds.discard(_RELEASE)
        drag = self._drag
        if drag is not None and viewWidget == self._dragView:
            self.stop()
            gesture = drag.end(interactor.GetEventPosition())
            if gesture is None:
                self._listener.drewNothing()
            else:
                self._listener.drawn(gesture)
        return True

    def _doubleClick(self, interactor: Any, viewWidget: Any) -> bool:
        """The second click of two says nothing new; but it is not to enlarge the view either."""
        if interactor.GetShiftKey() or interactor.GetAltKey():
            return False
        self._holds.add(_RELEASE)
        return True

    def _rightPress(self, interactor: Any, viewWidget: Any) -> bool:
        """Gives up what is being drawn; otherwise it is Slicer's."""
        if self._drag is None:
            return False
        self.stop()
        self._holds.add(_RIGHT_RELEASE)
        return True

    def _rightRelease(self, interactor: Any, viewWidget: Any) -> bool:
        if _RIGHT_RELEASE not in self._holds:
            return False
        self._holds.discard(_RIGHT_RELEASE)
        return True

    def _setNegative(self, negative: bool) -> None:
        if negative != self._negative:
            self._negative = negative
            self._listener.negativeChanged(negative)
