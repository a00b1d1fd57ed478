"""Prompts in, segments out: what the logic does when somebody clicks, frames, draws or names a structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from LightSegLib import mrml
from LightSegLib.errors import LightSegError, PromptError, SessionError
from LightSegUI.LogicModels import LogicModels
from LightSegUI.Scenes import asNode
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _
from LightSegUI.Undo import UndoInForce

if TYPE_CHECKING:
    from LightSegLib.commands.trial import Trial
    from LightSegLib.mrml import Answer, SceneSession, Terminologies
    from LightSegUI.Background import Ticket
    from LightSegUI.Editing import Editing
    from LightSegUI.Runner import Runner
    from LightSegUI.Settings import Settings

_Begin = Callable[..., Any]
"""Called with the session, the segment's ID and callbacks as a dictionary; submits work, returns its job."""


class LogicPrompts(LogicModels):
    """The part of `InteractiveLogic` that takes prompts; see there for the whole."""

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
        self._undo = UndoInForce(self._nodes)
        self._session: SceneSession | None = None
        self._sessionKey: tuple[Any, ...] = ()
        self._terminologies: Terminologies | None = None
        self._nodes.changed.connect(self._forgetGoneNodes)

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
                box = mrml.box_from_roi(roi, self._volume())
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
            points = mrml.points_from_fiducials(fiducials, self._volume(), positive)
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
            (r, a, s), mm, world coordinates; None before the first answer, or if the model is sure
            everywhere.
        """
        return self._onSegment(
            lambda session, segment, tell: session.suggest(segment, **tell),
            segmentId,
            wait,
            self.suggested.emit,
        )

    def addSegment(self, name: str | None = None) -> str:
        """Add an empty segment and select it; can be undone.

        Args:
            name: what it is: "left kidney". A known structure gets its code and color (SNOMED CT).

        Returns:
            Its ID.

        Raises:
            SessionError, VolumeError, GeometryError: there is no segmentation, and none can be made.
        """
        if self.segmentationNode is None:
            self.requireUsableVolume()
        node = self._nodes.requireSegmentation()
        self._undo.save_state()
        segmentId = str(node.GetSegmentation().AddEmptySegment())
        if name:
            if self._terminologies is None:
                self._terminologies = mrml.Terminologies()
            self._terminologies.apply(node.GetSegmentation().GetSegment(segmentId), name)
        self._nodes.selectSegment(segmentId)
        return segmentId

    def setEditing(self, editing: Editing | None) -> None:
        """Say which Segment Editor is in use: it owns undo, its masking settings hold, its segment is
        selected. None: the logic keeps all that itself, as in a script.
        """
        if editing != self._editing:
            self._editing = editing
            self._undo.give(None if editing is None else editing.undoOwner)
            self._nodes.setEditor(None if editing is None else editing.editorNode)
            self.stateChanged.emit()

    # --- Own business -------------------------------------------------------------------------------------

    def _prompt(self, kind: str, begin: _Begin, segmentId: Any, wait: bool | None) -> Any:
        """Give the model a prompt of a kind; loads the model first if need be."""

        def checked(session: SceneSession, segment: str, tell: dict[str, Any]) -> Any:
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
            added = mayAdd and self._nodes.findSegment(segmentId) is None
            segment = self.addSegment() if added else self._existingSegment(segmentId)
            try:
                return self._background.start(lambda **tell: begin(session, segment, tell), onDone, waits)
            except LightSegError:
                if added:  # a click that is refused leaves nothing behind
                    self.segmentationNode.GetSegmentation().RemoveSegment(segment)
                raise

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
        model, editor = self._choice.model, self._nodes.editor
        key = (volume, segmentation, model, editor)
        if self._session is None or self._session.closed or self._sessionKey != key:
            self._dropSession()
            self._session = mrml.SceneSession(
                model, volume, segmentation, self._background.worker, self._undo, editor
            )
            self._sessionKey = key
        return self._session

    def _volume(self) -> Any:
        return mrml.volume_from_node(self._nodes.requireVolume())

    def _onAnswer(self, answer: Answer) -> None:
        self.lastAnswer = answer
        self.answered.emit(answer)
        self.stateChanged.emit()

    def _forgetGoneNodes(self) -> None:
        """The choice changed: a session for nodes that are not chosen any more has no business here."""
        nodes = (self._nodes.volume, self._nodes.segmentation)
        if self._session is not None and self._sessionKey[:2] != nodes:
            self._dropSession()

    def _dropSession(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session, self._sessionKey = None, ()
