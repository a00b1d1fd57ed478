"""The configuration files of a SAM of transformers: sizes, and what the network expects of grey values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from LightSegLib.errors import ModelError

CONFIG_NAME = "config.json"


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a transformers model.

    Raises:
        ModelError: it is missing or damaged.
    """
    config = _read_json(folder / CONFIG_NAME)
    if config is None:
        raise ModelError(
            f"{folder} is not a transformers model",
            f"it holds no {CONFIG_NAME}",
            "Give the folder that `save_pretrained` wrote, or that was downloaded from the hub, whole",
        )
    return config


def input_size(config: Mapping[str, Any], folder: Path) -> int:
    """Pixels along the edge of the square that a SAM sees; 1024 where the configuration leaves it out.

    Raises:
        ModelError: it is no square, or no size at all.
    """
    size = _of_prompts(config).get("image_size", 1024)
    edges = {size} if isinstance(size, int) else set(size) if isinstance(size, list) else set()
    if len(edges) != 1 or not all(isinstance(edge, int) and edge > 0 for edge in edges):
        raise ModelError(
            f"The configuration in {folder} has the image size {size!r}",
            "LightSeg shows square slices to a SAM",
            "Get the model's folder again, or take another model",
        )
    return int(edges.pop())


def mask_edge(config: Mapping[str, Any], size: int) -> int:
    """Pixels along the edge of the masks that a SAM takes as prompts: four for each cell of its embedding."""
    patch = _of_prompts(config).get("patch_size", 16)
    return 4 * size // int(patch if isinstance(patch, int) else patch[0])


def read_normalisation(folder: Path) -> tuple[list[float], list[float]]:
    """How grey values from 0 to 1 become the network's input: what to subtract per channel, and to divide by.

    Where the folder says nothing, the numbers that SAM was trained with (ImageNet's).

    Raises:
        ModelError: the file or its numbers are damaged.
    """
    found = _read_json(folder / "preprocessor_config.json")
    if found is None:
        found = (_read_json(folder / "processor_config.json") or {}).get("image_processor") or {}
    mean, std = found.get("image_mean", [0.485, 0.456, 0.406]), found.get("image_std", [0.229, 0.224, 0.225])
    try:
        # To scale is to multiply values of 0 to 255.
        scale = 255.0 * float(found.get("rescale_factor", 1 / 255) if found.get("do_rescale", True) else 1.0)
        if not found.get("do_normalize", True):
            mean, std = [0.0] * 3, [1.0] * 3
        means, divisors = [float(value) / scale for value in mean], [float(value) / scale for value in std]
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise _bad_numbers(folder, str(error)) from error
    if len(means) != 3 or len(divisors) != 3 or not all(map(math.isfinite, means + divisors)):
        raise _bad_numbers(folder, f"mean {mean}, standard deviation {std}")
    if min(divisors) <= 0:
        raise _bad_numbers(folder, f"standard deviation {std}")
    return means, divisors


def _bad_numbers(folder: Path, detail: str) -> ModelError:
    return ModelError(
        f"The normalisation in {folder / 'preprocessor_config.json'} cannot be used",
        f"three channels with finite numbers, divisors above 0, are needed: {detail}",
        "Get the model's folder again, whole",
    )


def _of_prompts(config: Mapping[str, Any]) -> Mapping[str, Any]:
    part = config.get("prompt_encoder_config")
    return part if isinstance(part, dict) else {}


def _read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None if there is no such file."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"Cannot read {path}", str(error), "Get the model's folder again, whole") from error
    if not isinstance(entries, dict):
        raise ModelError(f"{path} is damaged", "it holds no JSON object", "Get the model's folder again")
    return entries
