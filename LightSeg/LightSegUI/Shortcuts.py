"""The keys of the prompt tools, and how they are active only as long as somebody installed them.

Taken already: in the Segment Editor 0-9, Q, W, Z, Y, I, Space, Esc, comma, period, slash, asterisk, < and >;
in slice views B, F, G, R, T, V, the brackets and the arrows; on a markups point S; in the main window many
with Ctrl. The keys below are none of these. A line edit with the focus keeps its letters: Qt offers it a key
before any shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

INSIDE = "inside"
OUTSIDE = "outside"
BOX = "box"
SCRIBBLE = "scribble"
TEXT = "text"
SUGGEST = "suggest"
CANCEL = "cancel"
ACCEPT = "accept"
NEW_SEGMENT = "newSegment"

KEYS: Mapping[str, str] = {
    INSIDE: "A",
    OUTSIDE: "X",
    BOX: "C",
    SCRIBBLE: "D",
    TEXT: "E",
    SUGGEST: "H",
    ACCEPT: "K",
    NEW_SEGMENT: "N",
    CANCEL: "Shift+Esc",
}
"""What a key does: the name of the action and the key, as `QKeySequence` reads it."""


class Shortcuts:
    """The keys of `KEYS` on one window, from `install` to `remove`.

    Args:
        actions: what to call, by the names in `KEYS`; a name without a key is an error.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]]) -> None:
        self._actions = {name: (KEYS[name], action) for name, action in actions.items()}
        self._installed: list = []

    @property
    def installed(self) -> bool:
        """Whether the keys are active."""
        return bool(self._installed)

    def install(self, window) -> None:
        """Make the keys active in a window, once; None (no main window): they stay inactive."""
        if self._installed or window is None:
            return
        import qt  # here, so that the names of the keys can be had without Qt

        for key, action in self._actions.values():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.activated.connect(action)
            self._installed.append((shortcut, action))

    def remove(self) -> None:
        """Make the keys inactive."""
        for shortcut, action in self._installed:
            shortcut.setEnabled(False)  # at once; the object itself goes with the next turn of the event loop
            shortcut.activated.disconnect(action)
            shortcut.deleteLater()
        self._installed = []
