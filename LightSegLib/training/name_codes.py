"""What tells the names of structures apart: a linear map of their embeddings, computed before training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from LightSegLib.errors import TrainingError
from LightSegLib.models.film import CODE, FilmText
from LightSegLib.training.names import Names

LENGTH = 3.0
"""About the size of the one number that stands for a structure; the longer, the faster a text is learnt."""
RIDGE = 0.1
"""Added to the squares of the embeddings, of length 1: names that hardly differ stay alike."""
ENGLISH_WEIGHT = 5.0
"""Of the English name, which is the one that a session tells a model; the others count once."""


def teach_codes(network: nn.Module, names: Names) -> None:
    """Give a network that takes texts the codes of the structures that it will be taught, in place.

    Raises:
        TrainingError: they are more than a code has numbers.
    """
    for part in network.modules():
        if isinstance(part, FilmText):
            part.set_codes(name_codes(names))


def name_codes(names: Names) -> Tensor:
    """The map (S, T) from embeddings to one number per taught structure: ridge regression from all its names,
    in any language, to that number.

    Raises:
        TrainingError: there are more structures than a code has numbers.
    """
    if len(names.taught) > CODE:
        raise TrainingError(
            f"{len(names.taught)} structures have a name in this pack",
            f"A network learns at most {CODE}",
            "Pack fewer sources, or train two models",
        )
    vectors = [names.vectors(identifier) for identifier in names.taught]
    owners = np.repeat(np.eye(len(vectors)), [len(each) for each in vectors], axis=0)
    weights = np.concatenate([[ENGLISH_WEIGHT, *np.ones(len(each) - 1)] for each in vectors])[:, None]
    stacked = np.concatenate(vectors).astype(np.float64)
    products = stacked.T @ (weights * stacked) + RIDGE * np.eye(stacked.shape[1])
    codes = np.linalg.solve(products, stacked.T @ (weights * owners))
    return torch.from_numpy((LENGTH * codes.T).astype(np.float32))
