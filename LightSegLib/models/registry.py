"""The registry: models by name, bundled with LightSeg, in a folder, or (a SAM) in the cache of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from LightSegLib.errors import ModelError
from LightSegLib.models.build_slices import is_of_slices
from LightSegLib.models.cards import CARD_NAME, ModelCard, read_card
from LightSegLib.models.hub_cache import find_in_cache
from LightSegLib.models.sam_config import CONFIG_NAME
from LightSegLib.models.sam_folder import CLASSES, read_sam_card
from LightSegLib.resources import models_folder

if TYPE_CHECKING:
    from LightSegLib.models.hrmedseg_model import HRMedSegModel
    from LightSegLib.models.network_model import NetworkModel
    from LightSegLib.models.sam import SamSliceModel

DEFAULT_MODEL = "veloxseg-small"
LoadedModel: TypeAlias = "NetworkModel | HRMedSegModel | SamSliceModel"
"""What `load_model` returns: a model of volumes, or one of slices."""


def list_models() -> list[ModelCard]:
    """Cards of all bundled models, by name, the default model first. Needs no torch.

    Raises:
        ModelError: a bundled card is damaged.
    """
    root = models_folder()
    folders = sorted(path.parent for path in root.glob(f"*/{CARD_NAME}")) if root.is_dir() else []
    cards = [read_card(folder) for folder in folders]
    return sorted(cards, key=lambda card: (card.id != DEFAULT_MODEL, card.id))


def find_model(name_or_folder: str | Path | None = None) -> tuple[Path, ModelCard]:
    """The folder and card of a model.

    Args:
        name_or_folder: a bundled model's name; a folder with card.json and model.safetensors, or with a SAM
            of transformers; or the name of a SAM in the cache of the Hugging Face hub, "OWNER/NAME". The
            default model if None.

    Raises:
        ModelError: there is no such model.
    """
    name = DEFAULT_MODEL if name_or_folder is None else name_or_folder
    bundled = models_folder() / str(name)
    if (bundled / CARD_NAME).is_file():
        return bundled, read_card(bundled)
    folder = Path(name)
    if folder.is_dir():
        foreign = (folder / CONFIG_NAME).is_file() and not (folder / CARD_NAME).is_file()
        return folder, read_sam_card(folder) if foreign else read_card(folder)
    cached = find_in_cache(str(name))
    if cached is not None:
        return cached, read_sam_card(cached, str(name))
    names = ", ".join(card.id for card in list_models()) or "none"
    raise ModelError(
        f"There is no model {name!s}",
        f"it is neither a bundled model, nor a folder, nor in the cache of the hub; bundled: {names}",
        "Choose one of these, or give the path of a model folder",
    )


def load_model(name_or_folder: str | Path | None = None, device: str = "auto") -> LoadedModel:
    """Load a model, ready for an `InteractiveSession`.

    Args:
        name_or_folder: as in `find_model`.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        ModelError: there is no such model, or a file is missing or altered.
        DeviceError: there is no such device.
        OutOfMemoryError: it does not fit into the device's memory.
    """
    folder, card = find_model(name_or_folder)
    if card.architecture.get("network") in CLASSES:
        from LightSegLib.models.sam_loading import load_sam_model

        return load_sam_model(folder, card, device)
    _require_dimensions(card)
    if is_of_slices(card.architecture):
        from LightSegLib.models.hrmedseg_model import load_hrmedseg_model

        return load_hrmedseg_model(folder, card, device)
    from LightSegLib.models.network_model import load_network_model

    return load_network_model(folder, card, device)


def _require_dimensions(card: ModelCard) -> None:
    """Refuse a card that takes a network of slices for one of volumes, or the other way round."""
    right = 2 if is_of_slices(card.architecture) else 3
    if card.capabilities.dimensions != right:
        raise ModelError(
            f"The card of {card.id} does not fit its network",
            f"it says {card.capabilities.dimensions} dimensions, and the network "
            f"{card.architecture.get('network')} has {right}",
            f'Correct "dimensions" in the card to {right}, or get the model\'s folder again',
        )
