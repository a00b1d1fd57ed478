"""Names of structures, read when they are first needed: completed while typing, understood after that."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from LightSegLib.errors import DataError, ModelError, PromptError

if TYPE_CHECKING:
    from LightSegLib.text.completion import Completer, Completion
    from LightSegLib.text.matching import Meanings
    from LightSegLib.text.naming import Naming
    from LightSegLib.text.structures import Structure
    from LightSegLib.text.vocabulary import Vocabulary

_LOG = logging.getLogger(__name__)


class Names:
    """The vocabulary for one logic. Nothing is read or imported before it is asked."""

    def __init__(self) -> None:
        self._vocabulary: Vocabulary | None = None
        self._meanings: Meanings | None = None
        self._completer: tuple[frozenset[str], Completer] | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The one that ships with LightSeg.

        Raises:
            DataError: it is missing or damaged.
        """
        if self._vocabulary is None:
            from LightSegLib.text.vocabulary import Vocabulary

            self._vocabulary = Vocabulary.load()
        return self._vocabulary

    def complete(self, prefix: str, known: Collection[str], count: int) -> list[Completion]:
        """Names that begin with what was typed, of structures that can be had from a model.

        Args:
            prefix: what was typed so far.
            known: ids of the structures that the model was taught.
            count: at most so many.

        Returns:
            As `Vocabulary.complete`; nothing if the vocabulary cannot be read, which whoever uses a name is
            told.
        """
        taught = frozenset(known)
        if not taught or not prefix.strip():
            return []
        try:
            if self._completer is None or self._completer[0] != taught:
                self._completer = (taught, self._completerFor(taught))
        except DataError:
            _LOG.warning("Names cannot be completed", exc_info=True)
            return []
        return self._completer[1].complete(prefix, count)

    def understand(self, texts: list[str], known: Collection[str]) -> list[Naming]:
        """What names ask of a model; may load a text encoder, so it is for the worker's thread.

        Raises:
            DataError: the vocabulary is missing or damaged.
        """
        from LightSegLib.text.naming import understand_names

        return understand_names(self.vocabulary, texts, known, self._encoder)

    def meant(self, text: str) -> Structure | None:
        """The one structure that has exactly this name; None if there is none, or are several."""
        from LightSegLib.text.words import checked, phrase, tokens

        try:
            found = self.vocabulary.lookup(phrase(tokens(checked(text))))
        except PromptError:  # no name at all
            return None
        return found[0] if len(found) == 1 else None

    def _completerFor(self, taught: frozenset[str]) -> Completer:
        from LightSegLib.text.completion import Completer
        from LightSegLib.text.naming import taught_for

        vocabulary = self.vocabulary
        return Completer([each for each in vocabulary if taught_for(vocabulary, each, taught)])

    def _encoder(self) -> Meanings | None:
        from LightSegLib.text.embeddings import load_meanings

        if self._meanings is None:
            try:
                self._meanings = load_meanings(self.vocabulary)
            except (ModelError, DataError):
                return None  # the text stays unknown, and that error says what to do
        return self._meanings
