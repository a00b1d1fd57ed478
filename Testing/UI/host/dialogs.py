"""Modal dialogs in tests: none may wait for a user who is not there.

A test says beforehand what the user will do (`host.dialogs.answer(...)`); a dialog that nobody expects is an
error. What was shown is kept in `host.dialogs.shown`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6 import QtWidgets

Reaction = Callable[[Any], Any]


class UnexpectedDialogError(AssertionError):
    """A modal dialog opened and the test had prepared no answer."""


@dataclass(frozen=True)
class Shown:
    """One dialog that was opened: its class, title and text."""

    kind: str
    title: str
    text: str


class Dialogs:
    """The user in front of modal dialogs."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self._reactions: deque[Any] = deque()

    def answer(self, *reactions: Any) -> None:
        """Prepare what the user does, in order.

        Args:
            reactions: a result (a `QMessageBox` button, a `QDialog` code, a path), or a function that gets
                the dialog, may work on it (click its buttons), and returns the result (None: the dialog's).
        """
        self._reactions.extend(reactions)

    @property
    def unanswered(self) -> int:
        """How many prepared answers no dialog has asked for."""
        return len(self._reactions)

    def run(self, dialog: Any) -> Any:
        """Stand in for `dialog.exec()`."""
        reaction = self._next(dialog.className(), dialog.windowTitle, _text_of(dialog))
        if callable(reaction) and not isinstance(reaction, int):
            dialog.show()
            result = reaction(dialog)
            dialog.hide()
            return dialog.result() if result is None else result
        dialog.done(int(reaction))
        return int(reaction)

    def ask(self, kind: str, title: str, text: str, arguments: tuple[Any, ...] = ()) -> Any:
        """Stand in for a static function such as `QFileDialog.getOpenFileName`."""
        reaction = self._next(kind, title, text)
        return reaction(*arguments) if callable(reaction) and not isinstance(reaction, int) else reaction

    def clear(self) -> None:
        """Forget everything."""
        self.shown.clear()
        self._reactions.clear()

    def _next(self, kind: str, title: str, text: str) -> Any:
        self.shown.append(Shown(kind, title, text))
        if not self._reactions:
            raise UnexpectedDialogError(
                f"{kind} opened: {title!r} {text!r}. Prepare it with host.dialogs.answer(...)"
            )
        return self._reactions.popleft()


dialogs = Dialogs()


def _text_of(dialog: Any) -> str:
    if dialog.inherits("QMessageBox"):
        return "\n".join(part for part in (dialog.text, dialog.informativeText) if part)
    if dialog.inherits("QProgressDialog") or dialog.inherits("QInputDialog"):
        return dialog.labelText
    return ""


def _static(kind: str, name: str) -> Callable[..., Any]:
    def ask(parent: Any = None, *arguments: Any, **_: Any) -> Any:
        texts = [item for item in arguments if isinstance(item, str)]
        return dialogs.ask(f"{kind}.{name}", texts[0] if texts else "", " ".join(texts[1:2]), arguments)

    return staticmethod(ask)


STATIC = {
    QtWidgets.QMessageBox: ("information", "question", "warning", "critical", "about"),
    QtWidgets.QFileDialog: ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"),
    QtWidgets.QInputDialog: ("getText", "getItem", "getInt", "getDouble", "getMultiLineText"),
    QtWidgets.QColorDialog: ("getColor",),
}


def install() -> None:
    """Replace everything in Qt that opens a modal loop."""
    for kind in (QtWidgets.QDialog, QtWidgets.QMessageBox, QtWidgets.QFileDialog, QtWidgets.QColorDialog):
        kind.exec = dialogs.run
        kind.exec_ = dialogs.run
    for kind, names in STATIC.items():
        for name in names:
            setattr(kind, name, _static(kind.__name__, name))
    QtWidgets.QMenu.exec = _menu
    QtWidgets.QMenu.exec_ = _menu


def _menu(menu: Any, *_: Any) -> Any:
    return dialogs.ask("QMenu", menu.title, ", ".join(action.text for action in menu.actions()), (menu,))
