"""The line for names of structures: it completes the name that is being typed, and takes several.

Names are parted by semicolons; a list that is pasted, one name on a line, becomes that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from LightSegUI.Signal import Signal

if TYPE_CHECKING:
    from LightSegLib.text.completion import Completion

Complete = Callable[[str], "Sequence[Completion]"]
"""From what was typed of a name to the names it may become."""

SEPARATOR = "; "
_LINE_ENDS = re.compile(r"[\r\n\u2028\u2029]+")
_ACTIVATED = "activated(QString)"
"""By name, because Qt has two signals `activated`, and in Python only a name tells them apart."""


class TextLine:
    """A line edit with a list of names below it while somebody types.

    The list is no `setCompleter` of the line: that would complete the line as a whole, not its last name, and
    show what it inserts, not "Niere links → left kidney".

    Attributes:
        entered: (text) Enter was pressed; not while it chooses from the list.
        widget: the QLineEdit.

    Args:
        parent: the widget to live in.
    """

    def __init__(self, parent: Any) -> None:
        self.entered = Signal("entered")
        self.widget = qt.QLineEdit(parent)
        self.widget.setObjectName("LightSegTextLine")
        self.widget.setClearButtonEnabled(True)
        self.widget.setPlaceholderText(_("Name of a structure, e.g. left kidney"))
        self._complete: Complete | None = None
        self._names: dict[str, str] = {}
        self._model = qt.QStringListModel(self.widget)
        self._completer = qt.QCompleter(self.widget)
        self._completer.setModel(self._model)
        self._completer.setWidget(self.widget)
        # Kept, because a bound method made anew would not be found at disconnecting.
        self._connections: list[tuple[Any, Any]] = [
            (self.widget.textEdited, self._onEdited),
            (self.widget.textChanged, self._onChanged),
            (self.widget.returnPressed, self._onReturn),
        ]
        for source, slot in self._connections:
            source.connect(slot)
        self._choose = self._onChosen
        self._completer.connect(_ACTIVATED, self._choose)

    def setCompletions(self, complete: Complete | None) -> None:
        """Complete names with this from now on; it is called at each key, first when somebody types."""
        self._complete = complete

    @property
    def text(self) -> str:
        """What stands there, trimmed."""
        return str(self.widget.property("text")).strip()

    @property
    def offers(self) -> list[str]:
        """What the list shows; empty while it is hidden."""
        return list(self._names) if self._names and self._completer.popup().isVisible() else []

    def cleanup(self) -> None:
        """Cut the connections to Qt; call it while the widgets are still there."""
        for source, slot in self._connections:
            source.disconnect(slot)
        if self._connections:
            self._completer.disconnect(_ACTIVATED, self._choose)
        self._connections = []

    # --- What the user does -------------------------------------------------------------------------------

    def _onEdited(self, text: str) -> None:
        """A key was typed, or something pasted."""
        before, last = _parted(_flat(text))
        found = [] if self._complete is None else self._complete(last)
        offered = {str(each): each.name for each in found}
        # What stands there already is no offer; and nothing is while somebody corrects a name in the middle.
        if list(offered) == [last] or int(self.widget.property("cursorPosition")) < len(before + last):
            offered = {}
        self._model.setStringList(list(offered))
        if offered:
            self._names = offered
            self._completer.complete()
        else:
            self._hide()

    def _onChanged(self, text: str) -> None:
        if _flat(text) != text:
            self.widget.setText(_flat(text))

    def _onChosen(self, offer: str) -> None:
        """A name was chosen from the list: it takes the place of what was typed of it."""
        before, _last = _parted(str(self.widget.property("text")))
        self.widget.setText(before + self._names.get(offer, offer))

    def _onReturn(self, *unused: Any) -> None:
        # Enter in the list comes here first, and then to `_onChosen`.
        if self.offers and self._completer.popup().currentIndex().isValid():
            return
        self._hide()
        self.entered.emit(self.text)

    def _hide(self) -> None:
        if self._names:  # else there is no list yet
            self._names = {}
            self._completer.popup().hide()


def _flat(text: str) -> str:
    """Lines as names parted by semicolons; a single line as it is."""
    if not _LINE_ENDS.search(text):
        return text
    return SEPARATOR.join(line.strip(" ;") for line in _LINE_ENDS.split(text) if line.strip(" ;"))


def _parted(text: str) -> tuple[str, str]:
    """What stands before the last name, the blanks around included, and the last name."""
    end = text.rfind(";") + 1
    last = text[end:].lstrip()
    return text[: len(text) - len(last)], last
