"""From what a user typed to the vector that a model is told, by way of the structures the model knows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.errors import DataError, ModelError
from LightSegLib.text.embeddings import Embeddings, load_meanings
from LightSegLib.text.matching import AmbiguousTextError, find_or_describe
from LightSegLib.text.naming import not_taught
from LightSegLib.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from LightSegLib.text.embeddings import DescribedMeanings
    from LightSegLib.text.structures import Structure


@dataclass(frozen=True)
class Reading:
    """A text as a model is told it.

    Attributes:
        structure: what is meant.
        vector: float32 (width,), of length 1.
    """

    structure: Structure
    vector: np.ndarray


class TextReader:
    """Understands texts for one model. The vocabulary is read when the first text comes.

    Args:
        known: ids of the structures that the model was taught.
    """

    def __init__(self, known: Collection[str]) -> None:
        self._known = frozenset(known)
        self._vocabulary: Vocabulary | None = None
        self._embeddings: Embeddings | None = None
        self._meanings: DescribedMeanings | None = None
        self._readings: dict[str, Reading] = {}

    def read(self, text: str) -> Reading:
        """Understand a text.

        A known name needs no encoder. A description is compared with the names by one, if this machine has
        the encoder that made the names' vectors.

        Raises:
            PromptError: it is empty, too long, in another script, or holds control characters.
            UnknownTextError: it names nothing that the vocabulary knows; the message names the nearest.
            AmbiguousTextError: it may be several structures.
            CapabilityError: the model was not taught that structure.
            DataError: the vocabulary is missing or damaged.
        """
        if text not in self._readings:
            self._readings[text] = self._understood(text)
        return self._readings[text]

    def _understood(self, text: str) -> Reading:
        if self._vocabulary is None or self._embeddings is None:
            self._vocabulary = Vocabulary.load()
            self._embeddings = Embeddings.load(self._vocabulary)
        found = self._found(self._vocabulary, text)
        taught = [each for each in found if each.id in self._known]
        if len(found) > 1 and len(taught) != 1:
            raise AmbiguousTextError(text, taught or found)
        if not taught:
            raise not_taught(self._vocabulary, found[0], self._known)
        return Reading(taught[0], self._embeddings.of(taught[0].id)[0])

    def _found(self, vocabulary: Vocabulary, text: str) -> list[Structure]:
        """The structures that a text names; both sides where it names none."""
        match = find_or_describe(vocabulary, text, "both", lambda: self._encoder(vocabulary))
        return list(match.candidates)

    def _encoder(self, vocabulary: Vocabulary) -> DescribedMeanings | None:
        if self._meanings is None:
            try:
                self._meanings = load_meanings(vocabulary)
            except (ModelError, DataError):
                return None  # the text stays unknown, and that error says what to do
        return self._meanings
