"""Codes tell apart what a text encoder finds alike, whatever the language, and come before the training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from LightSegLib.errors import TrainingError
from LightSegLib.models.film import CODE, FilmText
from LightSegLib.text import Vocabulary
from LightSegLib.text.embeddings import Embeddings
from LightSegLib.training.name_codes import LENGTH, name_codes, teach_codes

LUMBAR = [f"vertebra_l{number}" for number in range(1, 6)]


class Taught:
    """The names of some structures, as `training.names.Names` gives them."""

    def __init__(self, taught: list[str]) -> None:
        self.taught = taught
        self._embeddings = Embeddings.load(Vocabulary.load())

    def vectors(self, identifier: str) -> np.ndarray:
        return self._embeddings.of(identifier)


@pytest.fixture(scope="module")
def names() -> Taught:
    return Taught([*LUMBAR, "kidney_left", "kidney_right", "liver"])


def english(names: Taught) -> torch.Tensor:
    return torch.from_numpy(np.stack([names.vectors(each)[0] for each in names.taught]))


def likeness(codes: torch.Tensor) -> torch.Tensor:
    unit = nn.functional.normalize(codes, dim=1)
    return (unit @ unit.T).fill_diagonal_(0).abs().max()


def test_names_that_an_encoder_finds_alike_get_different_codes(names: Taught) -> None:
    vectors = english(names)
    codes = vectors @ name_codes(names).T
    assert likeness(vectors) > 0.8
    assert likeness(codes) < 0.3
    assert (codes.argmax(1) == torch.arange(len(names.taught))).all()
    assert 0.5 * LENGTH < codes.diagonal().min() <= codes.diagonal().max() < 1.1 * LENGTH


def test_every_name_in_every_language_says_the_same_structure(names: Taught) -> None:
    codes = name_codes(names)
    for number, identifier in enumerate(names.taught):
        said = torch.from_numpy(names.vectors(identifier)) @ codes.T
        assert (said.argmax(1) == number).float().mean() > 0.9, identifier


def test_a_network_is_given_them_before_it_is_trained(names: Taught) -> None:
    network = nn.Sequential(FilmText(384, [4]), nn.Linear(2, 2))
    teach_codes(network, names)
    weight = network[0].codes.weight
    torch.testing.assert_close(weight[: len(names.taught)], name_codes(names))
    assert (weight[len(names.taught) :] == 0).all()
    assert not weight.requires_grad


def test_more_structures_than_a_code_has_numbers_are_refused(names: Taught) -> None:
    many = Taught(["liver"] * (CODE + 1))
    with pytest.raises(TrainingError, match=f"at most {CODE}"):
        name_codes(many)
