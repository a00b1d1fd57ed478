"""What the effect shows in the Segment Editor's options: the prompt tools, the last answer, the model."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from LightSegUI.PromptTools import PromptTools
from LightSegUI.Signal import Signal
from LightSegUI.StateText import answerText, errorText

if TYPE_CHECKING:
    from LightSegLib.errors import LightSegError
    from LightSegLib.mrml import Answer
    from LightSegUI.PromptToolsState import PromptToolsState

_MODULE_LINK = "lightseg"
_MESSAGE_LINES = 2


class EffectOptions:
    """Widgets of one effect in one Segment Editor.

    Attributes:
        tools: the prompt tools with their signals.
        moduleRequested: () the user wants to see the LightSeg module.
        widget: what goes into the effect's options frame.
    """

    def __init__(self) -> None:
        self.moduleRequested = Signal("moduleRequested")
        self.tools = PromptTools()
        self.widget = qt.QWidget()
        self.widget.setObjectName("LightSegEffectOptions")
        self._message = _label("LightSegEffectMessage")
        # Room for an answer from the start: if it came with the answer, everything would jump at each click.
        line = qt.QFontMetrics(self._message.property("font")).lineSpacing()
        self._message.setMinimumHeight(_MESSAGE_LINES * line)
        self._model = _label("LightSegEffectModel")
        self._moduleButton = qt.QPushButton(_("Model and settings"))
        self._moduleButton.setObjectName("LightSegModuleButton")
        self._moduleButton.setToolTip(
            _("Open the LightSeg module: choose model and device, install packages.")
        )
        self._layOut()
        # Kept, because a bound method made anew would not be found at disconnecting.
        self._connections = [
            (self._moduleButton.clicked, lambda *unused: self.moduleRequested.emit()),
            (self._message.linkActivated, lambda *unused: self.moduleRequested.emit()),
        ]
        for source, slot in self._connections:
            source.connect(slot)

    def setVisible(self, visible: bool) -> None:
        """Show all of it or nothing; the LightSeg panel has tools of its own."""
        self.widget.setVisible(visible)

    def setState(self, state: PromptToolsState) -> None:
        """Show which tool is on and what can be used."""
        self.tools.setState(state)

    def showModel(self, name: str) -> None:
        """Name the model that answers; "" if none is known."""
        self._model.setText(_("Model: {name}").format(name=escape(name)) if name else "")

    def showText(self, text: str) -> None:
        """Say something that is no error."""
        self._message.setText(escape(text))

    def showAnswer(self, answer: Answer) -> None:
        """Say how sure and how fast the last answer was."""
        empty = answer.confidence <= 0
        self.showText(answerText(answer.confidence, answer.seconds, empty, answer.written))

    def showError(self, error: LightSegError, offerModule: bool = False) -> None:
        """Say what went wrong and what to do, with a link to the LightSeg module where it helps."""
        text = errorText(error)
        if offerModule:
            text += f' <a href="{_MODULE_LINK}">{escape(_("Open the LightSeg module"))}</a>'
        self._message.setText(text)

    def cleanup(self) -> None:
        """Cut all connections; call it while the widgets are still there."""
        for source, slot in self._connections:
            source.disconnect(slot)
        self._connections = []
        self.tools.cleanup()

    def _layOut(self) -> None:
        model = qt.QHBoxLayout()
        model.addWidget(self._model, 1)
        model.addWidget(self._moduleButton)
        column = qt.QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tools.widget)
        column.addWidget(self._message)
        column.addLayout(model)


def _label(name: str) -> Any:
    label = qt.QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(qt.Qt.RichText)
    return label
