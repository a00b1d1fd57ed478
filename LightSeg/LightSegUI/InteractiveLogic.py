"""Everything LightSeg does in Slicer, callable without a window: from panel, effect, console and scripts.

    logic = InteractiveLogic()
    logic.setVolumeNode(volumeNode)
    logic.segmentPoint((12.5, -30.0, 104.0))
    logic.segmentPoint((12.5, -41.0, 104.0), positive=False)
    logic.accept()

Positions are world coordinates in mm, RAS, as Slicer shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from LightSegLib import mrml
from LightSegLib.caller_input import as_mask
from LightSegLib.errors import LightSegError, SessionError
from LightSegUI.Failures import explain
from LightSegUI.LogicTexts import LogicTexts
from LightSegUI.MaskChange import replacement
from LightSegUI.Translation import tr as _


class InteractiveLogic(LogicTexts):
    """One volume, one segmentation, one model: prompts in, segments out. Main thread only.

    Methods that compute take `wait`. True: they return when the segment is written, with the `Answer`, and
    raise what goes wrong. False: they return at once with the job (None if it was refused), and tell by the
    signals what came of it. None: as the runner likes it; without a user interface that is True.

    Attributes:
        answered: (Answer) a prompt was answered and the segment written.
        named: (list of TextOutcome) what came of names given to `segmentTexts`; after the `answered` of each.
        suggested: (ras or None) where the next click would help most.
        failed: (LightSegError) work that nobody waits for was refused or went wrong.
        busyChanged: (bool) work began; all work is done.
        progressed: (fraction 0 to 1, text) how far the running work is.
        measured: (Measurement) the speed of a model is known.
        stateChanged: () other nodes, segment, model, device or history: look at everything again.
        lastAnswer: the latest answer, None before the first.

    Args:
        scene: vtkMRMLScene; None for Slicer's, or a new one in plain Python.
        runner: how the main thread waits; None for `WaitingRunner`.
        settings: the user's preferences; None for those in Slicer's settings file.
        loadModel: called with id or folder and device, on the worker's thread; None for the library's own.
        tryModel: the same for `measure`.
    """

    # --- Segments -----------------------------------------------------------------------------------------

    def accept(self, segmentId: Any = None) -> None:
        """Be content with a segment: it is marked as completed, and LightSeg changes it no more.

        Raises:
            SessionError: there is no such segment.
        """
        self._sceneSession().accept(self._existingSegment(segmentId))
        self.stateChanged.emit()

    def reopen(self, segmentId: Any = None) -> None:
        """Go on with an accepted segment.

        Raises:
            SessionError: there is no such segment.
        """
        self._sceneSession().reopen(self._existingSegment(segmentId))
        self.stateChanged.emit()

    def reset(self, segmentId: Any = None, wait: bool | None = None) -> Any:
        """Empty a segment and forget its prompts; can be undone."""
        return self._onSegment(
            lambda session, segment, tell: session.reset(segment, **tell), segmentId, wait, self._onAnswer
        )

    def confidence(self, segmentId: Any = None) -> float | None:
        """Dice coefficient the model expects of a segment as it is, 0 to 1; None if it never said.

        Raises:
            SessionError: there is no such segment.
        """
        if self._session is None:
            return None
        segment = self._nodes.findSegment(segmentId)
        return None if segment is None else self._session.confidence(segment)

    def setInitialMask(self, mask: Any, segmentId: Any = None) -> None:
        """Replace what a segment holds, for example by another program's result; prompts go on from there.

        Masking holds as for every other change, and it can be undone. A segment that has content already, by
        whatever means, needs no such call.

        Args:
            mask: (K, J, I) in the volume's voxels, as `slicer.util.arrayFromVolume` orders them: bool, or
                whole numbers, nonzero inside.
            segmentId: as in `segmentPoint`.

        Raises:
            PromptError: another shape than the volume's, or no mask.
            SessionError: the segment is accepted.
        """
        session, segment = self._sceneSession(), self._existingSegment(segmentId)
        if session.is_accepted(segment):
            raise SessionError(
                _("The segment {name} is accepted").format(name=segment),
                _("Accepted segments do not change"),
                _("Reopen it first, or choose another segment"),
            )
        volume = self._volume()
        writer = mrml.SegmentWriter(self._nodes.editor, self.segmentationNode, volume, self.volumeNode)
        change = replacement(segment, writer.read(segment), as_mask(mask, volume.shape_ijk))
        protected = [known for known in self._nodes.segmentIds() if session.is_accepted(known)]
        writer.write(segment, change, protected, self._undo.save_state)
        self.stateChanged.emit()

    # --- Undo and redo ------------------------------------------------------------------------------------

    @property
    def canUndo(self) -> bool:
        """Whether there is something to undo."""
        return self._undo.can_undo

    @property
    def canRedo(self) -> bool:
        """Whether there is something to redo."""
        return self._undo.can_redo

    def undo(self) -> bool:
        """Take the latest change of the segmentation back, whoever made it; returns whether there was one.

        What runs at the moment is dropped, and `failed` says so.
        """
        return self._travel(self.canUndo, self._undo.undo)

    def redo(self) -> bool:
        """Make the change undone last again; returns whether there was one."""
        return self._travel(self.canRedo, self._undo.redo)

    # --- Work ---------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something runs, or its result was not delivered yet."""
        return self._background.busy

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or the application is about to end."""
        return self._background.closed

    def cancel(self) -> None:
        """Stop all work: what waits at once, what runs at its next check. Segments stay as they are."""
        if self._session is not None:
            self._session.cancel()
        self._background.cancel()

    def poll(self) -> int:
        """Deliver what the worker has to tell, where no timer does; returns how many messages that were."""
        return self._background.poll()

    def waitUntilIdle(self) -> None:
        """Wait until everything that was started is done and delivered."""
        self._background.waitUntilIdle()

    def whyNotReady(self, kind: str = "points", segmentId: Any = None) -> LightSegError | None:
        """What stands against a prompt at the moment; None if nothing does. Changes nothing.

        Args:
            kind: "points", "boxes", "scribbles" or "text".
            segmentId: as in `segmentPoint`.
        """
        try:
            self.requireUsableVolume()
            self._choice.require(kind)
            self._nodes.findSegment(segmentId)
        except Exception as error:
            return explain(error)
        return None

    def close(self) -> bool:
        """Stop all work, end the thread and let go of the scene; returns whether the thread has ended.

        It happens by itself when Slicer or Python ends. Calls after it are refused.
        """
        self._dropSession()
        ended = self._background.close()
        self._undo.close()
        self._nodes.close()
        return ended

    # --- Own business -------------------------------------------------------------------------------------

    def _travel(self, possible: bool, go: Callable[[], None]) -> bool:
        if possible:
            go()
            self.stateChanged.emit()
        return possible
