"""Which model answers, and where it computes: remembered in the settings, loaded by the worker thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import CapabilityError, DeviceError, LightSegError
from LightSegUI import Devices
from LightSegUI.LazyModel import LazyModel
from LightSegUI.Translation import tr as _

if TYPE_CHECKING:
    from LightSegLib.models.cards import ModelCard
    from LightSegUI.Devices import DeviceChoice
    from LightSegUI.Settings import Settings

_LOG = logging.getLogger(__name__)


class ModelChoice:
    """The chosen model and device.

    Args:
        settings: where the choice is remembered.
        loadModel: called with id or folder and device, on the worker's thread; None for the library's own.
    """

    def __init__(self, settings: Settings, loadModel: Callable[[str, str], Any] | None = None) -> None:
        self._settings = settings
        self._loadModel = loadModel or _loadModel
        self._model: LazyModel | None = None
        self._devicesHere: dict[str, str] = {}

    @property
    def model(self) -> LazyModel:
        """The chosen model, perhaps not loaded yet; another object after another choice.

        Raises:
            ModelError: there is no model at all.
        """
        if self._model is None:
            name, card = self._chosen()
            self._model = LazyModel(card, name, self._settings.device, self._loadModel)
        return self._model

    @property
    def card(self) -> ModelCard:
        """The chosen model's card."""
        return self.model.card

    @property
    def name(self) -> str:
        """The chosen model's id, or its folder."""
        return self._chosen()[0]

    @property
    def device(self) -> str:
        """The chosen device."""
        return self._settings.device

    def setModel(self, idOrFolder: str | None) -> None:
        """Choose another model; None or empty for the default one.

        Raises:
            ModelError: there is no such model.
        """
        from LightSegLib.models.registry import find_model

        name = str(idOrFolder) if idOrFolder else ""
        if name:
            find_model(name)
        if name != self._settings.model:
            self._settings.model = name
            self._model = None

    def setDevice(self, name: str) -> None:
        """Choose another device.

        Raises:
            DeviceError: there is no device of this name, or it is known not to be here.
        """
        wanted = Devices.checkedName(name)
        here = self._devicesHere
        if here and wanted != "auto" and (wanted if wanted != "cuda" else "cuda:0") not in here:
            raise DeviceError(
                _("The device {name} is not available").format(name=wanted),
                _("This computer has {names}").format(names=", ".join(here)),
                _("Choose one of those, or auto"),
            )
        if wanted != self._settings.device:
            self._settings.device = wanted
            self._model = None

    def models(self) -> list[ModelCard]:
        """Cards of all models to choose from: the bundled ones, and the chosen one if it is a folder.

        Raises:
            ModelError: a bundled card is damaged.
        """
        from LightSegLib.models.registry import list_models

        cards = list_models()
        return cards if self.card.id in {card.id for card in cards} else [*cards, self.card]

    def devices(self) -> list[DeviceChoice]:
        """What to offer; before `rememberDevices` only what is everywhere."""
        return Devices.choices(self._devicesHere, self.device)

    def rememberDevices(self, found: dict[str, str]) -> None:
        """Take what `Devices.lookForDevices` found."""
        self._devicesHere = found

    def require(self, kind: str) -> None:
        """Refuse what the chosen model cannot do.

        Args:
            kind: "points", "boxes", "scribbles", "mask" or "text".

        Raises:
            CapabilityError: it does not take that; the message says what it takes.
        """
        capabilities = self.model.capabilities
        if not getattr(capabilities, kind):
            raise CapabilityError(
                _("The model {name} does not take {kind}").format(name=self.card.id, kind=kind),
                _("It takes {kinds}").format(kinds=capabilities.describe()),
                _("Use one of these, or choose another model"),
            )

    def _chosen(self) -> tuple[str, ModelCard]:
        """Name and card; the default model where the remembered one is gone."""
        from LightSegLib.models.registry import DEFAULT_MODEL, find_model

        name = self._settings.model
        if name:
            try:
                return name, find_model(name)[1]
            except LightSegError as error:
                _LOG.warning("The model chosen last is not used: %s", error)
        return DEFAULT_MODEL, find_model(DEFAULT_MODEL)[1]


def _loadModel(idOrFolder: str, device: str) -> Any:
    from LightSegLib.models.registry import load_model

    return load_model(idOrFolder, device)
