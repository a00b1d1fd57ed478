"""The nodes a session needs: a volume and a segmentation of one scene, and the editor's settings."""

from __future__ import annotations

from typing import Any

import slicer

from LightSegLib.errors import SessionError


def require_same_scene(volume_node: Any, segmentation_node: Any) -> None:
    """Check that a volume and a segmentation can be worked on together.

    Raises:
        SessionError: one of them is missing, or they are not in one scene.
    """
    scene = None if segmentation_node is None else segmentation_node.GetScene()
    if scene is None:
        raise SessionError(
            "There is no segmentation to work on", "It is not in the scene", "Choose or create a segmentation"
        )
    if volume_node is None or volume_node.GetScene() is not scene:
        raise SessionError(
            "There is no volume to work on", "It is not in the segmentation's scene", "Choose a volume"
        )


def add_editor(volume_node: Any, segmentation_node: Any) -> Any:
    """Add a segment editor node that users do not see: everything editable, other segments overwritten."""
    editor = slicer.vtkMRMLSegmentEditorNode()
    editor.SetName("LightSeg session")
    editor.SetHideFromEditors(True)
    editor.SetSaveWithScene(False)
    editor = segmentation_node.GetScene().AddNode(editor)
    editor.SetAndObserveSegmentationNode(segmentation_node)
    editor.SetAndObserveSourceVolumeNode(volume_node)
    return editor
