"""What the panel's buttons do, in terms of the shared logic and the embedded editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import SessionError
from LightSegUI.Editing import Editing
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegUI.InteractiveLogic import InteractiveLogic
    from LightSegUI.PanelEditor import PanelEditor


class PanelActions:
    """Every method raises a LightSegError that says what to do if it cannot be done.

    Args:
        logic: the shared logic.
        editor: the embedded editor.
        onSegmentationMade: told of a segmentation node that was made because there was none.
    """

    def __init__(
        self, logic: InteractiveLogic, editor: PanelEditor, onSegmentationMade: Callable[[Any], None]
    ) -> None:
        self._logic = logic
        self._editor = editor
        self._onSegmentationMade = onSegmentationMade

    def editHere(self) -> None:
        """Make the embedded editor the place whose undo and masking hold; another editor may have been it."""
        self._logic.setEditing(Editing(self._editor.undoOwner, self._editor.node))

    def useTool(self, name: str) -> None:
        """Switch a prompt tool on, with a segment to use it on; "" switches it off."""
        if name:
            self._logic.settings.tool = name
            self._ensureSegment()
            self._logic.prepare(wait=False)  # while the user aims, so that the first click need not wait
        if not self._editor.setTool(name):
            raise SessionError(
                _("The tool could not be switched on"),
                _("Slicer does not know the LightSeg effect of the Segment Editor"),
                _("Restart Slicer; if that does not help, reinstall the LightSeg extension"),
            )

    def findText(self, text: str) -> None:
        """Have structures found by their names, each in a segment of its own."""
        self._ensureSegmentation()
        self._logic.segmentTexts(text, wait=False)

    def suggest(self) -> None:
        """Have it found out where the next click would help most; the logic's signal tells."""
        self.editHere()
        self._logic.suggest(wait=False)

    def setAccepted(self, accepted: bool) -> None:
        """Accept the selected segment, or let it change again."""
        self.editHere()
        (self._logic.accept if accepted else self._logic.reopen)(self._editor.segmentId)

    def startSegment(self, *, acceptFirst: bool) -> None:
        """Begin the next structure in a new segment.

        Args:
            acceptFirst: accept the selected segment before. Answers for the next structure would otherwise
                take its voxels: Slicer's editor overwrites all segments unless told otherwise.
        """
        self._ensureSegmentation()
        if acceptFirst:
            self.setAccepted(True)
        self._editor.selectSegment(self._logic.addSegment())

    def _ensureSegment(self) -> None:
        self._ensureSegmentation()
        if self._editor.segment is None:
            segments = self._logic.segmentationNode.GetSegmentation().GetSegmentIDs()
            self._editor.selectSegment(segments[0] if len(segments) == 1 else self._logic.addSegment())

    def _ensureSegmentation(self) -> None:
        self.editHere()
        if self._logic.segmentationNode is None:
            node = self._logic.makeSegmentationNode()
            self._onSegmentationMade(node)
            self._editor.show(self._logic.volumeNode, node)
