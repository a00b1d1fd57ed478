"""The vocabulary: every structure LightSeg has a name for, found by what people type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from LightSegLib.errors import DataError
from LightSegLib.text.completion import Completer, Completion
from LightSegLib.text.matching import Match, Meanings, Sides, find
from LightSegLib.text.structures import Structure, read_structures
from LightSegLib.text.words import BOTH, Phrase, spellings


class Vocabulary:
    """Structures by id, and by any of their names.

    Args:
        structures: the entries, with unique ids; names of both sides and wholes refer to others by id.
    """

    def __init__(self, structures: Sequence[Structure]) -> None:
        self._structures = {structure.id: structure for structure in structures}
        self._phrases = {
            each.id: tuple(
                dict.fromkeys(spelling for name in (*each.names(), each.id) for spelling in spellings(name))
            )
            for each in structures
        }
        self._index: dict[Phrase, list[Structure]] = {}
        self._by_words: dict[tuple[str, ...], list[Structure]] = {}
        for each in structures:
            for spelling in (*self._phrases[each.id], *_code_of(each)):
                _add(self._index, Phrase(spelling.key, spelling.side), each)
                _add(self._by_words, spelling.key, each)
        self.words = frozenset(
            word for known in self._phrases.values() for one in known for word in one.words
        )
        self._completer: Completer | None = None

    @classmethod
    def load(cls, path: Path | None = None) -> Vocabulary:
        """Read the vocabulary.

        Args:
            path: a file like structures.json; the one that ships with LightSeg by default.

        Raises:
            DataError: the file is missing or damaged.
        """
        return cls(read_structures(path))

    def __iter__(self) -> Iterator[Structure]:
        return iter(self._structures.values())

    def __len__(self) -> int:
        return len(self._structures)

    def __getitem__(self, identifier: str) -> Structure:
        """The structure with an id.

        Raises:
            DataError: there is none.
        """
        try:
            return self._structures[identifier]
        except KeyError:
            raise DataError(
                f"The vocabulary has no structure {identifier!r}",
                "",
                "`lightseg structures --json` lists all ids",
            ) from None

    def find(self, text: str, *, sides: Sides = "ask", meanings: Meanings | None = None) -> Match:
        """Understand a text.

        Case, accents, hyphens, plurals, articles and the order of words do not matter; sides are understood
        in English, Latin, German, French and Spanish ("L kidney", "Niere links", "rein gauche").

        Args:
            text: what a person typed, at most 200 characters.
            sides: what to do with a name of both sides, "kidney": "ask" raises, "both" takes both.
            meanings: compares descriptions that are no name; without it they are unknown.

        Returns:
            The structures meant. A clear typing error is forgiven; `Match.how` tells.

        Raises:
            AmbiguousTextError: several structures have this name, and `sides` is "ask".
            UnknownTextError: nothing has this name, and nothing comes near enough.
            PromptError: the text is empty, too long, in another script, or holds control characters.
        """
        return find(self, text, sides, meanings)

    def complete(self, prefix: str, count: int = 20) -> list[Completion]:
        """Names that begin with what was typed so far, or have a word that does.

        Args:
            prefix: the beginning, of any length; an empty one completes to nothing.
            count: at most so many.

        Returns:
            English names first, then synonyms; `str` of one is "left kidney" or "Niere links → left kidney".
        """
        if self._completer is None:
            self._completer = Completer(list(self))
        return self._completer.complete(prefix, count)

    def leaves(self, structure: Structure) -> tuple[Structure, ...]:
        """What has to be segmented to get a structure: itself if training labels stand for it or it has no
        parts, else the leaves of its sides and parts, without repetition.
        """
        members = (*structure.sides, *structure.parts)
        if structure.training_labels or not members:
            return (structure,)
        return tuple(dict.fromkeys(leaf for name in members for leaf in self.leaves(self[name])))

    def lookup(self, meant: Phrase) -> tuple[Structure, ...]:
        """The structures with exactly this name.

        A name without a side also finds what is only known with one ("middle lobe"); a name with a side finds
        that side's part of a whole ("left ribs"). Empty if there is none.
        """
        exact = self._index.get(Phrase(meant.key, meant.side))
        if exact:
            return tuple(exact)
        if not meant.side:
            return tuple(self._by_words.get(meant.key, ()))
        if meant.side == BOTH:
            pair = self._index.get(Phrase(meant.key, "")) or self._by_words.get(meant.key, [])
            return tuple(each for each in pair if each.sides or self._has_sides(each) or each.laterality)
        wholes = self._index.get(Phrase(meant.key, ""), [])
        members = [self[name] for whole in wholes for name in (*whole.sides, *whole.parts)]
        return tuple(each for each in members if each.laterality == meant.side)

    def phrases_of(self, structure: Structure) -> tuple[Phrase, ...]:
        """All names of a structure, in the form in which they are compared."""
        return self._phrases[structure.id]

    def _has_sides(self, structure: Structure) -> bool:
        return any(self[name].laterality for name in structure.parts)


def _code_of(structure: Structure) -> list[Phrase]:
    return [Phrase((structure.code,), structure.laterality)] if structure.code else []


def _add(index: dict, key: object, structure: Structure) -> None:  # type: ignore[type-arg]
    entries = index.setdefault(key, [])
    if structure not in entries:
        entries.append(structure)
