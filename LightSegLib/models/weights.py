"""Weights on disk: safetensors with a checksum; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.errors import ModelError
from LightSegLib.models.cards import Weights

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS_NAME = "model.safetensors"


def sha256_of(path: Path) -> str:
    """Checksum of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _checksum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise ModelError(
            f"Cannot read the weights {path}", str(error), "Make the file readable, or get it again"
        ) from error


def save_weights(state: Mapping[str, Tensor], folder: Path, *, precision: str = "float16") -> Weights:
    """Write weights into a model folder, which is made.

    Args:
        state: a network's state dictionary.
        folder: where to.
        precision: "float16" or "float32", for the floating-point tensors.

    Returns:
        What the card says about them.
    """
    import torch
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    dtype = {"float16": torch.float16, "float32": torch.float32}[precision]
    tensors = {
        name: (value.detach().to(dtype) if value.is_floating_point() else value.detach()).cpu().contiguous()
        for name, value in state.items()
    }
    path = folder / WEIGHTS_NAME
    # Not save_file, which lets nobody but the owner read; and renamed, so that no reader sees half a file.
    partial = path.with_name(f"{WEIGHTS_NAME}.tmp")
    partial.write_bytes(save(tensors))
    partial.replace(path)
    parameters = sum(value.numel() for value in tensors.values())
    return Weights(WEIGHTS_NAME, sha256_of(path), path.stat().st_size, precision, parameters)


def load_weights(network: nn.Module, folder: Path, weights: Weights) -> None:
    """Fill a network from a model folder, in place, as float32.

    Raises:
        ModelError: the file is missing, unreadable, altered, truncated, or made for another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / weights.file
    if not path.is_file():
        raise ModelError(
            f"The weights {path} are missing", "the card names them", "Get the model's folder again, whole"
        )
    found = _checksum(path)
    if found != weights.sha256:
        raise ModelError(
            f"The weights {path} are not those of the card",
            "the file was altered or did not arrive whole: "
            f"its SHA-256 is {found}, the card says {weights.sha256}",
            "Get the model's folder again; do not use this file",
        )
    try:
        state = {n: v.float() if v.is_floating_point() else v for n, v in load_file(path).items()}
        network.load_state_dict(state)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise ModelError(
            f"The weights {path} do not fit the card's architecture",
            str(error),
            "Get card and weights together",
        ) from error
