"""One LightSeg effect in one Segment Editor: events, options, views and the shared logic brought together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import slicer
import vtk
from slicer.i18n import tr as _

from LightSegUI.EffectCursor import Cursors
from LightSegUI.EffectMouse import EffectMouse
from LightSegUI.EffectOptions import EffectOptions
from LightSegUI.EffectRegistration import TOOL_PARAMETER
from LightSegUI.EffectState import modelCard, optionsState
from LightSegUI.EffectViews import SLICE_VIEW, EffectViews
from LightSegUI.EffectWatch import EffectWatch
from LightSegUI.EffectWork import EffectWork
from LightSegUI.PromptToolsState import TOOLS
from LightSegUI.SceneEditing import PANEL_TAG
from LightSegUI.Shortcuts import BOX, INSIDE, OUTSIDE
from LightSegUI.SuggestionMark import SuggestionMark

if TYPE_CHECKING:
    from LightSegLib.errors import LightSegError
    from LightSegLib.mrml import Answer
    from LightSegUI.EffectGestures import Drag, Gesture
    from LightSegUI.TextOutcome import TextOutcome

_LOG = logging.getLogger(__name__)
_MESSAGE_MS = 8000
_LEFT_PRESS = vtk.vtkCommand.LeftButtonPressEvent
_LEFT_RELEASE = vtk.vtkCommand.LeftButtonReleaseEvent


class EffectController:
    """Lives as long as the effect's widgets; works between `activate` and `deactivate`.

    Attributes:
        options: the widgets.

    Args:
        scriptedEffect: the C++ side of the effect.
    """

    def __init__(self, scriptedEffect: Any) -> None:
        self._effect = scriptedEffect
        self._active = False
        self._logic: Any = None
        self._busy = False
        self._showsProgress = False  # whether what the status bar shows is over when the work is
        self._pressedIn3D: Any = None
        self._awaitsSuggestion = False
        self._cursors = Cursors()
        self._mouse = EffectMouse(self)
        self._views = EffectViews(scriptedEffect)
        self._work = EffectWork(scriptedEffect, self._report)
        self._watch = EffectWatch(self._onSceneSettled)
        self._suggestion = SuggestionMark()
        self.options = EffectOptions()
        tools = self.options.tools
        tools.toolChosen.connect(self._onToolChosen)
        tools.textEntered.connect(self._onTextEntered)
        tools.setCompletions(self._complete)
        tools.suggestRequested.connect(self._onSuggest)
        tools.cancelRequested.connect(self._onCancel)
        self.options.moduleRequested.connect(openModule)

    # --- Life ---------------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Begin to take clicks."""
        self._active = True
        self._watchScene()
        self._connectLogic()
        self.showState()
        self._onSceneSettled()

    def deactivate(self) -> None:
        """Take no more clicks and leave no trace in the views. What was asked for is still answered."""
        self._active = False
        self._mouse.stop()
        self._watch.stop()
        self._clearSuggestion()
        self._disconnectLogic()
        self._views.remove()

    def cleanup(self) -> None:
        """Cut all connections, before the widgets are destroyed."""
        self.deactivate()
        self._watch.cleanup()
        self._work.leave()
        self.options.cleanup()

    # --- What Slicer tells --------------------------------------------------------------------------------

    def processEvent(self, interactor: Any, eventId: int, viewWidget: Any) -> bool:
        """Take an event of a view; returns whether nobody else is to see it."""
        if viewWidget.className() == SLICE_VIEW:
            return bool(self._mouse.process(interactor, eventId, viewWidget))
        # Pressing and moving turns a 3D view; only a click there can have been meant for LightSeg.
        if eventId == _LEFT_PRESS:
            self._pressedIn3D = interactor.GetEventPosition()
        elif eventId == _LEFT_RELEASE and self._pressedIn3D == interactor.GetEventPosition():
            self._say(_("LightSeg works in slice views: click on the structure in one of them."))
        return False

    def viewMoved(self, viewWidget: Any) -> None:
        """A view was scrolled, zoomed or panned: what is drawn over it moves along."""
        if self._active and viewWidget.className() == SLICE_VIEW:
            self._mouse.viewMoved(viewWidget)
            self._views.refreshView(viewWidget)

    def layoutChanged(self) -> None:
        """There may be other slice views now."""
        if self._active:
            self._mouse.stop()
            self._views.refresh()
            self._showCursor()

    def volumeChanged(self) -> None:
        """Another image, with prompts of its own."""
        if self._active:
            self._mouse.stop()
            self._watch.poke()

    def cursor(self) -> Any:
        """The QCursor that fits the tool and what is going on."""
        tool = self.currentTool()
        negative = tool == OUTSIDE or self._mouse.negative
        if tool == BOX and negative:
            tool = OUTSIDE  # there are no boxes around what is outside: with Ctrl this tool clicks
        return self._cursors.cursor(tool, negative, self._busy)

    def showState(self) -> None:
        """Show in the options what is on and what can be done."""
        node = self._work.editorNode
        if node is None:
            return
        self.options.setVisible(node.GetSingletonTag() != PANEL_TAG)
        card = modelCard(self._logic)
        self.options.showModel("" if card is None else card.id)
        self.options.setState(
            optionsState(self._logic, self.currentTool(), self._busy, self._work.hasContent)
        )
        if self._active:
            self._showCursor()

    # --- What the mouse tells (see EffectMouse.Listener) --------------------------------------------------

    def currentTool(self) -> str:
        """The prompt tool that is on."""
        if self._work.editorNode is None:
            return INSIDE
        tool = self._effect.parameter(TOOL_PARAMETER)
        return tool if tool in TOOLS else INSIDE

    def mayStartDrag(self) -> bool:
        """Asked before a rectangle or a line begins."""
        return self._work.mayDrag()

    def drawn(self, gesture: Gesture) -> None:
        """A prompt is complete."""
        self._clearSuggestion()
        self._connectLogic()
        self._work.send(gesture)

    def drewNothing(self) -> None:
        """A rectangle without size."""
        self._say(_("Drag a box around the structure; a single click says too little with this tool."))

    def drawing(self, viewWidget: Any, drag: Drag | None) -> None:
        """A rectangle or line grows, or (None) is over."""
        if drag is None:
            self._views.showDrawing(viewWidget, [])
        else:
            self._views.showDrawing(viewWidget, drag.outline(), drag.negative)

    def negativeChanged(self, negative: bool) -> None:
        """Ctrl went down or up."""
        self._showCursor()

    # --- What the options tell ----------------------------------------------------------------------------

    def _onToolChosen(self, name: str) -> None:
        if name:
            self._effect.setParameter(TOOL_PARAMETER, name)
        else:
            self._effect.selectEffect("")

    def _onTextEntered(self, text: str) -> None:
        self._clearSuggestion()
        self._connectLogic()
        self._work.sendText(text)

    def _complete(self, prefix: str) -> Any:
        return [] if self._logic is None else self._logic.completeText(prefix)

    def _onCancel(self) -> None:
        if self._logic is not None:
            self._logic.cancel()

    def _onSuggest(self) -> None:
        self._connectLogic()
        self._awaitsSuggestion = self._work.askForSuggestion()

    # --- What the logic tells -----------------------------------------------------------------------------

    def _onAnswered(self, answer: Answer) -> None:
        self._work.trail.answered(self._work.volume, self._work.segmentation, answer)
        self._watch.poke()
        if answer.segment_id == self._work.segmentId:
            self.options.showAnswer(answer)
            self.showState()

    def _onNamed(self, outcomes: list[TextOutcome]) -> None:
        from LightSegUI.TextOutcome import outcomesText, soleProblem

        problem = soleProblem(outcomes)
        if problem is not None:
            self._onProblem(problem)
        elif len(outcomes) > 1:
            self._say(outcomesText(outcomes))

    def _onSuggested(self, ras: Any) -> None:
        if not self._awaitsSuggestion:
            return  # the panel asked, and shows it
        self._awaitsSuggestion = False
        if ras is None:
            self._say(_("No place stands out: the segment looks settled."))
        else:
            self._suggestion.show(ras)
            self._say(
                _("Look at the crosshair: click there, with Ctrl if it does not belong to the structure.")
            )

    def _onBusyChanged(self, busy: bool) -> None:
        # What the signal says counts, not `logic.busy` at this instant: the worker is quick.
        self._busy = busy
        if busy:
            self.options.showText(_("Segmenting"))
        elif self._showsProgress:
            self._showInStatusBar("")
        self.showState()

    def _onProgressed(self, fraction: float, text: str) -> None:
        if text:
            share = _(" ({percent:.0f} %)").format(percent=100 * fraction) if fraction > 0 else ""
            self.options.showText(text + share)
            self._showInStatusBar(text)
            self._showsProgress = True

    def _onProblem(self, error: LightSegError) -> None:
        from LightSegUI.Failures import MissingPackageError

        self.options.showError(error, isinstance(error, MissingPackageError))
        self._showInStatusBar(str(error))

    # --- Own business -------------------------------------------------------------------------------------

    def _report(self, error: LightSegError) -> None:
        """Tell of a problem that came up here, through the logic, so that the panel shows it too."""
        if self._logic is None:
            self._onProblem(error)
        else:
            self._logic.failed.emit(error)

    def _say(self, text: str) -> None:
        self.options.showText(text)
        self._showInStatusBar(text)

    def _showInStatusBar(self, text: str) -> None:
        self._showsProgress = False
        slicer.util.showStatusMessage(text, _MESSAGE_MS)

    def _clearSuggestion(self) -> None:
        if self._suggestion.shown:
            self._suggestion.clear()

    def _showCursor(self) -> None:
        self._views.setCursor(self.cursor())

    def _connectLogic(self) -> None:
        """Listen to the shared logic; it may be another one than last time, after the module was reloaded."""
        try:
            from LightSegUI.SharedLogic import sharedLogic

            logic = sharedLogic()
        except Exception:  # say, a package is missing; the first click explains it
            _LOG.debug("The logic cannot be had yet", exc_info=True)
            return
        if logic is not self._logic:
            self._disconnectLogic()
            self._logic, self._busy = logic, bool(logic.busy)
            for signal, slot in self._logicSlots():
                signal.connect(slot)

    def _disconnectLogic(self) -> None:
        if self._logic is not None:
            for signal, slot in self._logicSlots():
                signal.disconnect(slot)
        self._logic, self._busy = None, False

    def _logicSlots(self) -> list[tuple[Any, Any]]:
        logic = self._logic
        return [
            (logic.answered, self._onAnswered),
            (logic.named, self._onNamed),
            (logic.suggested, self._onSuggested),
            (logic.failed, self._onProblem),
            (logic.busyChanged, self._onBusyChanged),
            (logic.progressed, self._onProgressed),
            (logic.stateChanged, self.showState),
        ]

    def _watchScene(self) -> None:
        self._watch.start(self._work.editorNode, self._work.segmentation)

    def _onSceneSettled(self) -> None:
        if not self._active:
            return
        work = self._work
        if not self._watch.watches(work.segmentation):
            self._watchScene()
        known = work.volume is not None and bool(work.segmentId)
        self._views.showMarkers(
            work.trail.look(work.volume, work.segmentation, work.segmentId) if known else ()
        )
        self.showState()


def openModule(*unused: Any) -> None:
    """Show the LightSeg module, where models are chosen and packages installed."""
    slicer.util.selectModule("LightSeg")
