"""Checkpoints of a training run: weights, their average and the optimiser, as safetensors,
with a JSON beside them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from LightSegLib.errors import TrainingError

WEIGHTS_NAME = "weights.safetensors"
AVERAGE_NAME = "average.safetensors"
OPTIMIZER_NAME = "optimizer.safetensors"
PROGRESS_NAME = "progress.json"


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        step: optimiser steps done.
        seconds: training time spent, over all resumed parts.
        samples: cubes seen.
        hardware: the machine, in words.
        started_from: the model whose weights the run began with, see `training.starting`; empty for random
            ones.
    """

    step: int = 0
    seconds: float = 0.0
    samples: int = 0
    hardware: str = ""
    started_from: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer, progress: Progress
) -> None:
    """Write a checkpoint; an interrupted write leaves the one before intact."""
    folder.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{number}.{key}": value
        for number, entry in optimizer.state_dict()["state"].items()
        for key, value in entry.items()
    }
    parts = [
        _write_part(folder / WEIGHTS_NAME, network.state_dict()),
        _write_part(folder / AVERAGE_NAME, average.state_dict()),
        _write_part(folder / OPTIMIZER_NAME, moments),
        folder / f"{PROGRESS_NAME}.part",
    ]
    parts[-1].write_text(json.dumps(asdict(progress)), encoding="utf-8")
    # All are written before any takes its place, so that files of two checkpoints do not mix.
    for part in parts:
        part.replace(part.with_suffix(""))


def read_progress(folder: Path) -> Progress:
    """How far the run in a folder is.

    Raises:
        OSError, ValueError, TypeError: there is no checkpoint, or it is damaged.
    """
    return Progress(**json.loads((folder / PROGRESS_NAME).read_text(encoding="utf-8")))


def load_checkpoint(folder: Path, network: nn.Module, average: nn.Module, optimizer: Optimizer) -> Progress:
    """Bring a run back to where it was.

    Raises:
        TrainingError: a file is missing or does not fit the recipe's network.
    """
    try:
        network.load_state_dict(load_file(folder / WEIGHTS_NAME))
        average.load_state_dict(load_file(folder / AVERAGE_NAME))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in load_file(folder / OPTIMIZER_NAME).items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        return read_progress(folder)
    except (OSError, RuntimeError, ValueError, TypeError, SafetensorError) as error:
        raise TrainingError(
            f"Cannot resume from {folder}",
            str(error),
            "Train into an empty folder, or with the recipe that the run was started with",
        ) from error


def _write_part(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    part = path.with_name(f"{path.name}.part")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, part)
    return part
