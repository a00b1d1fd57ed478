"""How fast models are on this very computer, remembered over restarts."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.commands.trial import Trial
    from LightSegLib.models.cards import ModelCard
    from LightSegUI.Settings import Settings

_ENTRY = "measurements"


@dataclass(frozen=True)
class Measurement:
    """Seconds and memory of a model on a device of this computer.

    Attributes:
        model: the card's id.
        device: where it ran, "cpu" or "cuda:0".
        clickSeconds: median from click to mask.
        loadSeconds: to load the model and find the fastest way to run it.
        memoryBytes: peak above what the program took before.
    """

    model: str
    device: str
    clickSeconds: float
    loadSeconds: float
    memoryBytes: int

    def describe(self) -> str:
        """One line for people."""
        return _("{click:.2f} s per click, {memory:.0f} MB memory, loads in {load:.1f} s").format(
            click=self.clickSeconds, memory=self.memoryBytes / 1e6, load=self.loadSeconds
        )


class Measurements:
    """Measurements in the settings, by model, device and computer.

    The weights' checksum belongs to the key: another version of a model is another model. So does the
    computer's name, because settings travel with a user from one computer to another.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def find(self, card: ModelCard, device: str) -> Measurement | None:
        """What was measured last; None if nothing was."""
        stored = self._settings.record(_ENTRY).get(_key(card, device))
        try:
            return Measurement(**stored) if isinstance(stored, dict) else None
        except TypeError:  # written by another version
            return None

    def keep(self, card: ModelCard, device: str, trial: Trial) -> Measurement | None:
        """Remember a trial; None if it failed.

        Args:
            card: of the model that was tried.
            device: as it was asked for, "auto" for example.
            trial: what came of it.
        """
        if trial.click_seconds is None or trial.peak_bytes is None:
            return None
        loading = (trial.load_seconds or 0.0) + (trial.warm_up_seconds or 0.0)
        found = Measurement(trial.model, trial.device, trial.click_seconds, loading, trial.peak_bytes)
        record: dict[str, Any] = self._settings.record(_ENTRY)
        record[_key(card, device)] = asdict(found)
        self._settings.setRecord(_ENTRY, record)
        return found


def _key(card: ModelCard, device: str) -> str:
    return f"{platform.node()} {card.id} {card.weights.sha256[:12]} {device}"
