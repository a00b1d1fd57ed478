"""Starting from a trained model: its weights in place of random ones, and its history for the new card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from LightSegLib.errors import TrainingError
from LightSegLib.models.build import build_network
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.registry import find_model
from LightSegLib.models.weights import load_weights


def start_from(name_or_folder: str | Path, network: nn.Module) -> dict[str, Any]:
    """Fill a network with the weights of a trained model, in place.

    What only training needs, texture teachers above all, is not in a model folder and stays random.

    Args:
        name_or_folder: a bundled model's name, or a folder with model.safetensors and card.json.
        network: a `PromptableNetwork` of the same architecture.

    Returns:
        What the new card tells of the beginning: id and checksum of the model, and the minutes, steps and
        samples behind it, those of its own beginning included.

    Raises:
        ModelError: there is no such model, or it is damaged.
        TrainingError: the model is of another architecture.
    """
    folder, card = find_model(name_or_folder)
    trained = build_network(card.architecture, card.patch)
    load_weights(trained, folder, card.weights)
    weights, own = trained.state_dict(), network.state_dict()
    unfit = [name for name in weights if name not in own or own[name].shape != weights[name].shape]
    if unfit:
        raise TrainingError(
            f"The run cannot start from {card.id}",
            f"{len(unfit)} of its {len(weights)} tensors do not fit the recipe's network, {unfit[0]} for one",
            "Start from a model of the recipe's architecture, or from none",
        )
    network.load_state_dict({**own, **weights})
    return _history(card)


def _history(card: ModelCard) -> dict[str, Any]:
    earlier = card.training.get("started_from") or {}
    spent = {
        name: round(card.training.get(name, 0) + earlier.get(name, 0), 1)
        for name in ("minutes", "steps", "samples")
    }
    return {"id": card.id, "sha256": card.weights.sha256, **spent}
