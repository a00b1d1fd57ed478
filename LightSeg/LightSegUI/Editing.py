"""Where editing takes place at the moment: who owns undo, and whose masking settings hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from LightSegLib.mrml import UndoOwner


@dataclass(frozen=True)
class Editing:
    """What a panel or an effect tells the logic with `InteractiveLogic.setEditing`.

    Attributes:
        undoOwner: saves, undoes and redoes. There may be only one history per segmentation, and a Segment
            Editor on the screen has one already.
        editorNode: vtkMRMLSegmentEditorNode with the masking settings and the selected segment.
    """

    undoOwner: UndoOwner
    editorNode: Any
