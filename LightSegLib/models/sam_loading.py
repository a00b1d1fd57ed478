"""Build a SAM of transformers from a folder: complete, from safetensors, without a connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import ModelError
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.sam import SamSliceModel
from LightSegLib.models.sam_config import mask_edge, read_config, read_normalisation
from LightSegLib.models.sam_folder import CLASSES
from LightSegLib.runtime.devices import choose_device
from LightSegLib.runtime.memory import check_memory

if TYPE_CHECKING:
    from torch import nn

_LOG = logging.getLogger(__name__)
NEEDED = "transformers>=4.40"


def load_sam_model(folder: Path, card: ModelCard, device: str = "auto") -> SamSliceModel:
    """Load the SAM of a folder and put it on a device.

    Args:
        folder: as transformers wrote it; see `models.sam_folder`.
        card: what `read_sam_card` says of it.
        device: as in `load_model`.

    Raises:
        ModelError: transformers is missing or too old, or the folder is incomplete or damaged.
        DeviceError: there is no such device.
        OutOfMemoryError: it does not fit.
    """
    began = time.perf_counter()
    place = choose_device(device)
    normalisation = read_normalisation(folder)
    # Twice: the file's numbers and the network's live side by side for a moment.
    check_memory(2 * 4 * card.weights.parameters, "cpu", f"The model {card.id}")
    network = read_network(folder, card)
    model = SamSliceModel(card, network, place, normalisation, mask_edge(read_config(folder), card.patch))
    model.load_seconds = time.perf_counter() - began
    _LOG.info("Loaded %s in %.2f s", card.id, model.load_seconds)
    return model


def read_network(folder: Path, card: ModelCard) -> nn.Module:
    """The network of a folder with its weights, on the CPU.

    Args:
        folder: as transformers wrote it.
        card: what `read_sam_card` says of it.

    Raises:
        ModelError: transformers is missing or too old, or the folder is incomplete or damaged.
    """
    maker = _class_for(card)
    from safetensors import SafetensorError

    try:
        with _quiet():
            network, report = maker.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, SafetensorError) as error:
        raise ModelError(
            f"The SAM in {folder} cannot be loaded",
            _shortened(error),
            "Get the model's folder again, whole",
        ) from error
    _require_whole(network, report, folder)
    loaded: nn.Module = network
    return loaded


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from writing progress and warnings to the console; what matters becomes an error."""
    from transformers.utils import logging as messages

    verbosity, bars = messages.get_verbosity(), messages.is_progress_bar_enabled()
    messages.set_verbosity_error()
    messages.disable_progress_bar()
    try:
        yield
    finally:
        messages.set_verbosity(verbosity)
        if bars:
            messages.enable_progress_bar()


def _class_for(card: ModelCard) -> Any:
    kind = card.architecture.get("network")
    name = CLASSES.get(str(kind))
    try:
        transformers = import_module("transformers")
    except ImportError as error:
        raise ModelError(
            f"The model {card.id} needs the package transformers",
            str(error),
            f'Install it: python -m pip install "{NEEDED}" (in Slicer: slicer.util.pip_install("{NEEDED}"))',
        ) from error
    try:
        return getattr(transformers, str(name))
    except (AttributeError, ImportError, RuntimeError) as error:
        raise ModelError(
            f"The installed transformers {transformers.__version__} has no {name}",
            f"the model {card.id} is of the kind {kind}, which came with a later version",
            "Update it: python -m pip install --upgrade transformers",
        ) from error


def _require_whole(network: Any, report: dict[str, Any], folder: Path) -> None:
    """Refuse weights that leave a part of the network random; transformers only warns of that."""
    tied = network.state_dict()
    missing = [name for name in _names(report.get("missing_keys")) if not _is_tied(name, tied, report)]
    wrong = _names(report.get("mismatched_keys"))
    if missing or wrong:
        parts = [f"{len(missing)} tensors are missing"] * bool(missing)
        parts += [f"{len(wrong)} have another size"] * bool(wrong)
        first = (missing + wrong)[0]
        raise ModelError(
            f"The weights in {folder} do not fit its configuration",
            f"{' and '.join(parts)}, {first} among them",
            "Get configuration and weights together",
        )
    extra = _names(report.get("unexpected_keys"))
    if extra:
        _LOG.info("%d tensors in %s belong to no part that segments slices", len(extra), folder)


def _is_tied(name: str, state: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether a tensor shares its memory with one that was loaded."""
    missing = set(_names(report.get("missing_keys")))
    mine = state.get(name)
    return mine is not None and any(
        other.data_ptr() == mine.data_ptr() for key, other in state.items() if key not in missing
    )


def _names(keys: Iterable[Any] | None) -> list[str]:
    """Names of tensors, of which some versions report tuples with their shapes."""
    return sorted(str(key[0]) if isinstance(key, tuple) else str(key) for key in keys or ())


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__
