"""Which segment a structure that was named goes to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import slicer

from LightSegLib import mrml

if TYPE_CHECKING:
    from LightSegLib.text.structures import Structure
    from LightSegUI.Names import Names
    from LightSegUI.SceneChoice import SceneChoice

_DEFAULT_NAME = re.compile(r"Segment(_\d+)*")
"""What Slicer calls a segment that nobody gave a name."""


class TextTargets:
    """Looks for a place among the segments that are there.

    Args:
        nodes: the chosen nodes.
        names: what names of segments mean.
    """

    def __init__(self, nodes: SceneChoice, names: Names) -> None:
        self._nodes = nodes
        self._names = names

    def find(self, structure: Structure) -> str | None:
        """The segment for a structure; None for a new one.

        The segment that has its name already, the selected one before others: a name given again means the
        same segment, and a second one would take the voxels of the first. Else the selected segment, if it
        is empty and nobody named it.
        """
        selected = self._nodes.selectedSegment
        ids = self._nodes.segmentIds()
        for segmentId in sorted(ids, key=lambda each: each != selected):
            if self._names.meant(self._segment(segmentId).GetName()) == structure:
                return segmentId
        if selected is not None and self._isFree(selected):
            return selected
        return None

    def isUnnamed(self, segmentId: str) -> bool:
        """Whether a segment has the name that Slicer gave it."""
        return _DEFAULT_NAME.fullmatch(self._segment(segmentId).GetName()) is not None

    def isEmpty(self, segmentId: str) -> bool:
        """Whether a segment has no voxels."""
        writer = mrml.SegmentWriter(
            self._nodes.editor,
            self._nodes.segmentation,
            mrml.volume_from_node(self._nodes.requireVolume()),
            self._nodes.volume,
        )
        return bool(writer.content(segmentId).box.is_empty)

    def _isFree(self, segmentId: str) -> bool:
        display = self._nodes.segmentation.GetDisplayNode()
        visible = display is None or display.GetSegmentVisibility(segmentId)
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        accepted = logic.GetSegmentStatus(self._segment(segmentId)) == logic.Completed
        return bool(visible) and not accepted and self.isUnnamed(segmentId) and self.isEmpty(segmentId)

    def _segment(self, segmentId: str) -> Any:
        return self._nodes.segmentation.GetSegmentation().GetSegment(segmentId)
