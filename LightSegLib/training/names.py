"""Names for training: which labels have one, its embeddings, and names of what is not in a cube."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from LightSegLib.errors import DataError, TrainingError
from LightSegLib.models.build import text_width
from LightSegLib.text.embeddings import Embeddings
from LightSegLib.text.structures import ANATOMY, Structure
from LightSegLib.text.vocabulary import Vocabulary
from LightSegLib.training.body_regions import BodyRegions
from LightSegLib.training.pack import PackedCase
from LightSegLib.training.recipe import Recipe
from LightSegLib.training.scenes import Scene

logger = logging.getLogger(__name__)

ENGLISH_NAME = 0.5
"""How often a structure goes by its English name, the one that a session tells a model; else by any."""


class Names:
    """What the structures of a pack are called.

    Args:
        cases: the pack.
        vocabulary: its `training_labels` say which label of which source is which structure.
        embeddings: of the vocabulary's names.
        regions: what may be where.

    Raises:
        DataError: no structure of the pack has a name.
    """

    def __init__(
        self,
        cases: Sequence[PackedCase],
        vocabulary: Vocabulary,
        embeddings: Embeddings,
        regions: BodyRegions,
    ) -> None:
        self._structures = {label: each for each in vocabulary for label in each.training_labels}
        self._parts = {each.id: {part.id for part in vocabulary.leaves(each)} for each in vocabulary}
        self._embeddings = embeddings
        self._regions = regions
        named = [self.of(case, value) for case in cases for value in case.labels]
        self.taught = sorted({each.id for each in named if each is not None})
        """Ids of all structures of the pack that have a name."""
        if not self.taught:
            raise DataError(
                "No structure of the pack has a name",
                "The vocabulary links names to other sources and labels than these",
                "Add them to the vocabulary's training_labels, or train without text",
            )
        if not all(case.orientation for case in cases):
            logger.warning("The pack does not tell left from right; pack the data anew to teach sides")

    @classmethod
    def load(cls, cases: Sequence[PackedCase]) -> Names:
        """The names of a pack in the vocabulary that ships with LightSeg.

        Raises:
            DataError: the vocabulary is missing or damaged, or has no name for anything in the pack.
        """
        vocabulary = Vocabulary.load()
        return cls(cases, vocabulary, Embeddings.load(vocabulary), BodyRegions.load())

    @property
    def width(self) -> int:
        """Length of the embeddings."""
        return self._embeddings.width

    def of(self, case: PackedCase, value: int) -> Structure | None:
        """The structure a label stands for; None if it has no name, or a side that the case cannot tell."""
        structure = self._structures.get((case.source, case.labels[value]))
        if structure is None or (structure.laterality and not case.orientation):
            return None
        return structure

    def vectors(self, identifier: str) -> np.ndarray:
        """The embeddings of all names of a structure, float32 (N, T); the English name first."""
        return self._embeddings.of(identifier)

    def draw(self, identifier: str, noise: float, random: np.random.Generator) -> Tensor:
        """The embedding of one of a structure's names, float32 (T,).

        Args:
            identifier: the structure.
            noise: expected length of what is added to the embedding, whose own length is 1.
            random: source of all randomness.
        """
        vectors = self._embeddings.of(identifier)
        row = 0 if random.random() < ENGLISH_NAME else int(random.integers(len(vectors)))
        spread = noise / np.sqrt(self.width)
        vector = vectors[row] + random.normal(0, 1, self.width) * spread
        return torch.from_numpy(vector.astype(np.float32))

    def absent(self, case: PackedCase, scene: Scene, random: np.random.Generator) -> str | None:
        """The id of a structure that is certainly not in the cube of a scene; None if there is none.

        Either one that the case labels, but elsewhere, or one whose place in the body the case cannot show.
        """
        groups = [group for group in (self._elsewhere(case, scene), self._foreign(case)) if group]
        if not groups:
            return None
        group = groups[int(random.integers(len(groups)))]
        return group[int(random.integers(len(group)))]

    def _foreign(self, case: PackedCase) -> list[str]:
        here = [each.id for each in self._labelled(case).values()]
        return [
            name
            for name in self.taught
            if self._regions.rule_out(name, case.source, case.identifier)
            and not any(self._share_tissue(name, other) for other in here)
        ]

    def _elsewhere(self, case: PackedCase, scene: Scene) -> list[str]:
        """Anatomy that the case labels beyond the cube. Of a finding, there may be more than is labelled."""
        labelled = self._labelled(case)
        within = _labels_within(case, scene)
        shown = [each.id for value, each in labelled.items() if value in within]
        return sorted(
            {
                each.id
                for value, each in labelled.items()
                if value not in within
                and each.category == ANATOMY
                and each.id in self.taught
                and not any(self._share_tissue(each.id, other) for other in shown)
            }
        )

    def _labelled(self, case: PackedCase) -> dict[int, Structure]:
        found = {value: self._structures.get((case.source, label)) for value, label in case.labels.items()}
        return {value: each for value, each in found.items() if each is not None}

    def _share_tissue(self, one: str, other: str) -> bool:
        """Whether they are the same, a whole and its part, or neighbours without a clear border."""
        return bool(self._parts[one] & self._parts[other]) or self._regions.overlap(one, other)


def names_for(recipe: Recipe, cases: Sequence[PackedCase]) -> Names | None:
    """The names that a run teaches; None without text.

    Raises:
        TrainingError: the recipe's network takes texts of another width than the names' embeddings.
        DataError: no structure of the pack has a name.
    """
    if not recipe.text:
        return None
    names, width = Names.load(cases), text_width(recipe.architecture)
    if names.width != width:
        raise TrainingError(
            f"The recipe's network takes texts of {width} numbers",
            f"The names in the vocabulary have {names.width}",
            f'Let the architecture say "text": {names.width}',
        )
    return names


def _labels_within(case: PackedCase, scene: Scene) -> set[int]:
    """Label values in the smallest box along the case's axes that holds the cube of a scene."""
    matrix = scene.rotation * scene.stretch[None, :]
    reach = matrix.abs().sum(dim=1) * scene.edge / 2
    lower = ((scene.centre - reach) / scene.spacing).floor().clamp(min=0).long().tolist()
    upper = ((scene.centre + reach) / scene.spacing).ceil().clamp(min=0).long().tolist()
    box = tuple(slice(low, high + 1) for low, high in zip(lower, upper, strict=True))
    return set(np.flatnonzero(np.bincount(case.label_map[box].ravel(), minlength=256)).tolist())
