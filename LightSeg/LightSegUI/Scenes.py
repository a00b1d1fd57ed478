"""The scene to work in, and nodes by themselves or by ID."""

from __future__ import annotations

from typing import Any

import slicer

from LightSegLib.errors import SessionError
from LightSegUI.Translation import tr as _

_plainLogics: list[Any] = []


def sceneToUse(scene: Any = None) -> Any:
    """The scene given, else Slicer's, else a new one (in plain Python)."""
    if scene is None:
        scene = getattr(slicer, "mrmlScene", None)
    if scene is None:
        scene = slicer.vtkMRMLScene()
    if not _plainLogics and getattr(slicer, "app", None) is None:
        # In plain Python nobody has told the segmentation library yet how to make its representations.
        logic = slicer.vtkSlicerSegmentationsModuleLogic()
        logic.SetMRMLScene(slicer.vtkMRMLScene())  # it tells the whole library, whatever its own scene
        _plainLogics.append(logic)
    return scene


def asNode(scene: Any, nodeOrId: Any, what: str) -> Any:
    """The node that is meant; None for None and for an empty ID.

    Args:
        scene: where IDs are looked up.
        nodeOrId: a node, or the ID of one.
        what: what it is wanted for, in the error's words: "volume".

    Raises:
        SessionError: there is no node of this ID, or it is neither a node nor an ID.
    """
    if nodeOrId is None or nodeOrId == "":
        return None
    if isinstance(nodeOrId, str):
        node = scene.GetNodeByID(nodeOrId)
        if node is None:
            raise SessionError(
                _("There is no node with the ID {id}").format(id=nodeOrId),
                _("It was asked for as {what}").format(what=what),
                _("Give the node itself, or the ID of one in the scene"),
            )
        return node
    if not (hasattr(nodeOrId, "IsA") and nodeOrId.IsA("vtkMRMLNode")):
        raise SessionError(
            _("A {kind} cannot serve as {what}").format(kind=type(nodeOrId).__name__, what=what),
            _("It is no node of the scene"),
            _("Give a node or its ID"),
        )
    return nodeOrId
