"""Observers of the nodes a session works with, all of them gone after `close`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import slicer


class SceneWatch:
    """Reports what others do to a volume node and a segmentation node.

    The listeners are bound methods and are held weakly, so that a forgotten session can be collected although
    the scene lives on.

    Args:
        volume_node: the image's node.
        segmentation_node: the segmentation's node.
        gone: called when one of the nodes left the scene or the scene was closed.
        edited: called after an edit of voxels.
        restored: called after a segment changed in another way: undo and redo, but also names and colors.
    """

    def __init__(
        self,
        volume_node: Any,
        segmentation_node: Any,
        *,
        gone: Callable[[], None],
        edited: Callable[[], None],
        restored: Callable[[], None],
    ) -> None:
        self._nodes = (volume_node, segmentation_node)
        self._observed: list[tuple[Any, int]] = []
        scene, segmentation = segmentation_node.GetScene(), slicer.vtkSegmentation
        missing = self._if_missing(gone)
        for event in (slicer.vtkMRMLScene.NodeRemovedEvent, slicer.vtkMRMLScene.EndCloseEvent):
            self._observed.append((scene, scene.AddObserver(event, missing)))
        # Asked of the node, not of its vtkSegmentation: the node tells of a whole undo once, when it is over,
        # and goes on telling when its vtkSegmentation is replaced.
        for event, listener in (
            (segmentation.SourceRepresentationModified, edited),
            (segmentation.SegmentModified, restored),
        ):
            tag = segmentation_node.AddObserver(event, _weak(listener))
            self._observed.append((segmentation_node, tag))

    @property
    def complete(self) -> bool:
        """Whether both nodes are in a scene, and in the same one."""
        volume_node, segmentation_node = self._nodes
        scene = segmentation_node.GetScene()
        return scene is not None and volume_node.GetScene() is scene

    def close(self) -> None:
        """Remove all observers. May be called again."""
        while self._observed:
            subject, tag = self._observed.pop()
            subject.RemoveObserver(tag)

    def _if_missing(self, gone: Callable[[], None]) -> Callable[..., None]:
        listener = weakref.WeakMethod(gone)
        watch = weakref.ref(self)

        def check(*_: Any) -> None:
            call, me = listener(), watch()
            if call is not None and me is not None and not me.complete:
                call()

        return check


def _weak(listener: Callable[[], None]) -> Callable[..., None]:
    method = weakref.WeakMethod(listener)

    def call(*_: Any) -> None:
        found = method()
        if found is not None:
            found()

    return call
