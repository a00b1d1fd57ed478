"""The module's panel: joins its pieces, the shared logic and the embedded editor. It computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer

from LightSegLib.errors import LightSegError, SessionError
from LightSegUI.Editing import Editing
from LightSegUI.ModelChooser import ModelChooser
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
from LightSegUI.Translation import tr as _


class Panel:
    """What the user sees of LightSeg, between `enter` and `exit`.

    Args:
        ui: the widgets of LightSeg.ui, by name.
        logic: the shared logic.
        openInstaller: see `PanelInstall`.
    """

    def __init__(self, ui, logic, openInstaller: Callable[[Callable[[], None]], None] | None = None) -> None:
        self.ui = ui
        self.logic = logic
        self.lastError: LightSegError | None = None
        self._entered = False
        self._situation: tuple = ()
        self._reasons: Mapping[str, str] = {}
        self.status = PanelStatus(ui)
        self.editor = PanelEditor(ui.lightSegEditor)
        self.tools = PromptTools(logic, ui.promptToolsPlace, showShortcuts=True)
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
        self.editor.enter()
        self._editHere()
        self.shortcuts.install(slicer.util.mainWindow())
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
        facts, problem = collectFacts(self.logic, self.editor, self.install.missing)
        self._reasons = reasonsAgainst(facts)
        self.tools.setState(toolsState(facts))
        self._showSegmentButtons(facts)
        self.chooser.refresh()
        self.chooser.setReasons(self._reasons)
        self.editor.hideEffectOptions()
        situation = (
            facts.missingPackages,
            facts.volumeProblem,
            facts.tool,
            facts.accepted,
            facts.segmentProblem,
        )
        situation = (*situation, self.editor.segmentId)
        if situation != self._situation:
            self._situation = situation
            self._showHint(facts, problem)

    def showError(self, error: LightSegError) -> None:
        """Say what went wrong."""
        self.lastError = error
        self.status.showError(error)

    def _showHint(self, facts: Facts, problem: LightSegError | None) -> None:
        """What to do next."""
        if facts.missingPackages:
            self.status.showText(_("Install the missing packages first, with the button above."))
        elif problem is not None and self.logic.volumeNode is not None:
            self.showError(problem)
        elif problem is not None:
            self.status.showText(f"{problem.what}. {problem.next_step}.")
        elif facts.accepted:
            self.status.showText(
                _("This segment is accepted and protected. Start a new segment, or edit this one again.")
            )
        elif facts.segmentProblem:
            self.status.showText(facts.segmentProblem)
        else:
            self.status.showText(hintFor(facts.tool))

    def _showSegmentButtons(self, facts: Facts) -> None:
        accept = _("Edit again") if facts.accepted else _("Accept")
        tips = {
            ACCEPT: _("Let this segment change again.")
            if facts.accepted
            else _("The segment is done: mark it as completed and protect it from further answers."),
            NEW_SEGMENT: _("Start the next structure in a new, empty segment."),
        }
        for button, name, label in (
            (self.ui.acceptButton, ACCEPT, accept),
            (self.ui.newSegmentButton, NEW_SEGMENT, _("New segment")),
        ):
            button.setText(withKey(label, name))
            button.setEnabled(name not in self._reasons)
            button.setToolTip(self._reasons.get(name, tips[name]))

    # --- What the user does -------------------------------------------------------------------------------

    def onTool(self, name: str) -> None:
        """A prompt tool was switched on, or off ("")."""
        if name:
            self.logic.settings.tool = name
        if not self._attempt(lambda: self._useTool(name)):
            self.editor.setTool("")
        self.refresh()

    def onText(self, text: str) -> None:
        """A structure was named."""
        if self._attempt(self._prepareSegment):
            self.logic.segmentText(text, wait=False)

    def onSuggest(self) -> None:
        """Have the logic find where the next click would help most."""

        self._editHere()
        self.logic.suggest(wait=False)

    def onAccept(self) -> None:
        """Accept the segment, or edit an accepted one again."""
        segmentId = self.editor.segmentId
        self._editHere()
        facts, _problem = collectFacts(self.logic, self.editor, self.install.missing)
        change = self.logic.reopen if facts.accepted else self.logic.accept
        if self._attempt(lambda: change(segmentId)):
            self.mark.clear()
        self.refresh()

    def onNewSegment(self) -> None:
        """Start the next structure."""

        def start() -> None:
            self._ensureSegmentation()
            self.editor.selectSegment(self.logic.addSegment())

        if self._attempt(start):
            self.mark.clear()
        self.refresh()

    def onCopyReport(self) -> None:
        """Put facts for a question into the clipboard."""
        qt.QApplication.clipboard().setText(reportText(self.logic, self.lastError))
        self.status.showText(_("The report is in the clipboard. Paste it where you ask for help."))

    # --- What the logic tells -----------------------------------------------------------------------------

    def onAnswered(self, answer: Any) -> None:
        """A prompt was answered and the segment written."""
        self.mark.clear()
        self.refresh()
        self.status.showText(
            answerText(answer.confidence, answer.seconds, answer.confidence <= 0, answer.written)
        )

    def onSuggested(self, ras: Any) -> None:
        """Where the next click would help most is known."""
        if not self._entered:
            return
        if ras is None:
            self.status.showText(
                _("No place stands out: the segment looks settled. Accept it if it is right.")
            )
            return
        self.mark.show(ras)
        self.status.showText(
            _(
                "Look at the crosshair: click there with Inside if it belongs to the structure, "
                "else with Outside."
            )
        )

    def onBusy(self, busy: bool) -> None:
        """Work began, or all of it ended."""
        self.status.setBusy(busy)
        self.refresh()

    def onMeasured(self, *unused) -> None:
        """The speed of a model is known."""
        self.refresh()

    # --- Own business -------------------------------------------------------------------------------------

    def _useTool(self, name: str) -> None:
        if name:
            self._prepareSegment()
        if not self.editor.setTool(name):
            raise SessionError(
                _("The tool could not be switched on"),
                _("Slicer does not know the LightSeg effect of the Segment Editor"),
                _("Restart Slicer; if that does not help, reinstall the LightSeg extension"),
            )

    def _editHere(self) -> None:
        """Make the embedded editor the place whose undo and masking hold; another editor may have been it."""
        self.logic.setEditing(Editing(self.editor.undoOwner, self.editor.node))

    def _prepareSegment(self) -> None:
        """See that there is a segment to click into: make segmentation and segment where they are missing."""
        self._ensureSegmentation()
        if self.editor.segment is None:
            segments = self.logic.segmentationNode.GetSegmentation().GetSegmentIDs()
            self.editor.selectSegment(segments[0] if len(segments) == 1 else self.logic.addSegment())

    def _ensureSegmentation(self) -> None:
        self._editHere()
        if self.logic.segmentationNode is None:
            node = self.logic.makeSegmentationNode()
            self.ui.segmentationSelector.setCurrentNode(node)  # the parameter node follows
            self.editor.show(self.logic.volumeNode, node)

    def _attempt(self, step: Callable[[], Any]) -> bool:
        """Do something that may be refused; returns whether it was done."""
        try:
            step()
        except LightSegError as error:
            self.showError(error)
            return False
        return True

    def _byKey(self, name: str) -> None:
        """A key was pressed: do what its button does, or say why it cannot."""
        reason = self._reasons.get(name)
        if reason is not None:
            self.status.showText(reason)
        elif name == TEXT:
            self.tools.focusText()
        elif name == ACCEPT:
            self.onAccept()
        elif name == NEW_SEGMENT:
            self.onNewSegment()
        else:
            self.tools.choose(name)

    def _keyActions(self) -> dict[str, Callable[[], None]]:
        names = (*TOOLS, TEXT, SUGGEST, CANCEL, ACCEPT, NEW_SEGMENT)
        return {name: (lambda name=name: self._byKey(name)) for name in names}

    def _connect(self) -> list[tuple[Any, Any]]:
        """Connect everything; returns the pairs to disconnect."""
        later = self._soon.start
        pairs = [
            (self._soon.timeout, self.refresh),
            (self.editor.changed, lambda: later()),
            (self.install.changed, self.refresh),
            (self.tools.toolChosen, self.onTool),
            (self.tools.textEntered, self.onText),
            (self.tools.suggestRequested, self.onSuggest),
            (self.tools.cancelRequested, self.logic.cancel),
            (self.ui.acceptButton.clicked, lambda *unused: self.onAccept()),
            (self.ui.newSegmentButton.clicked, lambda *unused: self.onNewSegment()),
            (self.ui.reportButton.clicked, lambda *unused: self.onCopyReport()),
            (self.ui.advancedSection.contentsCollapsed, self._onAdvanced),
            (self.logic.answered, self.onAnswered),
            (self.logic.suggested, self.onSuggested),
            (self.logic.failed, self.showError),
            (self.logic.busyChanged, self.onBusy),
            (self.logic.progressed, self.status.setProgress),
            (self.logic.measured, self.onMeasured),
            (self.logic.stateChanged, lambda: later()),
        ]
        for signal, slot in pairs:
            signal.connect(slot)
        return pairs

    def _onAdvanced(self, collapsed: bool) -> None:
        if not collapsed:
            self.chooser.lookForDevices()
