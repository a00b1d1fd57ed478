"""Teachers for feature distillation: a SAM of transformers, or a larger network of slices of our own."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from LightSegLib.errors import ModelError, TrainingError
from LightSegLib.models.build_slices import build_slices, is_of_slices
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.promptable_slices import PromptableSlices
from LightSegLib.models.registry import find_model
from LightSegLib.models.sam_config import read_normalisation
from LightSegLib.models.weights import load_weights
from LightSegLib.training.distillation import SamTeacher


class SliceTeacher(nn.Module):
    """Embeds grey slices as a large encoder does, on a student's grid.

    Args:
        encoder: from images (N, channels, size, size) to embeddings (N, C, h, w).
        size: pixels along the edge that the encoder was built for.
        cells: cells along the edge of the student's embedding.
        mean: per channel, what to subtract from grey values of -1 to 1.
        divisor: and to divide by.
    """

    def __init__(
        self, encoder: nn.Module, size: int, cells: int, mean: list[float], divisor: list[float]
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.size = size
        self.cells = cells
        self.mean: Tensor
        self.divisor: Tensor
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("divisor", torch.tensor(divisor)[:, None, None])

    def forward(self, image: Tensor) -> Tensor:
        """Embedding (N, C, cells, cells) of slices (N, 1, H, W), -1 to 1."""
        edges = (self.size, self.size)
        if tuple(image.shape[2:]) != edges:
            image = functional.interpolate(image, edges, mode="bilinear", align_corners=False, antialias=True)
        embedding = self.encoder((image - self.mean) / self.divisor)
        if embedding.shape[2] >= self.cells:
            return functional.adaptive_avg_pool2d(embedding, self.cells)
        grid = (self.cells, self.cells)
        return functional.interpolate(embedding, grid, mode="bilinear", align_corners=False)


class _OwnEncoder(nn.Module):
    """The encoder of a promptable network of slices."""

    def __init__(self, network: PromptableSlices) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        network = self.network
        return network.features(network.encode(image))


def read_teacher(name_or_folder: str | Path, cells: int) -> tuple[SliceTeacher, int]:
    """Load a teacher.

    Args:
        name_or_folder: a folder with a SAM of transformers (the first SAM: its successors embed on several
            scales), or a model of slices, by name or folder.
        cells: cells along the edge of the student's embedding.

    Returns:
        The teacher, and the channels of its embedding.

    Raises:
        TrainingError: the model is of another kind.
        ModelError: there is no such model, or it is damaged.
    """
    folder, card = find_model(name_or_folder)
    if is_of_slices(card.architecture):
        network = build_slices(card.architecture, card.patch)
        load_weights(network, folder, card.weights)
        channels = network.network.config.embedding_ch
        return SliceTeacher(_OwnEncoder(network), card.patch, cells, [0.0], [1.0]), channels
    if card.architecture.get("network") == "sam":
        return _sam(folder, card, cells)
    raise TrainingError(
        f"The model {card.id} cannot teach a network of slices",
        f"it is of the kind {card.architecture.get('network')}",
        "Give the folder of a SAM of transformers (the first SAM), or a model of slices",
    )


def _sam(folder: Path, card: ModelCard, cells: int) -> tuple[SliceTeacher, int]:
    from LightSegLib.models.sam_loading import read_network

    network = read_network(folder, card)
    try:
        channels = int(network.config.vision_config.output_channels)  # type: ignore[union-attr, arg-type]
    except (AttributeError, TypeError, ValueError) as error:
        raise ModelError(
            f"The configuration in {folder} does not say how wide the embeddings are",
            str(error),
            "Get the model's folder again, whole",
        ) from error
    # The folder's numbers are for grey values of 0 to 1.
    mean, divisor = read_normalisation(folder)
    mean, divisor = [2 * value - 1 for value in mean], [2 * value for value in divisor]
    return SliceTeacher(SamTeacher(network), card.patch, cells, mean, divisor), channels
