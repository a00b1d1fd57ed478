"""What the installation remembers over a restart of Slicer: that it was under way, and what was chosen."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from LightSegUI.InstallPlan import Choice

KEY = "LightSeg/Install/Resume"


class InstallMemory:
    """One entry in Slicer's settings.

    Args:
        settings: a QSettings, or a stand-in with `value`, `setValue` and `remove`.
    """

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def keep(self, choice: Choice) -> None:
        """Reopen with this choice after the restart."""
        self._settings.setValue(KEY, json.dumps(asdict(choice)))
        if hasattr(self._settings, "sync"):
            self._settings.sync()  # Slicer is about to end

    def recall(self) -> Choice | None:
        """The choice to go on with, None if nothing was under way."""
        text = self._settings.value(KEY, "")
        try:
            entries = json.loads(str(text)) if text else None
            return None if entries is None else Choice(**entries)
        except (ValueError, TypeError):  # another version's entry, or a damaged one
            self.forget()
            return None

    def forget(self) -> None:
        """Nothing is under way any more."""
        self._settings.remove(KEY)


class SettingsInMemory:
    """Stands in for QSettings where there is none."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def value(self, key: str, default: Any = None) -> Any:
        """As QSettings."""
        return self._values.get(key, default)

    def setValue(self, key: str, value: Any) -> None:
        """As QSettings."""
        self._values[key] = value

    def remove(self, key: str) -> None:
        """As QSettings."""
        self._values.pop(key, None)
