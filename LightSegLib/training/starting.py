"""Starting from a trained model: its weights in place of random ones, and its history for the new card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from LightSegLib.errors import TrainingError
from LightSegLib.models.build import image_channels
from LightSegLib.models.build_slices import build_any
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.registry import find_model
from LightSegLib.models.weights import load_weights


def start_from(name_or_folder: str | Path, network: nn.Module) -> dict[str, Any]:
    """Fill a network with the weights of a trained model, in place.

    What only training needs, texture teachers above all, is not in a model folder and stays random; so does
    what the recipe's network has beyond the model's, such as a border head or a text, which start silent.

    Args:
        name_or_folder: a bundled model's name, or a folder with model.safetensors and card.json.
        network: a `PromptableNetwork` of the same architecture, or of one that adds to it; one of more image
            channels begins with a model of one in its first channel, and hears little of the others.

    Returns:
        What the new card tells of the beginning: id and checksum of the model, and the minutes, steps and
        samples behind it, those of its own beginning included.

    Raises:
        ModelError: there is no such model, or it is damaged.
        TrainingError: the model is of another architecture.
    """
    card, weights = trained(name_or_folder)
    own = network.state_dict()
    if image_channels(card.architecture) == 1:
        weights = widened(weights, own)
    unfit = unfit_names(weights, own)
    if unfit:
        raise TrainingError(
            f"The run cannot start from {card.id}",
            f"{len(unfit)} of its {len(weights)} tensors do not fit the recipe's network, {unfit[0]} for one",
            "Start from a model of the recipe's architecture, or from none",
        )
    network.load_state_dict({**own, **weights})
    return behind(card)


def widened(weights: Mapping[str, Tensor], wide: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a network of one image channel as those of the same network with several.

    Weights that every stream has for itself are the same in all streams; those that bring streams or input
    channels together get zeros for what is new, so that the answer hardly changes at first.

    Args:
        weights: of the narrow network.
        wide: of the wide one: where shapes differ, they are a multiple along one axis; its further
            embeddings `embeddings.1` and so on take after the first one.

    Returns:
        Tensors of the shapes of `wide`, where that could be done; the others as they were.
    """
    result = {
        name: _stretched(value, wide[name]) if name in wide else value for name, value in weights.items()
    }
    for name in wide:
        first = re.sub(r"(\bembeddings)\.\d+\.", r"\1.0.", name)
        if name not in weights and first in weights:
            result[name] = weights[first].clone()
    return result


def _stretched(value: Tensor, like: Tensor) -> Tensor:
    if value.dim() != like.dim() or value.dim() < 2:
        return value
    longer = [axis for axis in range(value.dim()) if like.shape[axis] != value.shape[axis]]
    if len(longer) != 1 or like.shape[longer[0]] % value.shape[longer[0]]:
        return value
    copies = like.shape[longer[0]] // value.shape[longer[0]]
    if longer[0] == 0 and value.shape[0] == 1:
        return value.expand(copies, *value.shape[1:]).clone()
    if longer[0] == 1:
        return torch.cat([value, *[torch.zeros_like(value)] * (copies - 1)], dim=1)
    return value


def keep_beginning(
    weights: Mapping[str, Tensor], name_or_folder: str | Path, share: float, history: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Mix the weights of a run with those it began with, which keeps more of what the beginning could do.

    Both lie close together, so that the line between them is good throughout (Wortsman et al., "Robust
    fine-tuning of zero-shot models", arXiv 2109.01903).

    Args:
        weights: of the run.
        name_or_folder: the model it began with.
        share: of the beginning in the mean, 0 to 1.
        history: what `start_from` returned when the run began; empty if it began with random weights.

    Raises:
        ModelError: there is no such model, or it is damaged.
        TrainingError: the run did not begin with it.
    """
    card, beginning = trained(name_or_folder)
    if card.weights.sha256 != history.get("sha256"):
        raise TrainingError(
            f"The run did not start from {name_or_folder}",
            f"It started from {history.get('id', 'random weights')}, checksum {history.get('sha256', '-')}",
            "Give the model that it started from, or leave --keep-start out",
        )
    return between(weights, beginning, share)


def unfit_names(weights: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> list[str]:
    """The tensors that have no counterpart of their shape among others."""
    return [
        name for name, value in weights.items() if name not in others or others[name].shape != value.shape
    ]


def between(weights: Mapping[str, Tensor], others: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """The weights a share of the way to others, 0 to 1; those without a counterpart stay as they are."""
    return {
        name: value.lerp(others[name].to(value), share)
        if name in others and value.is_floating_point()
        else value
        for name, value in weights.items()
    }


def trained(name_or_folder: str | Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Card and weights, in float32, of a bundled model or a model folder.

    Raises:
        ModelError: there is no such model, or it is damaged.
    """
    folder, card = find_model(name_or_folder)
    network = build_any(card.architecture, card.patch)
    load_weights(network, folder, card.weights)
    return card, network.state_dict()


def behind(card: ModelCard) -> dict[str, Any]:
    """Id and checksum of a model, and the minutes, steps and samples behind it, its beginning's included."""
    earlier = card.training.get("started_from") or {}
    spent = {
        name: round(card.training.get(name, 0) + earlier.get(name, 0), 1)
        for name in ("minutes", "steps", "samples")
    }
    return {"id": card.id, "sha256": card.weights.sha256, **spent}
