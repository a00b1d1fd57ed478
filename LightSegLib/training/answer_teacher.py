"""A teacher for a network of volumes: a trained model whose answers the network's shall resemble.

Teacher and student are shown the same cube and the same prompts, the student's own last answer among them,
and the teacher's probabilities are soft labels: what is nearly inside tells more than a drawn border does.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), at temperature 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from LightSegLib.errors import TrainingError
from LightSegLib.models.build import build_network, image_channels, text_width
from LightSegLib.models.build_slices import is_of_slices
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.registry import find_model
from LightSegLib.models.weights import load_weights
from LightSegLib.training.recipe import Recipe


class AnswerTeacher:
    """A promptable network of volumes that only answers; frozen, and set to evaluation.

    Args:
        network: a `PromptableNetwork`, or one with the same `forward`.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    def probabilities(self, image: Tensor, guidance: Tensor, text: Tensor | None = None) -> Tensor:
        """How likely each voxel is inside, float32 (N, 1, D, H, W), 0 to 1, without gradient.

        Args:
            image: (N, C, D, H, W), -1 to 1.
            guidance: (N, G, D, H, W), see `models.guidance`.
            text: (N, T), zeros where there is none; None for no text at all.
        """
        with torch.no_grad():
            return torch.sigmoid(self.network(image, guidance, text).logits.float())


def read_answer_teacher(recipe: Recipe) -> AnswerTeacher:
    """Load the teacher that a recipe of volumes names.

    Args:
        recipe: its `teacher` is a bundled model's name, or a model folder.

    Raises:
        TrainingError: the model is of slices, or sees other cubes, channels or texts than the recipe's.
        ModelError: there is no such model, or it is damaged.
    """
    folder, card = find_model(recipe.teacher)
    reason, advice = _mismatch(card, recipe)
    if reason:
        raise TrainingError(f"The model {card.id} cannot teach {recipe.model_id}", reason, advice)
    # With and without a teacher, the same seed shall give the same student.
    with torch.random.fork_rng(devices=[]):
        network = build_network(card.architecture, card.patch)
    load_weights(network, folder, card.weights)
    return AnswerTeacher(network)


def _mismatch(card: ModelCard, recipe: Recipe) -> tuple[str, str]:
    """Why a model cannot be shown what the recipe's network is shown, and what helps; empty if it can."""
    if card.capabilities.dimensions != 3 or is_of_slices(card.architecture):
        return "it sees slices, and the recipe's network volumes", "Give a model of volumes"
    if card.patch != recipe.patch:
        sizes = f"cubes of {card.patch} samples, the recipe's network of {recipe.patch}"
        return f"it sees {sizes}", f"Set the recipe's patch to {card.patch}, or give another teacher"
    own, wanted = image_channels(card.architecture), image_channels(recipe.architecture)
    if own != wanted:
        count = "1 image channel" if own == 1 else f"{own} image channels"
        return f"it takes {count}, the recipe's network {wanted}", "Give a teacher of as many channels"
    own, wanted = text_width(card.architecture), text_width(recipe.architecture)
    if wanted and own != wanted:
        takes = f"texts of {own} numbers" if own else "no text"
        return f"it takes {takes}, the recipe's network some of {wanted}", "Give a teacher of such texts"
    return "", ""
