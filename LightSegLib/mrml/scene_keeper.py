"""What a scene session knows of its nodes: whether they can be worked on, what they show, how to write.

Main thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from LightSegLib.errors import LightSegError, SessionError
from LightSegLib.geometry import Volume
from LightSegLib.mrml.following import SegmentTrail, Start
from LightSegLib.mrml.segment_voxels import NO_CONTENT
from LightSegLib.mrml.stepping import Outcome
from LightSegLib.mrml.undo_owners import UndoOwner
from LightSegLib.mrml.volumes import VolumeStamp, volume_from_node
from LightSegLib.mrml.writing import SegmentWriter
from LightSegLib.segments import Change

_Logic = slicer.vtkSlicerSegmentationsModuleLogic


class SceneKeeper:
    """One volume node and one segmentation node, and the states of the segments that a session worked on.

    Args:
        volume_node: `vtkMRMLScalarVolumeNode`.
        segmentation_node: `vtkMRMLSegmentationNode` of the same scene.
        editor_node: `vtkMRMLSegmentEditorNode` whose masking and overwrite settings hold.
        undo_owner: the one undo history of the segmentation.

    Raises:
        VolumeError, GeometryError: the volume cannot be segmented.
    """

    def __init__(
        self, volume_node: Any, segmentation_node: Any, editor_node: Any, undo_owner: UndoOwner
    ) -> None:
        self._volume_node = volume_node
        self._node = segmentation_node
        self._editor = editor_node
        self._undo = undo_owner
        self._writing = False
        self._take_image()

    def _take_image(self) -> None:
        volume = volume_from_node(self._volume_node)
        self.volume: Volume = volume
        self._stamp = VolumeStamp(self._volume_node)
        self._writer = SegmentWriter(self._editor, self._node, volume, self._volume_node)
        self._trails: dict[str, SegmentTrail] = {}
        self._shown: dict[str, bytes] = {}

    # --- May it be worked on? -------------------------------------------------------------------------------

    @property
    def image_changed(self) -> bool:
        """Whether voxels or place of the volume changed since the image was taken."""
        return VolumeStamp(self._volume_node) != self._stamp

    def refresh(self) -> None:
        """Take the image anew if it changed; nothing is known of the segments' states then.

        Raises:
            VolumeError, GeometryError: it cannot be segmented any more.
        """
        if self.image_changed:
            self._take_image()

    def has(self, segment_id: str) -> bool:
        """Whether there is a segment of this ID."""
        segmentation = self._node.GetSegmentation()
        return segmentation is not None and segmentation.GetSegment(segment_id) is not None

    def segment(self, segment_id: str) -> Any:
        """The `vtkSegment` of an ID.

        Raises:
            SessionError: there is none.
        """
        segmentation = self._node.GetSegmentation()
        segment = segmentation.GetSegment(segment_id) if segmentation is not None and segment_id else None
        if segment is None:
            raise SessionError(
                f'The segmentation "{self._node.GetName()}" has no segment "{segment_id}"'
                if segment_id
                else "No segment is selected",
                "It was removed, or belongs to another segmentation" if segment_id else "",
                "Select a segment, or add one",
            )
        return segment

    def require_open(self, segment_id: str) -> None:
        """Check that prompts may change a segment.

        Raises:
            SessionError: it does not exist, is hidden, is accepted or is not made of voxels.
            GeometryError: it stands under a transform that is not linear.
        """
        segment = self.segment(segment_id)
        self._writer.check(segment_id)
        if not self._is_visible(segment_id):
            raise SessionError(
                f'The segment "{segment.GetName()}" is hidden',
                "What you cannot see should not change",
                "Show it with the eye in the list of segments, or select another one",
            )
        if self.is_accepted(segment_id):
            raise SessionError(
                f'The segment "{segment.GetName()}" is accepted',
                "Its status is Completed, and accepted segments do not change",
                'Set its status to "In progress" in the list of segments, or select another one',
            )

    def _is_visible(self, segment_id: str) -> bool:
        display = self._node.GetDisplayNode()
        if display is None:
            return True
        return bool(display.GetVisibility() and display.GetSegmentVisibility(segment_id))

    # --- Accepted segments ----------------------------------------------------------------------------------

    def is_accepted(self, segment_id: str) -> bool:
        """Whether a segment has the status Completed."""
        return bool(_Logic.GetSegmentStatus(self.segment(segment_id)) == _Logic.Completed)

    def set_accepted(self, segment_id: str, accepted: bool) -> None:
        """Give a segment the status Completed, or In progress."""
        if self.is_accepted(segment_id) != accepted:
            status = _Logic.Completed if accepted else _Logic.InProgress
            _Logic.SetSegmentStatus(self.segment(segment_id), status)

    @property
    def accepted(self) -> list[str]:
        """IDs of the accepted segments."""
        ids = self._node.GetSegmentation().GetSegmentIDs()
        return [segment_id for segment_id in ids if self.is_accepted(segment_id)]

    # --- Following ------------------------------------------------------------------------------------------

    def start(self, segment_id: str) -> Start:
        """Where the session has to be before it works on a segment.

        Raises:
            SessionError, GeometryError: the segment cannot be read.
        """
        trail = self._trails.setdefault(segment_id, SegmentTrail())
        start = trail.start(self.segment(segment_id), self._writer.grid())
        trail.lose()  # until the work is finished: it may fail anywhere
        self.mark()
        return start

    def new_start(self, segment_id: str) -> Start:
        """The same for a segment that is added only when there is something to write.

        Raises:
            GeometryError: the segmentation's grid cannot be matched with the image's.
        """
        grid = self._writer.grid()
        self._trails.pop(segment_id, None)  # a segment of this ID may have been there and removed
        self.mark()
        return Start((0,), NO_CONTENT, grid, NO_CONTENT.digest(grid))

    def mark(self) -> None:
        """Remember what the segments show now, for `restored`."""
        self._shown = self._look()

    def restored(self) -> bool:
        """Whether others changed what a segment that the session worked on shows, since the last `mark`."""
        return not self._writing and self._look() != self._shown

    @property
    def writing(self) -> bool:
        """Whether events in the scene come from here."""
        return self._writing

    def confidence(self, segment_id: str) -> float | None:
        """The model's confidence in what a segment shows now; None if the session did not make that."""
        digest = self._look().get(segment_id)
        return None if digest is None else self._trails[segment_id].confidence(digest)

    def _look(self) -> dict[str, bytes]:
        """Digests of what the segments show that the session worked on, as far as they can be read."""
        try:
            grid = self._writer.grid()
        except LightSegError:  # moved where it cannot be read; the next prompt says so
            return {}
        known = [segment_id for segment_id in self._trails if self.has(segment_id)]
        return {name: self._trails[name].look(self.segment(name), grid)[0] for name in known}

    # --- Writing --------------------------------------------------------------------------------------------

    def write(self, segment_id: str, start: Start, outcome: Outcome[Change]) -> bool:
        """Write what the session changed and remember the states before and after; returns if voxels changed.

        Raises:
            SessionError, GeometryError: the segment cannot be written.
        """
        return self._write(segment_id, start, outcome, erase=False)

    def write_new(
        self, segment_id: str, start: Start, outcome: Outcome[Change], add: Callable[[], None]
    ) -> bool:
        """As `write`, into a segment that is added first, if there is anything to write.

        Adding and writing are one action of the undo history. If masking lets nothing through, the segment
        goes again.
        """
        if not outcome.value.mask.any():
            return False
        self._writing = True
        try:
            self._undo.save_state()
            add()
        finally:
            self._writing = False
        written = self._write(segment_id, start, outcome, erase=False, saved=True)
        if not written:
            self._node.GetSegmentation().RemoveSegment(segment_id)
        return written

    def erase(self, segment_id: str, start: Start, outcome: Outcome[Change]) -> bool:
        """As `write`, after the session emptied its segment: all that may be edited goes."""
        return self._write(segment_id, start, outcome, erase=True)

    def follow(self, segment_id: str, start: Start, outcome: Outcome[Any]) -> None:
        """Remember where the session is, after work that changed nothing."""
        trail = self._trails.setdefault(segment_id, SegmentTrail())
        trail.note(start.digest, outcome.step, outcome.confidence)

    def _write(
        self,
        segment_id: str,
        start: Start,
        outcome: Outcome[Change],
        *,
        erase: bool,
        saved: bool = False,
    ) -> bool:
        segment, trail = self.segment(segment_id), self._trails.setdefault(segment_id, SegmentTrail())
        before, _ = trail.look(segment, self._writer.grid())
        protected = [known for known in self.accepted if known != segment_id]
        save_state = None if saved else self._undo.save_state
        self._writing = True
        try:
            if erase:
                box = self._writer.erase(segment_id, protected, save_state)
            else:
                box = self._writer.write(segment_id, outcome.value, protected, save_state)
        finally:
            self._writing = False
        after, _ = trail.look(segment, self._writer.grid(), box)
        trail.note(start.digest, outcome.start_step, outcome.start_confidence)
        if before == start.digest:
            trail.note(after, outcome.step, outcome.confidence)
        else:  # painted meanwhile: what the segment shows now was never the session's
            trail.lose()
        return box is not None
