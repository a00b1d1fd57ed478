"""Everything LightSeg does in Slicer, callable without a window: from the panel, the effect, a console, a script.

    logic = InteractiveLogic()
    logic.setVolumeNode(volumeNode)
    logic.segmentPoint((12.5, -30.0, 104.0))
    logic.segmentPoint((12.5, -41.0, 104.0), positive=False)
    logic.accept()

Positions are world coordinates in mm, RAS, as Slicer shows them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import LightSegError, PromptError, SessionError
from LightSegUI.Failures import explain
from LightSegUI.LogicChoices import LogicChoices
from LightSegUI.Scenes import asNode
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.commands.trial import Trial
    from LightSegLib.mrml import Answer, LogicUndo, SceneSession, Terminologies
    from LightSegUI.Background import Ticket
    from LightSegUI.Runner import Runner
    from LightSegUI.Settings import Settings


_LOG = logging.getLogger(__name__)
_Begin = Callable[..., Any]
"""Called with the session, the segment's ID and callbacks as a dictionary; submits work, returns its job."""


class InteractiveLogic(LogicChoices):
    """One volume, one segmentation, one model: prompts in, segments out. Main thread only.

    Methods that compute take `wait`. True: they return when the segment is written, with the `Answer`, and
    raise what goes wrong. False: they return at once with the job (None if it was refused), and tell by the
    signals what came of it. None: as the runner likes it; without a user interface that is True.

    Attributes:
        answered: (Answer) a prompt was answered and the segment written.
        failed: (LightSegError) work that nobody waits for was refused or went wrong.
        busyChanged: (bool) work began; all work is done.
        progressed: (fraction 0 to 1, text) how far the running work is.
        suggested: (ras or None) where the next click would help most.
        measured: (Measurement) the speed of a model is known.
        stateChanged: () other nodes, segment, model, device or history: look at everything again.

    Args:
        scene: vtkMRMLScene; None for Slicer's, or a new one in plain Python.
        runner: how the main thread waits; None for `WaitingRunner`.
        settings: the user's preferences; None for those in Slicer's settings file.
        loadModel: called with id or folder and device, on the worker's thread; None for the library's own.
        tryModel: the same for `measure`.
    """

    def __init__(
        self,
        scene: Any = None,
        runner: Runner | None = None,
        settings: Settings | None = None,
        loadModel: Callable[[str, str], Any] | None = None,
        tryModel: Callable[[str, str], Trial] | None = None,
    ) -> None:
        super().__init__(scene, runner, settings, loadModel, tryModel)
        self.answered = Signal("answered")
        self.suggested = Signal("suggested")
        self.lastAnswer: Answer | None = None
        self._session: SceneSession | None = None
        self._sessionKey: tuple[Any, ...] = ()
        self._ownUndo: LogicUndo | None = None
        self._terminologies: Terminologies | None = None
        self._nodes.changed.connect(self._forgetGoneNodes)

    # --- Prompts ------------------------------------------------------------------------------------------

    def segmentPoint(
        self, ras: Sequence[float], positive: bool = True, segmentId: Any = None, wait: bool | None = None
    ) -> Any:
        """Click on a position: inside the structure if positive, else outside.

        Args:
            ras: (r, a, s), mm, world coordinates.
            positive: whether it belongs to the structure.
            segmentId: ID or unique name; None for the selected segment, or a new one if there is none.
            wait: see the class.

        Raises:
            LightSegError: see the class; the message says what to do.
        """
        return self._prompt(
            "points",
            lambda session, segment, tell: session.add_point(segment, ras, positive, **tell),
            segmentId,
            wait,
        )

    def segmentBox(
        self,
        lowerRas: Sequence[float] | None = None,
        upperRas: Sequence[float] | None = None,
        roiNode: Any = None,
        segmentId: Any = None,
        wait: bool | None = None,
    ) -> Any:
        """Frame the structure by two opposite corners, or by a markups ROI.

        Args:
            lowerRas, upperRas: (r, a, s) each, mm, world coordinates, in any order.
            roiNode: a vtkMRMLMarkupsROINode or its ID, in place of the corners; turned ones are framed.
            segmentId, wait: as in `segmentPoint`.
        """

        def begin(session: SceneSession, segment: str, tell: dict[str, Any]) -> Any:
            if roiNode is not None:
                roi = asNode(self.scene, roiNode, _("ROI"))
                box = self._mrml().box_from_roi(roi, self._volume())
                return session.add_prompts(segment, [box], **tell)
            if lowerRas is None or upperRas is None:
                raise PromptError(
                    _("The box has no two corners"), "", _("Give two opposite corners, or a markups ROI")
                )
            return session.add_box(segment, lowerRas, upperRas, **tell)

        return self._prompt("boxes", begin, segmentId, wait)

    def segmentScribble(
        self,
        pointsRas: Sequence[Sequence[float]],
        positive: bool = True,
        segmentId: Any = None,
        wait: bool | None = None,
    ) -> Any:
        """Draw a line: all of it inside the structure if positive, else outside.

        Args:
            pointsRas: N x 3, mm, world coordinates, joined by straight lines.
            positive, segmentId, wait: as in `segmentPoint`.
        """
        return self._prompt(
            "scribbles",
            lambda session, segment, tell: session.add_scribble(segment, pointsRas, positive, **tell),
            segmentId,
            wait,
        )

    def segmentFiducials(
        self, node: Any, positive: bool | None = None, segmentId: Any = None, wait: bool | None = None
    ) -> Any:
        """Click on all points of a markups point list, as one action.

        Args:
            node: a vtkMRMLMarkupsFiducialNode or its ID; points that are not placed yet are left out.
            positive: inside or outside; None goes by the node's attribute "LightSeg.Sign".
            segmentId, wait: as in `segmentPoint`.
        """

        def begin(session: SceneSession, segment: str, tell: dict[str, Any]) -> Any:
            fiducials = asNode(self.scene, node, _("point list"))
            points = self._mrml().points_from_fiducials(fiducials, self._volume(), positive)
            return session.add_prompts(segment, points, **tell)

        return self._prompt("points", begin, segmentId, wait)

    def segmentText(self, text: str, segmentId: Any = None, wait: bool | None = None) -> Any:
        """Name the structure: "left kidney". For models that take text.

        Args:
            text: the name, in English.
            segmentId, wait: as in `segmentPoint`.
        """
        return self._prompt(
            "text", lambda session, segment, tell: session.set_text(segment, text, **tell), segmentId, wait
        )

    def suggest(self, segmentId: Any = None, wait: bool | None = True) -> Any:
        """Where the next click would help most.

        Args:
            segmentId: as in `segmentPoint`.
            wait: as everywhere, but it waits unless told not to; `suggested` is emitted in any case.

        Returns:
            (r, a, s), mm, world coordinates; None before the first answer, or if the model is sure everywhere.
        """
        return self._onSegment(
            lambda session, segment, tell: session.suggest(segment, **tell),
            segmentId,
            wait,
            self.suggested.emit,
        )

    # --- Segments -----------------------------------------------------------------------------------------

    def addSegment(self, name: str | None = None) -> str:
        """Add an empty segment and select it; can be undone.

        Args:
            name: what it is: "left kidney". A known structure gets its code and colour (SNOMED CT).

        Returns:
            Its ID.

        Raises:
            SessionError, VolumeError, GeometryError: there is no segmentation, and none can be made.
        """
        if self.segmentationNode is None:
            self.requireUsableVolume()
        node = self._nodes.requireSegmentation()
        self._undoOwner().save_state()
        segmentId = str(node.GetSegmentation().AddEmptySegment())
        if name:
            if self._terminologies is None:
                self._terminologies = self._mrml().Terminologies()
            self._terminologies.apply(node.GetSegmentation().GetSegment(segmentId), name)
        self._nodes.selectSegment(segmentId)
        return segmentId

    def accept(self, segmentId: Any = None) -> None:
        """Be content with a segment: it is marked as completed, and nothing LightSeg does changes it any more.

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

    # --- Undo and redo ------------------------------------------------------------------------------------

    @property
    def canUndo(self) -> bool:
        """Whether there is something to undo."""
        return self._nodes.segmentation is not None and bool(self._undoOwner().can_undo)

    @property
    def canRedo(self) -> bool:
        """Whether there is something to redo."""
        return self._nodes.segmentation is not None and bool(self._undoOwner().can_redo)

    def undo(self) -> bool:
        """Take the latest change of the segmentation back, whoever made it; returns whether there was one."""
        return self._travel(self.canUndo, lambda owner: owner.undo())

    def redo(self) -> bool:
        """Make the change undone last again; returns whether there was one."""
        return self._travel(self.canRedo, lambda owner: owner.redo())

    # --- Work ---------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something runs, or its result was not delivered yet."""
        return self._background.busy

    @property
    def closed(self) -> bool:
        """Whether `close` was called, or the application is about to end."""
        return self._background.closed

    def prepare(self, wait: bool | None = None) -> Any:
        """Load the chosen model now, so that the first prompt need not."""

        def start(waits: bool) -> Ticket | None:
            model = self._choice.model
            if model.loaded:
                return None
            return self._background.submit(
                lambda context: model.load(context.report), lambda _: self._onLoaded(), waits
            )

        return self._perform(start, wait)

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
        if self._ownUndo is not None:
            self._ownUndo.close()
            self._ownUndo = None
        self._nodes.close()
        return ended

    # --- Own business -------------------------------------------------------------------------------------

    def _prompt(self, kind: str, begin: _Begin, segmentId: Any, wait: bool | None) -> Any:
        """Give the model a prompt of a kind; loads the model first if need be."""

        def checked(session: SceneSession, segment: str, tell: dict[str, Any]) -> Any:
            if not self._choice.model.loaded:
                self._loadAhead()
            return begin(session, segment, tell)

        def check() -> None:
            self.requireUsableVolume()
            self._choice.require(kind)

        return self._onSegment(checked, segmentId, wait, self._onAnswer, check, mayAdd=True)

    def _onSegment(
        self,
        begin: _Begin,
        segmentId: Any,
        wait: bool | None,
        onDone: Callable[[Any], None],
        check: Callable[[], None] | None = None,
        mayAdd: bool = False,
    ) -> Any:
        """Start work on a segment.

        Args:
            begin: hands the work in.
            segmentId: as callers gave it.
            wait: as callers gave it.
            onDone: told of the result.
            check: raises what stands against it, before anything is made.
            mayAdd: whether to add a segment if there is none.
        """

        def start(waits: bool) -> Ticket:
            if check is not None:
                check()
            session = self._sceneSession()
            segment = self._nodes.findSegment(segmentId)
            if segment is None:
                segment = self.addSegment() if mayAdd else self._existingSegment(segmentId)
            return self._background.start(lambda **tell: begin(session, segment, tell), onDone, waits)

        return self._perform(start, wait)

    def _existingSegment(self, segmentId: Any) -> str:
        segment = self._nodes.findSegment(segmentId)
        if segment is None:
            raise SessionError(_("There is no segment yet"), "", _("Click on a structure first"))
        return segment

    def _sceneSession(self) -> SceneSession:
        """The session for what is chosen now; another choice means another session."""
        volume = self.requireUsableVolume()
        segmentation = self._nodes.requireSegmentation()
        model, editing = self._choice.model, self._editing
        key = (volume, segmentation, model, editing)
        if self._session is None or self._sessionKey != key:
            self._dropSession()
            self._session = self._mrml().SceneSession(
                model, volume, segmentation, self._background.worker, self._undoOwner(), self._nodes.editor
            )
            self._sessionKey = key
        return self._session

    def _undoOwner(self) -> Any:
        if self._editing is not None:
            return self._editing.undoOwner
        if self._ownUndo is None:
            self._ownUndo = self._mrml().LogicUndo(self._nodes.editor)
        return self._ownUndo

    def _volume(self) -> Any:
        return self._mrml().volume_from_node(self._nodes.requireVolume())

    def _loadAhead(self) -> None:
        """Queue the loading by itself, before the prompt, so that it can say how far it is. If it fails, the
        prompt says so."""
        model = self._choice.model

        def load(context: Any) -> None:
            try:
                model.load(context.report)
            except LightSegError as error:
                _LOG.info("The model was not loaded: %s", error)

        self._background.submit(load, lambda _: self._onLoaded())

    def _onLoaded(self) -> None:
        self.stateChanged.emit()

    def _onAnswer(self, answer: Answer) -> None:
        self.lastAnswer = answer
        self.answered.emit(answer)
        self.stateChanged.emit()

    def _travel(self, possible: bool, go: Callable[[Any], None]) -> bool:
        if possible:
            go(self._undoOwner())
            self.stateChanged.emit()
        return possible

    def _forgetGoneNodes(self) -> None:
        """The choice changed: a session for nodes that are not chosen any more has no business here."""
        nodes = (self._nodes.volume, self._nodes.segmentation)
        if self._session is not None and self._sessionKey[:2] != nodes:
            self._dropSession()

    def _dropSession(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session, self._sessionKey = None, ()

    @staticmethod
    def _mrml() -> Any:
        from LightSegLib import mrml

        return mrml
