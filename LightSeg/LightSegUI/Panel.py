"""The module's panel: joins its pieces, the shared logic and the embedded editor. It computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer

from LightSegLib.errors import LightSegError
from LightSegUI.ModelChooser import ModelChooser
from LightSegUI.PanelActions import PanelActions
from LightSegUI.PanelEditor import PanelEditor
from LightSegUI.PanelFacts import collectFacts
from LightSegUI.PanelInstall import PanelInstall
from LightSegUI.PanelState import Facts, reasonsAgainst, toolsState
from LightSegUI.PanelStatus import PanelStatus
from LightSegUI.PromptTools import PromptTools, withKey
from LightSegUI.PromptToolsState import TOOLS
from LightSegUI.Report import reportText
from LightSegUI.Shortcuts import ACCEPT, CANCEL, NEW_SEGMENT, SUGGEST, TEXT, Shortcuts
from LightSegUI.StateText import answerText, hintFor
from LightSegUI.SuggestionMark import SuggestionMark
from LightSegUI.TextOutcome import TextOutcome, outcomesText, soleProblem
from LightSegUI.Translation import tr as _


class Panel:
    """What the user sees of LightSeg, between `enter` and `exit`.

    Attributes:
        tools, editor, status, install, chooser: the pieces.
        facts: what the panel decided from when it last looked.
        lastError: the last error shown, for the report.

    Args:
        ui: the widgets of LightSeg.ui, by name.
        logic: the shared logic.
        openInstaller: see `PanelInstall`.
    """

    def __init__(self, ui, logic, openInstaller: Callable[[Callable[[], None]], None] | None = None) -> None:
        self.ui = ui
        self.logic = logic
        self.facts = Facts()
        self.lastError: LightSegError | None = None
        self._entered = False
        self._isChoiceOld = False
        self._situation: tuple = ()
        self._reasons: Mapping[str, str] = {}
        self.status = PanelStatus(ui)
        self.editor = PanelEditor(ui.lightSegEditor)
        self.actions = PanelActions(logic, self.editor, ui.segmentationSelector.setCurrentNode)
        self.tools = PromptTools(logic, ui.promptToolsPlace, showShortcuts=True)
        self.tools.setCompletions(logic.completeText)
        ui.promptToolsPlace.layout().addWidget(self.tools.widget)
        self.install = PanelInstall(ui, openInstaller)
        self.chooser = ModelChooser(ui, logic, self.showError)
        self.mark = SuggestionMark()
        self.shortcuts = Shortcuts(self._keyActions())
        # One change of the scene sends many events; the panel looks again once, when they are over.
        self._soon = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._connections = self._connect()
        self.refresh()

    # --- Life ---------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """The module is shown: keys work, clicks in slice views are heard, undo belongs to this editor."""
        self._entered = True
        self.install.look()
        window = slicer.util.mainWindow()
        self.editor.enter(window)
        self.actions.editHere()
        self.shortcuts.install(window)
        self.refresh()

    def exit(self) -> None:
        """Another module is shown. Running work goes on; its result is written when it comes."""
        self._entered = False
        self.shortcuts.remove()
        self.editor.exit()
        self.mark.clear()

    def cleanup(self) -> None:
        """The widgets are about to be destroyed."""
        self._soon.stop()
        for signal, slot in self._connections:
            signal.disconnect(slot)
        self._connections = []
        self.exit()
        self.logic.setEditing(None)
        for part in (self.tools, self.chooser, self.install, self.status, self.editor):
            part.cleanup()

    def showNodes(self, volume, segmentation) -> None:
        """Work on this image and this segmentation; either may be None."""
        self._attempt(lambda: self.logic.setVolumeNode(volume))
        self._attempt(lambda: self.logic.setSegmentationNode(segmentation))
        self.editor.show(volume, segmentation)
        self.refresh()

    def sceneCloses(self) -> None:
        """The scene is about to be emptied."""
        self.logic.cancel()
        self.mark.clear()
        self.editor.sceneCloses()

    # --- Showing ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at everything again."""
        if self._isChoiceOld:
            self._isChoiceOld = False
            self.chooser.refresh()
        self.facts, problem = collectFacts(self.logic, self.editor, self.install.missing)
        self._reasons = reasonsAgainst(self.facts)
        self.tools.setState(toolsState(self.facts))
        self._showSegmentButtons()
        self.chooser.setReasons(self._reasons)
        self.editor.hideEffectOptions()
        facts = self.facts
        situation = (facts.missingPackages, facts.volumeProblem, facts.tool, facts.accepted)
        situation = (*situation, facts.segmentProblem, self.editor.segmentId)
        volume = self.logic.volumeNode
        # The content too, because after undo the confidence of the last answer is old.
        situation = (*situation, volume and volume.GetID(), self.editor.contentStamp)
        if situation != self._situation:
            self._situation = situation
            self._showHint(problem)

    def showError(self, error: LightSegError) -> None:
        """Say what went wrong; what is said about another state later takes its place."""
        self.lastError = error
        self.status.showError(error)

    def _showHint(self, problem: LightSegError | None) -> None:
        """What to do next."""
        if self.facts.missingPackages:
            self.status.showText(_("Install the missing packages first, with the button above."))
        elif problem is not None and self.logic.volumeNode is not None:
            self.showError(problem)
        elif problem is not None:
            self.status.showText(str(problem))
        elif self.facts.accepted:
            self.status.showText(
                _("This segment is accepted and protected. Start a new segment, or edit this one again.")
            )
        elif self.facts.segmentProblem:
            self.status.showText(self.facts.segmentProblem)
        else:
            self.status.showText(hintFor(self.facts.tool))

    def _showSegmentButtons(self) -> None:
        if self.facts.accepted:
            label, tip = _("Edit again"), _("Let this segment change again.")
        else:
            label = _("Accept")
            tip = _("The segment is done: mark it as completed and protect it from further answers.")
        newTip = _("Accept this segment and start the next structure in a new, empty one.")
        for button, name, text, tooltip in (
            (self.ui.acceptButton, ACCEPT, label, tip),
            (self.ui.newSegmentButton, NEW_SEGMENT, _("New segment"), newTip),
        ):
            button.setText(withKey(text, name))
            button.setEnabled(name not in self._reasons)
            button.setToolTip(self._reasons.get(name, tooltip))

    # --- What the user does -------------------------------------------------------------------------------

    def onTool(self, name: str) -> None:
        """A prompt tool was switched on, or off ("")."""
        if self._attempt(lambda: self.actions.useTool(name)):
            self.refresh()
        self._refreshSoon()

    def onText(self, text: str) -> None:
        """Structures were named."""
        self._attempt(lambda: self.actions.findText(text))

    def onSuggest(self) -> None:
        """The user wants to see where the next click would help most."""
        self._attempt(self.actions.suggest)

    def onAccept(self) -> None:
        """Accept the segment, or edit an accepted one again."""
        self.mark.clear()
        if self._attempt(lambda: self.actions.setAccepted(not self.facts.accepted)):
            self.refresh()

    def onNewSegment(self) -> None:
        """Start the next structure; the one before is accepted, so that it loses nothing to the next."""
        self.mark.clear()
        finished = self.facts.hasContent and not self.facts.accepted
        name = self.editor.segment.GetName() if finished else ""
        if self._attempt(lambda: self.actions.startSegment(acceptFirst=finished)):
            self.refresh()
            if finished:
                self.status.showText(
                    _("{name} is accepted and protected. Click on the next structure.").format(name=name)
                )

    def onCopyReport(self) -> None:
        """Put facts for a question into the clipboard."""
        with slicer.util.WaitCursor():  # torch may have to be imported, which takes seconds
            text = reportText(self.logic, self.lastError)
        qt.QApplication.clipboard().setText(text)
        self.status.showText(_("The report is in the clipboard. Paste it where you ask for help."))

    # --- What the logic tells -----------------------------------------------------------------------------

    def onAnswered(self, answer: Any) -> None:
        """A prompt was answered and the segment written."""
        self.mark.clear()
        self.refresh()
        if answer.segment_id != self.editor.segmentId:
            return  # the user went on to another segment, or works in the Segment Editor
        empty = answer.confidence <= 0
        seconds = answer.change.seconds + answer.write_seconds  # without the time it waited for its turn
        self.status.showText(answerText(answer.confidence, seconds, empty, answer.written))

    def onNamed(self, outcomes: list[TextOutcome]) -> None:
        """Names were answered, or as many of them as came to it; of each segment `onAnswered` has told."""
        self.refresh()
        problem = soleProblem(outcomes)
        if problem is not None:
            self.showError(problem)
        elif len(outcomes) > 1:
            self.status.showText(outcomesText(outcomes))

    def onFailed(self, error: LightSegError) -> None:
        """Something was refused, or went wrong."""
        self.refresh()  # first, because hints about what is new must not take the place of the error
        self.showError(error)

    def onSuggested(self, ras: Any) -> None:
        """Where the next click would help most is known; None if nowhere."""
        if not self._entered:
            return
        if ras is None:
            self.status.showText(_("No place stands out. If the segment looks right, accept it."))
            return
        self.mark.show(ras)
        self.status.showText(
            _("Click at the crosshair: with Inside if that belongs to the structure, else with Outside.")
        )

    def onBusy(self, busy: bool) -> None:
        """Work began, or all of it ended."""
        self.status.setBusy(busy)
        self.refresh()

    # --- Own business -------------------------------------------------------------------------------------

    def _attempt(self, step: Callable[[], Any]) -> bool:
        """Do something that may be refused; returns whether it was done."""
        try:
            step()
        except LightSegError as error:
            self.onFailed(error)
            return False
        return True

    def _byKey(self, name: str) -> None:
        """A key was pressed: do what its button does, or say why it cannot."""
        doing = {ACCEPT: self.onAccept, NEW_SEGMENT: self.onNewSegment, TEXT: self.tools.focusText}
        if name in self._reasons:
            self.status.showText(self._reasons[name])
        elif name in doing:
            doing[name]()
        else:
            self.tools.choose(name)

    def _keyActions(self) -> dict[str, Callable[[], None]]:
        names = (*TOOLS, TEXT, SUGGEST, CANCEL, ACCEPT, NEW_SEGMENT)
        return {name: (lambda name=name: self._byKey(name)) for name in names}

    def _connect(self) -> list[tuple[Any, Any]]:
        """Connect everything; returns the pairs to disconnect."""
        logic, ui = self.logic, self.ui
        pairs = [
            (self._soon.timeout, self.refresh),
            (self.editor.changed, self._refreshSoon),
            (self.install.changed, self.refresh),
            (self.tools.toolChosen, self.onTool),
            (self.tools.textEntered, self.onText),
            (self.tools.suggestRequested, self.onSuggest),
            (self.tools.cancelRequested, logic.cancel),
            (ui.acceptButton.clicked, lambda *unused: self.onAccept()),
            (ui.newSegmentButton.clicked, lambda *unused: self.onNewSegment()),
            (ui.reportButton.clicked, lambda *unused: self.onCopyReport()),
            (ui.advancedSection.contentsCollapsed, self._onAdvanced),
            (logic.answered, self.onAnswered),
            (logic.named, self.onNamed),
            (logic.suggested, self.onSuggested),
            (logic.failed, self.onFailed),
            (logic.busyChanged, self.onBusy),
            (logic.progressed, self.status.setProgress),
            (logic.measured, self._onLogicChanged),
            (logic.stateChanged, self._onLogicChanged),
        ]
        for signal, slot in pairs:
            signal.connect(slot)
        return pairs

    def _refreshSoon(self, *unused) -> None:
        self._soon.start()

    def _onLogicChanged(self, *unused) -> None:
        self._isChoiceOld = True
        self._refreshSoon()

    def _onAdvanced(self, collapsed: bool) -> None:
        if not collapsed and not self.facts.missingPackages:
            self.chooser.lookForDevices()
