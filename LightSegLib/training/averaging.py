"""The mean of two trained models' weights: a model that costs no more than either.

Models that began with the same weights mostly lie in one valley of the loss, and the line between them is
often better than both ends (Wortsman et al., "Model soups", arXiv 2203.05482).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from torch import Tensor

from LightSegLib.errors import TrainingError
from LightSegLib.models.build import image_channels
from LightSegLib.models.cards import ModelCard
from LightSegLib.models.weights import save_weights
from LightSegLib.training.export import commit_of_checkout
from LightSegLib.training.starting import behind, between, trained, unfit_names


def average_models(model: str | Path, other: str | Path, share: float, output: Path) -> ModelCard:
    """Write a model whose weights are a mean of two.

    Args:
        model: a bundled model's name or a model folder; the mean takes its card, architecture and licence.
        other: another one, of the same architecture or of one that adds to it, such as a text, which is left
            behind.
        share: of the other one in the mean, 0 to 1.
        output: the model folder, which is made.

    Returns:
        The card as written. It tells of both, and says nothing of validation: `lightseg evaluate` does.

    Raises:
        ModelError: there is no such model, or it is damaged.
        TrainingError: the share is none, or the two do not fit each other.
    """
    if not 0 <= share <= 1:
        raise TrainingError(
            f"A share of {share:g} makes no mean", "shares lie between 0 and 1", "Give one such as 0.5"
        )
    (card, weights), (other_card, other_weights) = trained(model), trained(other)
    _require_fit(card, weights, other_card, other_weights)
    commit = commit_of_checkout()  # before the weights are written: they would count as a change
    written = replace(
        card,
        weights=save_weights(
            between(weights, other_weights, share), output, precision=card.weights.precision
        ),
        training={
            **card.training,
            "commit": commit,
            "date": date.today().isoformat(),
            "averaged_with": {**behind(other_card), "share": share},
        },
        data=_data_of_both(card.data, other_card.data),
        validation={},
    )
    written.write(output)
    return written


def _require_fit(
    card: ModelCard, weights: Mapping[str, Tensor], other: ModelCard, others: Mapping[str, Tensor]
) -> None:
    """Refuse a pair whose mean would be none.

    Raises:
        TrainingError: the other model lacks some of the weights, or is asked in another way.
    """
    unfit = unfit_names(weights, others)
    problem = f"{len(unfit)} of {len(weights)} tensors of the first have no counterpart" if unfit else ""
    if card.patch != other.patch:
        problem = f"they see {card.patch} and {other.patch} samples along an edge"
    elif image_channels(card.architecture) != image_channels(other.architecture):
        problem = "they take images of different numbers of channels"
    elif card.licence != other.licence:
        problem = f"their licences differ: {card.licence} and {other.licence}"
    if problem:
        raise TrainingError(
            f"{card.id} and {other.id} have no mean",
            problem,
            "Take two models of one recipe, or of recipes that began with the same weights",
        )


def _data_of_both(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sources of both models; of one that both know, the larger number of cases."""
    sources = {entry["source"]: entry for entry in sorted([*one, *other], key=lambda entry: entry["cases"])}
    return [sources[name] for name in sorted(sources)]
