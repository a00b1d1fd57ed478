"""Folders with a SAM as transformers writes it: what they say of the model, without transformers or torch.

Such a folder holds config.json, model.safetensors (in one piece or several) and preprocessor_config.json, and
may hold a README.md whose first lines name the licence.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from LightSegLib.errors import ModelError
from LightSegLib.models.base import Capabilities
from LightSegLib.models.cards import ModelCard, Weights
from LightSegLib.models.sam_config import input_size, read_config

CLASSES = {
    "sam": "SamModel",
    "sam2": "Sam2Model",
    "sam2_video": "Sam2Model",
    "edgetam": "EdgeTamModel",
    "edgetam_video": "EdgeTamModel",
    "sam3_tracker": "Sam3TrackerModel",
}
"""Kinds of model (`model_type` of the configuration), and the class of transformers that segments images."""
UNKNOWN_LICENCE = "unknown"
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_MAX_HEADER = 2**26
_LICENCE_NAME = re.compile(r"""^licen[sc]e_name:\s*["']?([^"'#\s]+)""", re.MULTILINE)
_LICENCE = re.compile(r"""^licen[sc]e:\s*["']?([^"'#\s]+)""", re.MULTILINE)


def is_sam_folder(folder: Path) -> bool:
    """Whether the configuration in a folder is that of a SAM; false where there is none or it is damaged."""
    try:
        return read_config(folder).get("model_type") in CLASSES
    except ModelError:
        return False


def read_sam_card(folder: Path, name: str | None = None) -> ModelCard:
    """What is known about the SAM in a folder, as a card.

    The checksum stays empty: there is no published one to compare it with.

    Args:
        folder: with config.json and weights.
        name: the model's id; the folder's name if None.

    Raises:
        ModelError: configuration or weights are missing or damaged, the weights are pickled, or the model is
            no SAM.
    """
    config = read_config(folder)
    kind = config.get("model_type")
    if kind not in CLASSES:
        raise ModelError(
            f"{folder} holds a transformers model of the kind {kind}",
            f"LightSeg takes those of the kinds {', '.join(CLASSES)}",
            "Give the folder of a SAM, or of a LightSeg model",
        )
    name = folder.resolve().name if name is None else name
    return ModelCard(
        id=name,
        title=f"{CLASSES[kind].removesuffix('Model')} of transformers, slice by slice",
        licence=read_licence(folder),
        architecture={"network": kind, "library": "transformers"},
        patch=input_size(config, folder),
        capabilities=Capabilities(True, True, True, True, False, channels=1, dimensions=2),
        weights=_weights(folder),
    )


def read_licence(folder: Path) -> str:
    """The licence that the front matter of a folder's README.md names, or "unknown"."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return UNKNOWN_LICENCE
    parts = text.split("---", 2)
    if len(parts) < 3 or parts[0].strip():
        return UNKNOWN_LICENCE
    licence = _LICENCE.search(parts[1])
    if licence and licence[1] == "other":
        licence = _LICENCE_NAME.search(parts[1]) or licence
    return licence[1] if licence else UNKNOWN_LICENCE


def _weights(folder: Path) -> Weights:
    """Size and number format of the weights, out of the headers of their files."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise _no_weights(folder)
    tensors = [tensor for file in files for tensor in _header(file).values()]
    try:
        parameters = sum(math.prod(tensor["shape"]) for tensor in tensors)
        dtypes = {tensor["dtype"] for tensor in tensors}
    except (KeyError, TypeError) as error:
        raise _damaged(files[0], f"a tensor has no {error}") from error
    precision = "float16" if dtypes and dtypes <= {"F16", "BF16"} else "float32"
    return Weights(files[0].name, "", sum(file.stat().st_size for file in files), precision, parameters)


def _header(file: Path) -> dict[str, Any]:
    """What a safetensors file says of its tensors: eight bytes of length, then JSON."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 0 < length < _MAX_HEADER:
                raise ValueError(f"its header is {length} bytes long")
            header = json.loads(stream.read(length))
        return {name: tensor for name, tensor in header.items() if name != "__metadata__"}
    except (OSError, ValueError, AttributeError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, why: str) -> ModelError:
    return ModelError(f"The weights {file} are damaged", why, "Get the model's folder again, whole")


def _no_weights(folder: Path) -> ModelError:
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if not pickled:
        return ModelError(
            f"The folder {folder} holds no weights",
            "there is no *.safetensors in it",
            "Get the model's folder again, whole",
        )
    return ModelError(
        f"The weights in {folder} are pickled",
        f"{', '.join(pickled)} can run any code when it is read, so LightSeg reads safetensors only",
        "Get the model in that format, or convert it where you trust the file: load it with "
        "transformers' from_pretrained(FOLDER) and write it with save_pretrained(NEW_FOLDER)",
    )
