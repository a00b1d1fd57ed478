"""What a promptable network of slices is given: a session's arrays as tensors; an example to measure with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def example_inputs(size: int) -> list[Tensor]:
    """A bright disc (1, 1, size, size) and a box around it (1, 4): for measurements."""
    middle = (size - 1) / 2
    axis = torch.arange(size, dtype=torch.float32) - middle
    distance = (axis[:, None] ** 2 + axis[None, :] ** 2).sqrt()
    box = torch.tensor([[middle - size / 4, middle - size / 4, middle + size / 4, middle + size / 4]])
    return [(1 - 4 * distance / size).clamp(min=-1.0)[None, None], box]


def prompt_tensors(
    points: np.ndarray, labels: np.ndarray, box: np.ndarray | None, previous: np.ndarray | None
) -> dict[str, Tensor]:
    """Arguments of `PromptableSlices.decode` for one slice; what was not said is left out.

    Args:
        points, labels, box, previous: as in `models.slices.SliceModel.decode`.
    """
    prompts: dict[str, Tensor] = {}
    if len(points):
        prompts["points"] = torch.from_numpy(np.asarray(points, np.float32))[None]
        prompts["labels"] = torch.from_numpy(np.asarray(labels, np.int64))[None]
    if box is not None:
        prompts["boxes"] = torch.from_numpy(np.asarray(box, np.float32))[None]
    if previous is not None:
        prompts["previous"] = torch.from_numpy(np.ascontiguousarray(previous, np.float32))[None, None]
    return prompts
