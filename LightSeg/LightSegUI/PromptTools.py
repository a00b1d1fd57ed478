"""The row of prompt tools that the module panel and the Segment Editor effect share.

It shows and reports; what a click or a text then does is the business of whoever listens.
"""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from LightSegUI.Icons import icon
from LightSegUI.PromptToolsState import CONTROLS, TOOLS, PromptToolsState
from LightSegUI.Shortcuts import BOX, CANCEL, INSIDE, KEYS, OUTSIDE, SCRIBBLE, SUGGEST, TEXT
from LightSegUI.Signal import Signal
from LightSegUI.TextLine import Complete, TextLine

__all__ = ["PromptTools", "PromptToolsState"]


class PromptTools:
    """Buttons for Inside, Outside, Box and Scribble, a line for structures' names, Suggest and Cancel.

    Signals:
        toolChosen(name): a tool was switched on ("inside", "outside", "box", "scribble"), or off ("").
        textEntered(text): names were typed and confirmed, parted by semicolons; never empty.
        suggestRequested(): the user wants to be shown where to click next.
        cancelRequested(): the user wants the running work stopped.

    Args:
        logic: the shared logic; kept for the owner's convenience as `logic`.
        parent: the widget to live in, or None.
        showShortcuts: whether the buttons name their keys; only where somebody has installed them.

    Put `widget` into a layout. The class is no QWidget itself, so that it can be handed about and dropped
    without regard to who owns whom in Qt.
    """

    def __init__(self, logic=None, parent=None, showShortcuts: bool = False) -> None:
        self.logic = logic
        self.toolChosen = Signal()
        self.textEntered = Signal()
        self.suggestRequested = Signal()
        self.cancelRequested = Signal()
        self._showShortcuts = showShortcuts
        self._state = PromptToolsState()
        self.widget = qt.QWidget(parent)
        self.widget.setObjectName("LightSegPromptTools")
        self.buttons = {name: self._makeButton(name) for name in (*TOOLS, TEXT, SUGGEST, CANCEL)}
        self.names = TextLine(self.widget)
        self.textLine = self.names.widget
        self._layOut()
        self._connect()
        self.setState(self._state)

    # --- What the owner calls -----------------------------------------------------------------------------

    @property
    def state(self) -> PromptToolsState:
        """The state shown."""
        return self._state

    def setState(self, state: PromptToolsState) -> None:
        """Show a state: which tool is on, what can be used, and in the tooltips why not."""
        self._state = state
        for name in CONTROLS:
            enabled = state.isEnabled(name)
            tip = self._tip(name) if enabled else state.reasons[name]
            self.buttons[name].setEnabled(enabled)
            self.buttons[name].setToolTip(tip)
            if name == TEXT:
                self.textLine.setEnabled(enabled)
                self.textLine.setToolTip(tip)
        self._showTool(state.tool)

    def setTool(self, name: str) -> None:
        """Show a tool as on, "" for none; this emits nothing."""
        self.setState(PromptToolsState(name, self._state.reasons))

    def choose(self, name: str) -> None:
        """Act as if the tool's button was pressed: on, or off if it was on; nothing if it is disabled."""
        self.buttons[name].click()

    def focusText(self) -> None:
        """Put the cursor into the text line, if text can be used."""
        if self._state.isEnabled(TEXT):
            self.textLine.setFocus()
            self.textLine.selectAll()

    def setCompletions(self, complete: Complete | None) -> None:
        """Complete names in the line with this, called with what was typed of a name; None: not at all."""
        self.names.setCompletions(complete)

    def cleanup(self) -> None:
        """Cut the connections to Qt; call it while the widgets are still there."""
        self.names.cleanup()
        for source, slot in self._connections:
            source.disconnect(slot)
        self._connections = []

    # --- Widgets ------------------------------------------------------------------------------------------

    def _makeButton(self, name: str):
        button = qt.QToolButton(self.widget) if name in TOOLS else qt.QPushButton(self.widget)
        button.setObjectName(f"LightSeg{name.capitalize()}Button")
        button.setText(self._label(name))
        picture = icon(name)
        if picture is not None:
            button.setIcon(picture)
        if name in TOOLS:
            button.setCheckable(True)
            button.setToolButtonStyle(qt.Qt.ToolButtonTextUnderIcon)
            button.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        return button

    def _layOut(self) -> None:
        tools, text, help_ = qt.QHBoxLayout(), qt.QHBoxLayout(), qt.QHBoxLayout()
        for name in TOOLS:
            tools.addWidget(self.buttons[name], 1)
        text.addWidget(self.textLine, 1)
        text.addWidget(self.buttons[TEXT])
        help_.addWidget(self.buttons[SUGGEST], 1)
        help_.addWidget(self.buttons[CANCEL])
        column = qt.QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        for row in (tools, text, help_):
            column.addLayout(row)

    def _connect(self) -> None:
        # Slots are kept: a bound method made anew would not be found at disconnecting.
        self._connections = [
            (self.buttons[name].clicked, lambda *unused, name=name: self._onTool(name)) for name in TOOLS
        ]
        self._connections += [
            (self.buttons[TEXT].clicked, self._onText),
            (self.names.entered, self._onText),
            (self.buttons[SUGGEST].clicked, lambda *unused: self.suggestRequested.emit()),
            (self.buttons[CANCEL].clicked, lambda *unused: self.cancelRequested.emit()),
        ]
        for source, slot in self._connections:
            source.connect(slot)

    # --- What the user does -------------------------------------------------------------------------------

    def _onTool(self, name: str) -> None:
        chosen = "" if self._state.tool == name else name
        self.setTool(chosen)
        self.toolChosen.emit(chosen)

    def _onText(self, *unused) -> None:
        text = self.names.text
        if text and self._state.isEnabled(TEXT):
            self.textLine.selectAll()  # the next name takes the place of this one
            self.textEntered.emit(text)

    def _showTool(self, active: str) -> None:
        for name in TOOLS:
            button = self.buttons[name]
            blocked = button.blockSignals(True)
            button.setChecked(name == active)
            font = qt.QFont(button.property("font"))
            font.setBold(name == active)  # in dark themes a pressed button looks much like the others
            button.setFont(font)
            button.blockSignals(blocked)

    # --- Texts --------------------------------------------------------------------------------------------

    def _label(self, name: str) -> str:
        labels = {
            INSIDE: _("Inside"),
            OUTSIDE: _("Outside"),
            BOX: _("Box"),
            SCRIBBLE: _("Scribble"),
            TEXT: _("Find"),
            SUGGEST: _("Suggest next click"),
            CANCEL: _("Cancel"),
        }
        return withKey(labels[name], name) if self._showShortcuts else labels[name]

    def _tip(self, name: str) -> str:
        return {
            INSIDE: _(
                "Click on the structure in a slice view. Hold Ctrl to mark what does not belong to it. "
                "Press the button again to stop."
            ),
            OUTSIDE: _("Click on what the mask covers but should not. Press the button again to stop."),
            BOX: _(
                "Drag a box around the structure in a slice view. It is as deep as its shorter side, with "
                "the slice in the middle. Press the button again to stop."
            ),
            SCRIBBLE: _(
                "Draw a line along the structure in a slice view; hold Ctrl to draw on what does not belong "
                "to it. Press the button again to stop."
            ),
            TEXT: _(
                "Type the name of a structure and press Enter to have it found in the whole image. Several, "
                "parted by semicolons or pasted as a list, become a segment each."
            ),
            SUGGEST: _("Show where one more click would help most: the slice views jump there."),
            CANCEL: _("Stop the running work. The segment stays as it is."),
        }[name]


def withKey(label: str, name: str) -> str:
    """A button's label with the key that does the same."""
    return f"{label} ({KEYS[name]})"
