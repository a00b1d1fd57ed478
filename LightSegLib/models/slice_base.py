"""What every loaded model of slices has in common: its card, its device, and how it takes a slice."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from LightSegLib.errors import ModelError
from LightSegLib.models.base import Capabilities
from LightSegLib.models.cards import ModelCard


class LoadedSlices:
    """The part of a `models.slices.SliceModel` that knows no network.

    Args:
        card: what the model is; its `patch` is the edge of the square.
        device: where it runs.
    """

    needs_points = True

    def __init__(self, card: ModelCard, device: torch.device) -> None:
        self.card = card
        self.load_seconds = 0.0
        self._device = device

    @property
    def capabilities(self) -> Capabilities:
        """Prompts and images the model understands."""
        return self.card.capabilities

    @property
    def size(self) -> int:
        """Pixels along the edge of the square it sees."""
        return self.card.patch

    @property
    def device(self) -> str:
        """Where the next slice runs: "cpu", "cuda:0" and so on."""
        return str(self._device)

    def _grey(self, image: np.ndarray) -> Tensor:
        """A slice as a float32 tensor (1, size, size).

        Raises:
            ModelError: it has another shape.
        """
        if image.shape != (1, self.size, self.size):
            raise ModelError(
                f"The model {self.card.id} was given a slice of shape {image.shape}",
                f"it takes (1, {self.size}, {self.size})",
                "Use InteractiveSession, which cuts slices to the model's size",
            )
        return torch.from_numpy(np.ascontiguousarray(image, np.float32))
