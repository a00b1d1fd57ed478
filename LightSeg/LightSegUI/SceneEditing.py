"""The Segment Editor on the screen as owner of the undo history.

The editor widget keeps a history that nobody else can reach, and a second one for the same segmentation would
damage it. So whatever LightSeg writes is saved, undone and redone through the widget that the user sees.
"""

from __future__ import annotations

import logging
from typing import Any

import slicer

EDITOR_CLASS = "qMRMLSegmentEditorWidget"
SEGMENT_EDITOR_TAG = "SegmentEditor"
"""Singleton tag of the editor node of Slicer's Segment Editor module."""
PANEL_TAG = "LightSeg"
"""Singleton tag of the editor node of the LightSeg module's panel."""

_MODULES = {SEGMENT_EDITOR_TAG: "segmenteditor", PANEL_TAG: "lightseg"}
# What PythonQt and PySide raise when the C++ side of an object is gone.
GONE = (ValueError, AttributeError, RuntimeError)

_LOG = logging.getLogger(__name__)


class _EditorUndo:
    """History of an editor widget. Two of one widget are equal, because there is one history."""

    @property
    def editor(self) -> Any:
        """The qMRMLSegmentEditorWidget, None if it cannot be found."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        return isinstance(other, _EditorUndo) and self.editor is not None and self.editor == other.editor

    def __hash__(self) -> int:
        return hash(EDITOR_CLASS)  # an effect may find its editor late, and must not change its hash then

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo, as the widget's own button shows."""
        return _buttonEnabled(self.editor, "UndoButton")

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo, as the widget's own button shows."""
        return _buttonEnabled(self.editor, "RedoButton")

    def undo(self) -> None:
        """Go back one saved state."""
        _callIfAlive(self.editor, "undo")

    def redo(self) -> None:
        """Go forward one saved state."""
        _callIfAlive(self.editor, "redo")


class EditorWidgetUndo(_EditorUndo):
    """Undo history of a qMRMLSegmentEditorWidget, for what is written outside of its effects.

    Args:
        editor: the widget.
    """

    def __init__(self, editor: Any) -> None:
        self._editor = editor

    @property
    def editor(self) -> Any:
        """The widget."""
        return self._editor

    def save_state(self) -> None:
        """Remember the segmentation as it is; call it once for each action of the user, before the change."""
        _callIfAlive(self._editor, "saveStateForUndo")


class EffectUndo(_EditorUndo):
    """Undo history of the editor that hosts an effect.

    Saving goes through the effect, as for every other effect; undo and redo through the hosting widget.

    Args:
        scriptedEffect: the C++ side of the effect, a qSlicerSegmentEditorScriptedEffect.
    """

    def __init__(self, scriptedEffect: Any) -> None:
        self._effect = scriptedEffect
        self._editor: Any = None

    @property
    def editor(self) -> Any:
        """The hosting qMRMLSegmentEditorWidget, None if it cannot be found."""
        if self._editor is None:
            self._editor = hostingEditor(self._effect)
        return self._editor

    def save_state(self) -> None:
        """Remember the segmentation as it is; call it once for each action of the user, before the change."""
        _callIfAlive(self._effect, "saveStateForUndo")


def hostingEditor(scriptedEffect: Any) -> Any:
    """The qMRMLSegmentEditorWidget that an effect lives in, None if it cannot be found.

    The options frame of an effect lies in its editor, so this works in any module that embeds one. The frame
    lies nowhere before the editor has taken it over; then the two known editors are asked.
    """
    try:
        widget = scriptedEffect.optionsFrame()
        while widget is not None:
            if widget.inherits(EDITOR_CLASS):
                return widget
            widget = widget.parentWidget()
        node = scriptedEffect.parameterSetNode()
        return editorOf(node.GetSingletonTag()) if node is not None else None
    except GONE:
        return None


def editorOf(singletonTag: str | None) -> Any:
    """The editor widget that works with the editor node of a singleton tag, None if there is none yet."""
    module = getattr(slicer.modules, _MODULES.get(singletonTag or "", "-"), None)
    if module is None:
        return None
    try:
        return module.widgetRepresentation().self().editor
    except GONE:
        return None


def _buttonEnabled(editor: Any, name: str) -> bool:
    """The widget does not tell whether it can undo, but its button knows."""
    if editor is None:
        return False
    try:
        return any(bool(button.isEnabled()) for button in slicer.util.findChildren(editor, name=name))
    except GONE:
        return False


def _callIfAlive(target: Any, method: str) -> None:
    """A result may come in after the widget has gone; then there is no history to keep any more."""
    if target is None:
        return
    try:
        getattr(target, method)()
    except GONE:
        _LOG.info("%s was not called: its Segment Editor is gone", method)
