"""Looks at the editor node and the segmentation, and tells once of what comes as many events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk

_SEGMENT_EVENTS = ("SegmentModified", "SourceRepresentationModified", "SegmentAdded", "SegmentRemoved")


class EffectWatch:
    """Watches what is selected, and undo and redo, which show as changed segments only.

    Args:
        onSettled: called when the events of one action are over.
    """

    def __init__(self, onSettled: Callable[[], None]) -> None:
        self._onSettled = onSettled
        self._segmentation: Any = None
        self._observed: list[tuple[Any, int]] = []
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(onSettled)

    def start(self, editorNode: Any, segmentationNode: Any) -> None:
        """Watch these, and nothing else; either may be None."""
        self.stop()
        self._segmentation = segmentationNode
        if editorNode is not None:
            self._watch(editorNode, vtk.vtkCommand.ModifiedEvent)
        if segmentationNode is not None:
            for name in _SEGMENT_EVENTS:
                self._watch(segmentationNode.GetSegmentation(), getattr(slicer.vtkSegmentation, name))

    def watches(self, segmentationNode: Any) -> bool:
        """Whether it is this segmentation that is watched."""
        return segmentationNode is self._segmentation

    def poke(self, *unused: Any) -> None:
        """Something has changed: tell of it when all that belongs to it has happened."""
        if not self._later.isActive():
            self._later.start()

    def stop(self) -> None:
        """Watch nothing any more."""
        self._later.stop()
        for caller, tag in self._observed:
            caller.RemoveObserver(tag)
        self._observed = []
        self._segmentation = None

    def cleanup(self) -> None:
        """Stop for good."""
        self.stop()
        self._later.timeout.disconnect(self._onSettled)

    def _watch(self, caller: Any, event: int) -> None:
        self._observed.append((caller, caller.AddObserver(event, self.poke)))
