"""Who keeps the undo history of a segmentation. There must be exactly one.

Slicer remembers states of a whole segmentation. Two histories of one segmentation damage each other, because
going back in one is a new edit for the other; so LightSeg never keeps a second one but asks the owner: the
Segment Editor's widget or effect in the application, `LogicUndo` in a script.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import slicer

MAX_STATES = 20


@runtime_checkable
class UndoOwner(Protocol):
    """The one history of a segmentation."""

    @property
    def can_undo(self) -> bool:
        """Whether there is a state to go back to."""
        ...

    @property
    def can_redo(self) -> bool:
        """Whether a state that was undone can be brought back."""
        ...

    def save_state(self) -> None:
        """Remember the segmentation as it is, right before one action of the user changes it."""
        ...

    def undo(self) -> None:
        """Go back to the state before the latest action."""
        ...

    def redo(self) -> None:
        """Make the action undone last again."""
        ...


class LogicUndo:
    """An undo history without a user interface, on a `vtkSlicerSegmentEditorLogic` of its own.

    Args:
        editor_node: a `vtkMRMLSegmentEditorNode`; the history is of the segmentation it points to.
        max_states: states kept; one fewer can be undone. Shared label maps make a state as large as the
            layers that changed.
    """

    def __init__(self, editor_node: Any, max_states: int = MAX_STATES) -> None:
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(editor_node.GetScene())
        self._logic.SetMaximumNumberOfUndoStates(max_states)
        self._logic.SetSegmentEditorNode(editor_node)

    @property
    def can_undo(self) -> bool:
        """Whether there is a state to go back to."""
        return bool(self._logic.CanUndo())

    @property
    def can_redo(self) -> bool:
        """Whether a state that was undone can be brought back."""
        return bool(self._logic.CanRedo())

    def save_state(self) -> None:
        """Remember the segmentation as it is."""
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        """Go back to the state before the latest action; nothing happens if there is none."""
        if self.can_undo:
            self._logic.Undo()

    def redo(self) -> None:
        """Make the action undone last again; nothing happens if there is none."""
        if self.can_redo:
            self._logic.Redo()

    def close(self) -> None:
        """Forget the history and let go of the nodes: there is nothing to undo or redo any more."""
        # A logic observes the segmentation until it is destroyed, also without an editor node.
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMaximumNumberOfUndoStates(0)
