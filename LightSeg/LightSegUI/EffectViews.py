"""The slice views as the effect uses them: markers, the rubber band and the mouse pointer of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import slicer

from LightSegUI.EffectGestures import RAS, Click, Gesture, Line, Rectangle
from LightSegUI.EffectMarkers import GREEN, RED, YELLOW, Stroke, ViewOverlay
from LightSegUI.SceneEditing import GONE

SLICE_VIEW = "qMRMLSliceWidget"


def sliceViews(scriptedEffect: Any) -> Iterator[Any]:
    """All slice view widgets that show the segmentation."""
    manager = slicer.app.layoutManager()
    if manager is None:  # no main window, or the application is closing
        return
    for name in manager.sliceViewNames():
        view = manager.sliceWidget(name)
        if view is not None and scriptedEffect.segmentationDisplayableInView(view.mrmlSliceNode()):
            yield view


class EffectViews:
    """Overlays of all slice views, from the effect's activation to its deactivation.

    Args:
        scriptedEffect: the C++ side of the effect.
    """

    def __init__(self, scriptedEffect: Any) -> None:
        self._effect = scriptedEffect
        self._overlays: dict[str, tuple[ViewOverlay, Any]] = {}
        self._markers: list[Stroke] = []
        self._drawn: tuple[str, list[Stroke]] = ("", [])

    def showMarkers(self, prompts: Iterable[Gesture]) -> None:
        """Mark these prompts in all views."""
        self._markers = [stroke for prompt in prompts for stroke in _strokes(prompt)]
        self.refresh()

    def showDrawing(self, viewWidget: Any, points: Sequence[RAS], negative: bool = False) -> None:
        """Show what is being drawn in a view; no points, no drawing."""
        key = viewWidget.mrmlSliceNode().GetID()
        color = RED if negative else YELLOW
        self._drawn = (key, [Stroke(points, color)] if len(points) > 1 else [])
        self.refreshView(viewWidget)

    def refresh(self) -> None:
        """Draw all views again; views that came with another layout are taken in."""
        for view in sliceViews(self._effect):
            self.refreshView(view)

    def refreshView(self, viewWidget: Any) -> None:
        """Draw one view again, where it stands now."""
        key = viewWidget.mrmlSliceNode().GetID()
        if key not in self._overlays:
            self._overlays[key] = (ViewOverlay(self._effect, viewWidget), viewWidget)
        drawnIn, drawing = self._drawn
        self._overlays[key][0].show([*self._markers, *(drawing if drawnIn == key else [])])

    def setCursor(self, cursor: Any) -> None:
        """Give all slice views a mouse pointer."""
        for view in sliceViews(self._effect):
            # The default one too: it comes back after the mouse was over a markup.
            view.sliceView().setViewCursor(cursor)
            view.sliceView().setDefaultViewCursor(cursor)

    def remove(self) -> None:
        """Take everything off the views."""
        for overlay, _view in self._overlays.values():
            try:
                overlay.remove()
            except GONE:  # the view went with a change of the layout
                continue
        self._overlays = {}
        self._markers = []
        self._drawn = ("", [])


def _strokes(prompt: Gesture) -> list[Stroke]:
    """How a prompt is marked."""
    if isinstance(prompt, Click):
        return [Stroke([prompt.ras], GREEN if prompt.positive else RED, 1 if prompt.positive else -1)]
    if isinstance(prompt, Line):
        return [Stroke(prompt.points, GREEN if prompt.positive else RED)]
    if isinstance(prompt, Rectangle):
        corners = prompt.plane.rectangle(prompt.first, prompt.second)
        return [Stroke([*corners, corners[0]], GREEN)]
    return []
