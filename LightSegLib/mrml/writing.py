"""The only code that changes a segment's voxels.

A change is written as what it adds and what it takes away, through the Segment Editor's own logic and only
inside the box that changed. The editor's settings hold: editable area, intensity range, and which other
segments give way. Segments the user accepted never give way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from LightSegLib.errors import SessionError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.mrml.editable_area import EditableArea
from LightSegLib.mrml.lattice import moved
from LightSegLib.mrml.segment_voxels import (
    BINARY_LABELMAP,
    SegmentationGrid,
    SegmentContent,
    covered_by,
    extent_of,
    read_content,
)
from LightSegLib.segments import Change

_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Flips:
    """Voxels of a box of the segmentation's grid that a segment gains and loses."""

    box: IndexBox
    added: _Bools
    removed: _Bools


class SegmentWriter:
    """Writes changes of a session into segments and reads segments for the session. Main thread only.

    Args:
        editor_node: `vtkMRMLSegmentEditorNode` whose masking and overwrite settings hold. Nothing in it is
            changed, the selected segment least of all.
        segmentation_node: `vtkMRMLSegmentationNode`; without a geometry it gets the image's.
        volume: the image the changes belong to.
        volume_node: the node of the image, for the editable intensity range while the editor has no source
            volume; may be None.
    """

    def __init__(
        self, editor_node: Any, segmentation_node: Any, volume: Volume, volume_node: Any | None = None
    ) -> None:
        self._editor = editor_node
        self._node = segmentation_node
        self._volume = volume
        self._area = EditableArea(editor_node, segmentation_node, volume_node)
        # A node of our own outside the scene: masking is worked out here, in the box only, so that the logic
        # must not do it again, and it has no business with the user's selection.
        self._settings = slicer.vtkMRMLSegmentEditorNode()
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMaximumNumberOfUndoStates(0)
        self._logic.SetSegmentEditorNode(self._settings)

    def grid(self) -> SegmentationGrid:
        """The grid the segmentation is kept in now.

        Raises:
            GeometryError: it cannot be matched with the image.
        """
        return SegmentationGrid.of(self._node, self._volume)

    def check(self, segment_id: str) -> None:
        """Raise what `write` would raise for a segment that is missing, no voxels, or cannot be placed."""
        self._segment(segment_id)
        self.grid()

    def write(
        self,
        segment_id: str,
        change: Change,
        protected: Sequence[str] = (),
        save_state: Callable[[], None] | None = None,
    ) -> IndexBox | None:
        """Add and remove the voxels that a change turned over, as far as masking allows.

        Args:
            segment_id: the segment.
            change: what to write; `change.flips` says where, `change.mask` in which direction.
            protected: IDs of other segments that must not lose voxels, whatever the overwrite mode.
            save_state: called once right before the first voxel changes, not at all if none does; for the
                undo history.

        Returns:
            The box that was written, in the segmentation's own grid; None if nothing was.

        Raises:
            SessionError: no such segment, or none made of voxels; the intensity range has no volume.
            GeometryError: see `grid`.
        """
        self._segment(segment_id)
        grid = self.grid()
        box = grid.from_image.box(change.box).intersect(grid.box)
        if box.is_empty:
            return None
        flips = grid.from_image.carry(change.flips, change.box, box)
        inside = grid.from_image.carry(change.mask, change.box, box)
        return self._turn_over(
            segment_id, _Flips(box, flips & inside, flips & ~inside), grid, protected, save_state
        )

    def erase(
        self,
        segment_id: str,
        protected: Sequence[str] = (),
        save_state: Callable[[], None] | None = None,
    ) -> IndexBox | None:
        """Empty a segment as far as masking allows; arguments, result and errors as for `write`."""
        segment, grid = self._segment(segment_id), self.grid()
        content = read_content(segment, grid)
        flips = _Flips(content.box, np.zeros_like(content.mask), content.mask)
        return self._turn_over(segment_id, flips, grid, protected, save_state)

    def content(self, segment_id: str, within: IndexBox | None = None) -> SegmentContent:
        """The voxels of a segment in the segmentation's grid.

        Args:
            segment_id: the segment.
            within: a box of the grid known to hold all of it, to save the search.

        Raises:
            SessionError, GeometryError: as for `write`.
        """
        return read_content(self._segment(segment_id), self.grid(), within)

    def read(self, segment_id: str) -> _Bools:
        """The voxels of a segment in the grid of the image, bool (K, J, I).

        Raises:
            SessionError, GeometryError: as for `write`.
        """
        grid = self.grid()
        return read_content(self._segment(segment_id), grid).in_image(grid, self._volume.box)

    def _segment(self, segment_id: str) -> Any:
        segmentation = self._node.GetSegmentation()
        if segmentation.GetSourceRepresentationName() != BINARY_LABELMAP:
            raise SessionError(
                f'The segmentation "{self._node.GetName()}" is not made of voxels',
                f"Its source representation is {segmentation.GetSourceRepresentationName()}",
                "Segmentations module, Representations: create Binary labelmap and make it the source",
            )
        segment = segmentation.GetSegment(segment_id)
        if segment is None:
            raise SessionError(
                f'The segmentation "{self._node.GetName()}" has no segment "{segment_id}"',
                "It was removed, or belongs to another segmentation",
                "Select a segment, or add one",
            )
        return segment

    def _turn_over(
        self,
        segment_id: str,
        wanted: _Flips,
        grid: SegmentationGrid,
        protected: Sequence[str],
        save_state: Callable[[], None] | None,
    ) -> IndexBox | None:
        flips = self._editable(segment_id, wanted, grid)
        giving_way = self._giving_way(segment_id)
        untouchable = [self._segment(known) for known in protected if known in giving_way]
        kept = covered_by(untouchable, grid, flips.box)
        added = flips.added & ~kept
        if not (added.any() or flips.removed.any()):
            return None
        if save_state is not None:
            save_state()
        self._settings.SetOverwriteMode(self._editor.GetOverwriteMode())
        self._modify(segment_id, flips.removed, flips.box, grid, self._logic.ModificationModeRemove)
        self._modify(segment_id, added, flips.box, grid, self._logic.ModificationModeAdd)
        heir = self._area.single_segment
        if heir is not None and heir != segment_id and heir not in protected:
            self._give(heir, flips.removed & ~kept, flips.box, grid, giving_way)
        return flips.box

    def _editable(self, segment_id: str, wanted: _Flips, grid: SegmentationGrid) -> _Flips:
        """What masking leaves of the flips, in a tight box."""
        added, removed = wanted.added, wanted.removed
        if not self._area.is_everywhere and not wanted.box.is_empty:
            editable = self._area(segment_id, grid, wanted.box)
            added = added & editable
            if self._area.is_single:
                # Slicer lets a segment that may only grow inside another one shrink everywhere.
                editable |= covered_by([self._segment(segment_id)], grid, wanted.box)
            removed = removed & editable
        tight = IndexBox.of_mask(added | removed) or IndexBox((0, 0, 0), (0, 0, 0))
        return _Flips(moved(tight, wanted.box.lower), added[tight.slices], removed[tight.slices])

    def _giving_way(self, segment_id: str) -> list[str]:
        """IDs of the segments that lose the voxels which this one gains."""
        mode, display = self._editor.GetOverwriteMode(), self._node.GetDisplayNode()
        others = [known for known in self._node.GetSegmentation().GetSegmentIDs() if known != segment_id]
        if mode == self._editor.OverwriteNone:
            return []
        if mode == self._editor.OverwriteVisibleSegments:
            return [known for known in others if display is not None and display.GetSegmentVisibility(known)]
        return others

    def _modify(
        self, segment_id: str, voxels: _Bools, box: IndexBox, grid: SegmentationGrid, mode: int
    ) -> None:
        if voxels.any():
            image, extent = grid.image(box, voxels), extent_of(box)
            self._logic.ModifySegmentByLabelmap(self._node, segment_id, image, mode, extent, True, False)

    def _give(
        self, heir: str, voxels: _Bools, box: IndexBox, grid: SegmentationGrid, giving_way: list[str]
    ) -> None:
        """Pass on what a segment lost to the one editing is confined to, as Slicer does to split segments."""
        if not voxels.any() or self._node.GetSegmentation().GetSegment(heir) is None:
            return
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        image, extent = grid.image(box, voxels), extent_of(box)
        logic.SetBinaryLabelmapToSegment(
            image, self._node, heir, logic.MODE_MERGE_MASK, extent, False, giving_way
        )
