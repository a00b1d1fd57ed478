"""How a Segment Editor listens to the views and passes events to its active effect."""

from __future__ import annotations

import logging
from typing import Any

import slicer
from PySide6.QtGui import QCursor
from shiboken6 import Shiboken

from . import signals

# What reaches an effect; CharEvent does not. Double clicks come from slice views only.
SLICE_EVENTS = [
    "LeftButtonPressEvent",
    "LeftButtonReleaseEvent",
    "LeftButtonDoubleClickEvent",
    "RightButtonPressEvent",
    "RightButtonReleaseEvent",
    "RightButtonDoubleClickEvent",
    "MiddleButtonPressEvent",
    "MiddleButtonReleaseEvent",
    "MiddleButtonDoubleClickEvent",
    "MouseMoveEvent",
    "MouseWheelForwardEvent",
    "MouseWheelBackwardEvent",
    "MouseWheelLeftEvent",
    "MouseWheelRightEvent",
    "KeyPressEvent",
    "KeyReleaseEvent",
    "EnterEvent",
    "LeaveEvent",
]
THREED_EVENTS = [name for name in SLICE_EVENTS if "DoubleClick" not in name]


class EditorViews:
    """Mixed into the editor widget."""

    def setupViewObservations(self) -> None:
        """Listen to all views that show the segmentation."""
        self.removeViewObservations()
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            widget = manager.sliceWidget(name)
            if self._d.logic.IsSegmentationDisplayableInView(widget.mrmlSliceNode()):
                interactor = widget.sliceView().interactorStyle().GetInteractor()
                self._observe(widget, interactor, SLICE_EVENTS)
                self._observe(widget, widget.sliceLogic().GetSliceNode(), ["ModifiedEvent"])
        for index in range(manager.threeDViewCount):
            widget = manager.threeDWidget(index)
            if self._d.logic.IsSegmentationDisplayableInView(widget.mrmlViewNode()):
                self._observe(widget, widget.threeDView().interactor(), THREED_EVENTS)
                self._observe(widget, widget.mrmlViewNode(), ["ModifiedEvent"])
        self._d.viewsObserved = True

    def removeViewObservations(self) -> None:
        """Stop listening."""
        for target, tag in self._d.observations:
            target.RemoveObserver(tag)
        self._d.observations = []
        self._d.viewsObserved = False

    def _observe(self, view_widget: Any, target: Any, events: list[str]) -> None:
        for event in events:
            passer = _Passer(self, view_widget, target)
            passer.tag = target.AddObserver(event, passer, 1.0)
            self._d.observations.append((target, passer.tag))

    def _onLayoutChanged(self, layout: int) -> None:
        if self._d.viewsObserved:
            self.setupViewObservations()
            if self._d.autoShow:
                self.showSourceVolumeInSliceViewers()
            for effect in self._d.effects:
                effect._layoutChanged()

    def showSourceVolumeInSliceViewers(
        self, forceShowInBackground: bool = False, fitSlice: bool = False
    ) -> None:
        """Show the source volume behind the segments."""
        source = self._d.node.GetSourceVolumeNode()
        if source is None:
            return
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            widget = manager.sliceWidget(name)
            if not self._d.logic.IsSegmentationDisplayableInView(widget.mrmlSliceNode()):
                continue
            composite = widget.mrmlSliceCompositeNode()
            shown = source.GetID() in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
            if not shown or forceShowInBackground:
                composite.SetBackgroundVolumeID(source.GetID())
                composite.SetForegroundVolumeID(None)
                composite.SetLabelVolumeID(None)
            if fitSlice:
                widget.sliceLogic().FitSliceToBackground(True)

    def setEffectCursor(self, effect: Any) -> None:
        """Show the effect's cursor in the views, the usual one without effect."""
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            widget = manager.sliceWidget(name)
            show = effect is not None and effect.showEffectCursorInSliceView
            if effect is None or self._d.logic.IsSegmentationDisplayableInView(widget.mrmlSliceNode()):
                widget.sliceView().setViewCursor(effect.createCursor(widget) if show else QCursor())
                widget.sliceView().setDefaultViewCursor(effect.createCursor(widget) if show else QCursor())
        for index in range(manager.threeDViewCount):
            view = manager.threeDWidget(index).threeDView()
            show = effect is not None and effect.showEffectCursorInThreeDView
            view.setViewCursor(effect.createCursor(manager.threeDWidget(index)) if show else QCursor())


class _Passer:
    """Passes events of one view to the active effect; what it consumes, later observers do not see."""

    def __init__(self, editor: Any, view_widget: Any, target: Any) -> None:
        self._editor = editor
        self._view_widget = view_widget
        self._target = target
        self.tag = 0

    def __call__(self, caller: Any, event: str) -> None:
        if not Shiboken.isValid(self._editor) or not Shiboken.isValid(self._view_widget):
            return
        editor = self._editor
        scene = editor.mrmlScene()
        if scene is None or scene.IsClosing() or editor.mrmlSegmentEditorNode() is None:
            return
        effect = editor.activeEffect()
        if effect is None:
            return
        try:
            number = _number(event)
            if caller.IsA("vtkRenderWindowInteractor"):
                if effect._processInteractionEvents(caller, number, self._view_widget):
                    caller.GetCommand(self.tag).SetAbortFlag(1)
            else:
                effect._processViewNodeEvents(caller, number, self._view_widget)
        except Exception as error:
            logging.exception("An error while an effect handled %s", event)
            signals.errors.append(error)


def _number(event: str) -> int:
    import vtk

    return vtk.vtkCommand.GetEventIdFromString(event)
