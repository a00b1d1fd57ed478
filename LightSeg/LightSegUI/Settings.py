"""What a user prefers, kept over restarts: model, device, tool, and the speed measured on this computer."""

from __future__ import annotations

import json
import logging
from typing import Any

_LOG = logging.getLogger(__name__)
GROUP = "LightSeg/"
"""Where the entries stand in Slicer's settings file."""


class Settings:
    """Preferences by name, in Slicer's settings file where there is Qt, else in memory.

    All values are stored as text, because a settings file keeps no types.

    Args:
        store: something with `value(key)`, `setValue(key, text)` and `remove(key)`, as QSettings has.
            None: the application's QSettings, or memory without Qt.
    """

    def __init__(self, store: Any = None) -> None:
        self._store = _defaultStore() if store is None else store

    def text(self, name: str, default: str = "") -> str:
        """A text; the default if nothing is stored."""
        value = self._store.value(GROUP + name)
        return default if value is None else str(value)

    def setText(self, name: str, value: str) -> None:
        """Store a text."""
        self._store.setValue(GROUP + name, str(value))

    def flag(self, name: str, default: bool = False) -> bool:
        """Yes or no; the default if nothing is stored, or something else."""
        stored = self.text(name).strip().lower()
        return {"true": True, "1": True, "false": False, "0": False}.get(stored, default)

    def setFlag(self, name: str, value: bool) -> None:
        """Store yes or no."""
        self.setText(name, "true" if value else "false")

    def record(self, name: str) -> dict[str, Any]:
        """Named values of JSON types; empty if nothing is stored, or what is stored is damaged."""
        stored = self.text(name)
        if not stored:
            return {}
        try:
            record = json.loads(stored)
        except ValueError:
            _LOG.warning("The setting %s%s is damaged and was ignored: %r", GROUP, name, stored)
            return {}
        return record if isinstance(record, dict) else {}

    def setRecord(self, name: str, record: dict[str, Any]) -> None:
        """Store named values of JSON types."""
        self.setText(name, json.dumps(record))

    def remove(self, name: str) -> None:
        """Forget an entry; it need not exist."""
        self._store.remove(GROUP + name)

    @property
    def model(self) -> str:
        """Id or folder of the chosen model; empty for the default one."""
        return self.text("model")

    @model.setter
    def model(self, idOrFolder: str) -> None:
        self.setText("model", idOrFolder)

    @property
    def device(self) -> str:
        """The chosen device: "auto", "cpu", "cuda:0" and so on."""
        return self.text("device", "auto") or "auto"

    @device.setter
    def device(self, name: str) -> None:
        self.setText("device", name)

    @property
    def tool(self) -> str:
        """The prompt tool that was used last; empty if none was."""
        return self.text("tool")

    @tool.setter
    def tool(self, name: str) -> None:
        self.setText("tool", name)


class MemoryStore:
    """Entries that live as long as the program."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}

    def value(self, key: str) -> str | None:
        """The text under a key, None if there is none."""
        return self._entries.get(key)

    def setValue(self, key: str, text: str) -> None:
        """Store a text."""
        self._entries[key] = text

    def remove(self, key: str) -> None:
        """Forget an entry."""
        self._entries.pop(key, None)


def _defaultStore() -> Any:
    try:
        import qt
    except ImportError:
        return MemoryStore()
    return qt.QSettings()
