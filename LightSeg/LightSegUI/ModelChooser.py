"""Which model answers, where it computes, what that costs on this computer, and under which license."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LightSegLib.errors import LightSegError
from LightSegUI.PanelState import MEASURE
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from LightSegLib.models.cards import ModelCard


class ModelChooser:
    """The model, license, device and measurement in the panel's section Advanced.

    Args:
        ui: the panel's widgets: modelChooser, licenceLabel, deviceChooser, measuredLabel, measureButton.
        logic: the shared logic.
        showError: called with a LightSegError when a choice cannot be made.
    """

    def __init__(self, ui, logic, showError: Callable[[LightSegError], None]) -> None:
        self._ui = ui
        self._logic = logic
        self._showError = showError
        self._models: list[str] = []
        self._devices: list[str] = []
        self._lookedForDevices = False
        self._connections = [
            (ui.modelChooser.currentIndexChanged, self._onModel),
            (ui.deviceChooser.currentIndexChanged, self._onDevice),
            (ui.measureButton.clicked, self._onMeasure),
        ]
        for signal, slot in self._connections:
            signal.connect(slot)
        self.refresh()

    def lookForDevices(self) -> None:
        """Have GPUs looked for, once; it imports torch, so only when somebody wants to see."""
        if not self._lookedForDevices:
            self._lookedForDevices = True
            self._logic.lookForDevices(wait=False)

    def refresh(self) -> None:
        """Show what the logic has chosen."""
        try:
            self._refreshModels(self._logic.models(), self._logic.modelCard)
        except LightSegError as error:  # a bundled card is damaged, say
            self._showError(error)
            return
        choices = self._logic.devices()
        self._devices = [choice.name for choice in choices]
        _fill(self._ui.deviceChooser, [choice.title for choice in choices], self._deviceIndex())
        self._ui.deviceChooser.setToolTip(
            _("A GPU makes answers faster; the CPU is enough. Automatic takes the fastest that works.")
        )
        self._showMeasurement()

    def setReasons(self, reasons: Mapping[str, str]) -> None:
        """Enable or disable measuring; reasons as in `PanelState.reasonsAgainst`."""
        self._ui.measureButton.setEnabled(MEASURE not in reasons)
        self._ui.measureButton.setToolTip(
            reasons.get(
                MEASURE,
                _("Try the chosen model with some clicks on an artificial image; takes some seconds."),
            )
        )

    def cleanup(self) -> None:
        """The widgets are about to be destroyed."""
        for signal, slot in self._connections:
            signal.disconnect(slot)
        self._connections = []

    # --- Own business -------------------------------------------------------------------------------------

    def _refreshModels(self, cards: list[ModelCard], chosen: ModelCard) -> None:
        self._models = [card.id for card in cards]
        index = self._models.index(chosen.id) if chosen.id in self._models else -1
        _fill(self._ui.modelChooser, [card.id for card in cards], index)
        self._ui.modelChooser.setToolTip(_modelTip(chosen))
        self._ui.licenceLabel.setText(
            _("{licence}, weights {megabytes:.1f} MB").format(
                licence=chosen.licence, megabytes=chosen.weights.bytes / 1e6
            )
        )
        self._ui.licenceLabel.setToolTip(_("The license of the model's weights. Masks are your own."))

    def _showMeasurement(self) -> None:
        label, found = self._ui.measuredLabel, self._logic.measurement()
        if found is None:
            label.setText(_("Not measured yet"))
            label.setToolTip(_("Press Measure to see how fast the chosen model is here."))
            return
        label.setText(
            _("{click:.2f} s per click, {memory:.0f} MB").format(
                click=found.clickSeconds, memory=found.memoryBytes / 1e6
            )
        )
        label.setToolTip(found.describe())

    def _deviceIndex(self) -> int:
        chosen = "cuda:0" if self._logic.device == "cuda" else self._logic.device
        return self._devices.index(chosen) if chosen in self._devices else -1

    def _onModel(self, index: int = -1) -> None:
        index = int(self._ui.modelChooser.property("currentIndex"))
        if 0 <= index < len(self._models):
            self._attempt(lambda: self._logic.setModel(self._models[index]))

    def _onDevice(self, index: int = -1) -> None:
        index = int(self._ui.deviceChooser.property("currentIndex"))
        if 0 <= index < len(self._devices):
            self._attempt(lambda: self._logic.setDevice(self._devices[index]))

    def _onMeasure(self, *unused) -> None:
        self._logic.measure(wait=False)

    def _attempt(self, choose: Callable[[], None]) -> None:
        try:
            choose()
        except LightSegError as error:
            self._showError(error)
            self.refresh()


def _fill(box, texts: list[str], index: int) -> None:
    """Show these choices without telling anybody; nothing changes if they are the same."""
    blocked = box.blockSignals(True)
    if [box.itemText(row) for row in range(int(box.property("count")))] != texts:
        box.clear()
        for text in texts:
            box.addItem(text)
    box.setCurrentIndex(index)
    box.blockSignals(blocked)


def _modelTip(card: ModelCard) -> str:
    parts = [card.title, _("It takes {prompts}.").format(prompts=card.capabilities.describe())]
    if card.limits:
        parts.append(_("Not good for: {limits}").format(limits=card.limits))
    return "\n".join(parts)
