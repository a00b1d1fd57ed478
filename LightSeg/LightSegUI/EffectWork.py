"""From what the user drew to a prompt of the shared logic, with everything that can be wrong before that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from LightSegUI.EffectGestures import Click, Gesture, Line
from LightSegUI.EffectTrail import PromptTrail
from LightSegUI.SceneEditing import EffectUndo

if TYPE_CHECKING:
    from LightSegLib.errors import LightSegError

TRAIL = PromptTrail()
"""The one of all effects."""


class EffectWork:
    """Hands prompts of one effect to the logic that panel and effects share.

    Attributes:
        trail: where prompts are remembered for their markers.

    Args:
        scriptedEffect: the C++ side of the effect.
        onProblem: called with a LightSegError when a prompt cannot be used.
    """

    def __init__(self, scriptedEffect: Any, onProblem: Callable[[LightSegError], None]) -> None:
        self._effect = scriptedEffect
        self._onProblem = onProblem
        self.trail = TRAIL
        self._undo = EffectUndo(scriptedEffect)
        self._packagesFound = False
        self._lastLogic: Any = None

    # --- What is selected ---------------------------------------------------------------------------------

    @property
    def editorNode(self) -> Any:
        """The hosting editor's vtkMRMLSegmentEditorNode, or None."""
        return self._effect.parameterSetNode()

    @property
    def segmentation(self) -> Any:
        """The vtkMRMLSegmentationNode that is edited, or None."""
        node = self.editorNode
        return node.GetSegmentationNode() if node is not None else None

    @property
    def volume(self) -> Any:
        """The vtkMRMLScalarVolumeNode that is segmented, or None."""
        node = self.editorNode
        return node.GetSourceVolumeNode() if node is not None else None

    @property
    def segmentId(self) -> str:
        """ID of the selected segment; "" if none is, or it was removed."""
        segmentation = self.segmentation
        selected = self.editorNode.GetSelectedSegmentID() if segmentation is not None else ""
        return selected if selected and segmentation.GetSegmentation().GetSegment(selected) else ""

    @property
    def hasContent(self) -> bool:
        """Whether anything was ever drawn into the selected segment."""
        if not self.segmentId:
            return False
        logic = slicer.vtkSlicerSegmentationsModuleLogic
        segment = self.segmentation.GetSegmentation().GetSegment(self.segmentId)
        return logic.GetSegmentStatus(segment) != logic.NotStarted

    # --- What the user does -------------------------------------------------------------------------------

    def mayDrag(self) -> bool:
        """Whether a rectangle or a line may begin; otherwise the user is told why not.

        If the user had to be asked about a hidden segment, the mouse is no more where it was: a drag cannot
        start from there, but the next one can.
        """

        def ask() -> bool:
            self._check()
            return self._confirm() == self._effect.ConfirmedWithoutDialog

        return self._attempt(ask) is True

    def send(self, gesture: Gesture) -> bool:
        """Let the session answer a click, a rectangle or a line; returns whether it was taken."""

        def begin() -> bool:
            self._check()
            if self._confirm() == self._effect.NotConfirmed:
                return False
            self.trail.sent(self._begin(gesture), gesture)
            return True

        return self._attempt(begin) is True

    def sendText(self, text: str) -> bool:
        """Let structures be found by their names, each in a segment of its own; returns if it was taken."""

        def begin() -> bool:
            self._check()
            # Nobody is asked about a hidden segment: the names go to others.
            self._logic().segmentTexts(text, wait=False)
            return True

        return self._attempt(begin) is True

    def askForSuggestion(self) -> bool:
        """Let the session look where one more click would help most; the logic's `suggested` brings it.

        Returns:
            Whether it looks.
        """

        def begin() -> bool:
            self._check()
            return self._logic().suggest(segmentId=self.segmentId or None, wait=False) is not None

        return self._attempt(begin) is True

    def leave(self) -> None:
        """The editor is about to go: if the logic still edits there, it must not any more."""
        logic = self._lastLogic
        if logic is not None and logic.editing is not None and logic.editing.undoOwner == self._undo:
            logic.setEditing(None)

    # --- Own business -------------------------------------------------------------------------------------

    def _begin(self, gesture: Gesture) -> Any:
        logic, segmentId = self._logic(), self.segmentId or None
        if isinstance(gesture, Click):
            return logic.segmentPoint(gesture.ras, gesture.positive, segmentId=segmentId, wait=False)
        if isinstance(gesture, Line):
            return logic.segmentScribble(gesture.points, gesture.positive, segmentId=segmentId, wait=False)
        corners = gesture.plane.boxCorners(gesture.first, gesture.second)
        lower, upper = self._boxRas(corners)
        return logic.segmentBox(lower, upper, segmentId=segmentId, wait=False)

    def _boxRas(self, corners: Any) -> Any:
        """First and last voxel, as positions, of the box clipped to the image."""
        from LightSegLib import mrml
        from LightSegLib.errors import PromptError
        from LightSegUI.EffectGeometry import boxInVolume

        volume = mrml.volume_from_node(self.volume)
        box = boxInVolume(corners, volume)
        if box is None:
            raise PromptError(
                _("The box lies outside the image"), "", _("Drag it around the structure, on the image")
            )
        first, last = box[0], [beyond - 1 for beyond in box[1]]
        return volume.index_to_ras(first).tolist(), volume.index_to_ras(last).tolist()

    def _logic(self) -> Any:
        """The shared logic, set to what this effect's editor shows."""
        from LightSegUI.Editing import Editing
        from LightSegUI.SharedLogic import sharedLogic

        self._lastLogic = logic = sharedLogic()
        logic.setVolumeNode(self.volume)
        logic.setSegmentationNode(self.segmentation)
        logic.setEditing(Editing(self._undo, self.editorNode))
        return logic

    def _check(self) -> bool:
        """Raise what the user has to do first; returns True."""
        from LightSegLib.errors import SessionError, VolumeError
        from LightSegUI.Failures import MissingPackageError

        missing = self._missingPackages()
        if missing:
            raise MissingPackageError(
                _("LightSeg needs Python packages that are not installed: {names}").format(names=missing),
                "",
                _("Open the LightSeg module and install them there"),
            )
        if self.segmentation is None:
            raise SessionError(
                _("There is no segmentation to write into"), "", _("Choose or create one at the top")
            )
        if self.volume is None:
            raise VolumeError(_("There is no image to segment"), "", _("Choose the source volume at the top"))
        return True

    def _missingPackages(self) -> str:
        """Names of missing packages; looked for until once none was missing."""
        if self._packagesFound:
            return ""
        from LightSegUI.Dependencies import missing

        names = ", ".join(one.name for one in missing())
        self._packagesFound = not names
        return names

    def _confirm(self) -> int:
        """Ask, if the segment is hidden, whether that is meant; never in tests, which nobody would answer."""
        if slicer.app.testingEnabled():
            return self._effect.ConfirmedWithoutDialog
        return self._effect.confirmCurrentSegmentVisible()

    def _attempt(self, step: Callable[[], Any]) -> Any:
        """Do something that may fail for whatever reason; then the user is told, and the result is None."""
        try:
            return step()
        except Exception as error:
            from LightSegUI.Failures import explain

            self._onProblem(explain(error))
            return None
