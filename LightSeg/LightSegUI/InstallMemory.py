"""What the installation remembers over a restart of Slicer: that it was under way, and what was chosen."""

from __future__ import annotations

from dataclasses import asdict

from LightSegUI.InstallPlan import Choice
from LightSegUI.Settings import Settings

RESUME = "Install/Resume"


class InstallMemory:
    """One entry in the settings.

    Args:
        settings: where it stands.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keep(self, choice: Choice) -> None:
        """Reopen with this choice after the restart."""
        self._settings.setRecord(RESUME, asdict(choice))

    def recall(self) -> Choice | None:
        """The choice to go on with, None if nothing was under way."""
        entries = self._settings.record(RESUME)
        try:
            return Choice(**entries) if entries else None
        except TypeError:  # another version's entry
            self.forget()
            return None

    def forget(self) -> None:
        """Nothing is under way any more."""
        self._settings.remove(RESUME)
