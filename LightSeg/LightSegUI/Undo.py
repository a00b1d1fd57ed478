"""Whoever owns the undo history at the moment, as one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from LightSegLib import mrml

if TYPE_CHECKING:
    from LightSegUI.SceneChoice import SceneChoice


class UndoInForce:
    """Hands everything on to the Segment Editor in use, or to a history of its own where there is none.

    A session keeps this one for life, so that it need not start over when the user goes from one editor to
    another. It is a `LightSegLib.mrml.UndoOwner`.

    Args:
        nodes: whose editor node an own history works on.
    """

    def __init__(self, nodes: SceneChoice) -> None:
        self._nodes = nodes
        self._given: Any = None
        self._own: mrml.LogicUndo | None = None
        self._ownEditor: Any = None

    def give(self, owner: Any) -> None:
        """From now on this one owns undo; None: an own history."""
        self._given = owner

    def close(self) -> None:
        """Let go of the nodes."""
        if self._own is not None:
            self._own.close()
        self._own = self._ownEditor = self._given = None

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._nodes.segmentation is not None and bool(self._owner.can_undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self._nodes.segmentation is not None and bool(self._owner.can_redo)

    def save_state(self) -> None:
        """Remember the segmentation as it is, right before one action of the user changes it."""
        self._owner.save_state()

    def undo(self) -> None:
        """Go back to the state before the latest action."""
        self._owner.undo()

    def redo(self) -> None:
        """Make the action undone last again."""
        self._owner.redo()

    @property
    def _owner(self) -> Any:
        if self._given is not None:
            return self._given
        editor = self._nodes.editor
        if self._own is None or self._ownEditor is not editor:  # another one after the scene was closed
            if self._own is not None:
                self._own.close()
            self._own, self._ownEditor = mrml.LogicUndo(editor), editor
        return self._own
