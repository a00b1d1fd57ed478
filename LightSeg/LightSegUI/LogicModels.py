"""Which model the logic asks, where it computes, and how fast it is here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import LightSegError
from LightSegLib.models.registry import find_model
from LightSegUI import Devices
from LightSegUI.LogicBase import LogicBase
from LightSegUI.Measurements import Measurement, Measurements
from LightSegUI.ModelChoice import ModelChoice
from LightSegUI.Signal import Signal
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.commands.trial import Trial
    from LightSegLib.models.cards import ModelCard
    from LightSegUI.Background import Ticket
    from LightSegUI.Devices import DeviceChoice
    from LightSegUI.Runner import Runner
    from LightSegUI.Settings import Settings

_LOG = logging.getLogger(__name__)


class LogicModels(LogicBase):
    """The part of `InteractiveLogic` that chooses, loads and measures models; see there for the whole."""

    def __init__(
        self,
        scene: Any = None,
        runner: Runner | None = None,
        settings: Settings | None = None,
        loadModel: Callable[[str, str], Any] | None = None,
        tryModel: Callable[[str, str], Trial] | None = None,
    ) -> None:
        super().__init__(scene, runner, settings)
        self._choice = ModelChoice(self._settings, loadModel)
        self._tryModel = tryModel or _tryModel
        self._measurements = Measurements(self._settings)
        self.measured = Signal("measured")

    @property
    def modelName(self) -> str:
        """Id of the chosen model, or its folder."""
        return self._choice.name

    @property
    def modelCard(self) -> ModelCard:
        """What the chosen model is, takes and may be used for; it need not be loaded for that."""
        return self._choice.card

    @property
    def modelLoaded(self) -> bool:
        """Whether the chosen model would answer without being loaded first."""
        return self._choice.model.loaded

    @property
    def device(self) -> str:
        """The chosen device: "auto", "cpu", "cuda:0" and so on."""
        return self._choice.device

    @property
    def deviceInUse(self) -> str | None:
        """Where the loaded model computes, None before it is loaded."""
        model = self._choice.model
        return model.device if model.loaded else None

    def setModel(self, idOrFolder: str | None = None) -> None:
        """Choose a model: a bundled one by its id, or any by its folder; None for the default one.

        Segments stay as they are, and the new model goes on from them.

        Raises:
            ModelError: there is no such model.
        """
        self._choice.setModel(idOrFolder)
        self.stateChanged.emit()

    def setDevice(self, name: str = "auto") -> None:
        """Choose where the model computes: "auto", "cpu", "cuda", "cuda:1", "mps".

        Raises:
            DeviceError: no device is called so, or it is known not to be there. Otherwise a missing device
                shows when the model is loaded.
        """
        self._choice.setDevice(name)
        self.stateChanged.emit()

    def models(self) -> list[ModelCard]:
        """Cards of the models to choose from, the default one first. Imports no torch."""
        return self._choice.models()

    def devices(self) -> list[DeviceChoice]:
        """Devices to choose from, at once: what was found so far. See `lookForDevices`."""
        return self._choice.devices()

    def lookForDevices(self, wait: bool | None = None) -> Any:
        """Find out in the background which GPUs there are; that imports torch. `stateChanged` tells of it."""

        def done(found: dict[str, str]) -> None:
            self._choice.rememberDevices(found)
            self.stateChanged.emit()

        def start(waits: bool) -> Ticket:
            return self._background.submit(lambda context: Devices.lookForDevices(), done, waits)

        return self._perform(start, wait)

    def measurement(self, model: str | None = None, device: str | None = None) -> Measurement | None:
        """Seconds and memory measured earlier on this computer, None if they were not.

        Args:
            model: id or folder, None for the chosen one.
            device: None for the chosen one.
        """
        card = self.modelCard if model is None else find_model(model)[1]
        return self._measurements.find(card, device or self.device)

    def measure(self, model: str | None = None, device: str | None = None, wait: bool | None = None) -> Any:
        """Try a model on this computer with some clicks on an artificial image; takes some seconds.

        Args:
            model: id or folder, None for the chosen one.
            device: None for the chosen one.
            wait: as in `InteractiveLogic`; `measured` is emitted in any case.

        Returns:
            The `Measurement`, or the job if not waited for.

        Raises:
            ModelError: there is no such model.
            LightSegError: it does not run here; says why.
        """
        name, where = model or self.modelName, device or self.device

        def start(waits: bool) -> Ticket:
            card = find_model(name)[1]
            text = _("Measuring {model} on this computer").format(model=card.id)
            failure = _("The model {model} does not run here").format(model=card.id)

            def work(context: Any) -> Trial:
                context.report(0.0, text)
                trial = self._tryModel(name, where)
                if trial.error is not None:
                    raise LightSegError(failure, trial.error, _("Choose another model or device"))
                return trial

            def done(trial: Trial) -> None:
                self.measured.emit(self._measurements.keep(card, where, trial))

            return self._background.submit(work, done, waits)

        ended = self._perform(start, wait)
        return self.measurement(name, where) if self._isWaiting(wait) else ended

    def prepare(self, wait: bool | None = None) -> Any:
        """Load the chosen model now, so that the first prompt need not."""

        def start(waits: bool) -> Ticket | None:
            model = self._choice.model
            if model.loaded:
                return None
            return self._background.submit(
                lambda context: model.load(context.report), lambda _: self.stateChanged.emit(), waits
            )

        return self._perform(start, wait)

    def _loadAhead(self) -> None:
        """Queue the loading by itself, before a prompt, so that it can say how far it is. If it fails, the
        prompt says so."""
        model = self._choice.model
        if model.loaded:
            return

        def load(context: Any) -> None:
            try:
                model.load(context.report)
            except LightSegError as error:
                _LOG.info("The model was not loaded: %s", error)

        self._background.submit(load, lambda _: self.stateChanged.emit())


def _tryModel(name: str, device: str) -> Trial:
    from LightSegLib.commands.trial import try_model

    return try_model(name, device)
