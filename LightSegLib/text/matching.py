"""From what a person types to structures: exact, with typing errors, by meaning; else an error that helps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from LightSegLib.errors import PromptError
from LightSegLib.text.readings import describable, is_clear, nearest_by_letters, readings_of
from LightSegLib.text.structures import Structure
from LightSegLib.text.words import BOTH, SIDES, Phrase, checked, phrase, tokens

if TYPE_CHECKING:
    from LightSegLib.text.vocabulary import Vocabulary

Sides = Literal["ask", "both"]

MEANING_WORDS, MEANING_COSINE, MEANING_LEAD = 3, 0.75, 0.1
"""A description is taken for a structure if it has so many words, such a cosine, and leads by so much.

One or two words are a name, and a name that is not known here is another structure's: to all-MiniLM-L6-v2 the
hepatic vein is a portal vein (0.76) and a ureter a bladder (0.66).
"""


class AmbiguousTextError(PromptError):
    """A name that several structures have.

    Attributes:
        choices: those structures.
    """

    def __init__(self, text: str, choices: Sequence[Structure]) -> None:
        names = [each.name for each in choices]
        super().__init__(
            f'"{text}" may be {" or ".join(names)}',
            "",
            f'Say which one: "{names[0]}", for example, or "both" in front for all of them',
        )
        self.choices = tuple(choices)


class UnknownTextError(PromptError):
    """A text that names no structure of the vocabulary.

    Attributes:
        nearest: up to three structures that come nearest, the nearest first.
    """

    def __init__(self, text: str, nearest: Sequence[Structure]) -> None:
        names = ", ".join(each.name for each in nearest)
        super().__init__(
            f'"{text}" is not among the structures known by name',
            f"Nearest are: {names}",
            "Choose one of these, or click on the structure; `lightseg structures` lists all names",
        )
        self.nearest = tuple(nearest)


@dataclass(frozen=True)
class Match:
    """How a text is understood.

    Attributes:
        text: the text, trimmed.
        candidates: the structures that are meant, together; at least one.
        how: "name" for an exact name, "typo" for one with a typing error, "meaning" for a description.
        likeness: 1 for a name; for a typo the share of letters in common; for a meaning the cosine.
    """

    text: str
    candidates: tuple[Structure, ...]
    how: Literal["name", "typo", "meaning"]
    likeness: float = 1.0


class Meanings(Protocol):
    """Knows how near a description comes to structures; `embeddings.DescribedMeanings` is one."""

    def nearest(self, text: str, among: Collection[str], count: int) -> list[tuple[str, float]]:
        """Ids out of `among` with their cosine to the text, the nearest first, at most `count`."""


def find(vocabulary: Vocabulary, text: str, sides: Sides = "ask", meanings: Meanings | None = None) -> Match:
    """What `Vocabulary.find` does."""
    if sides not in ("ask", "both"):
        raise PromptError(f"sides is {sides!r}", 'It can be "ask" or "both"')
    written = checked(text)
    words = tokens(written)
    if all(word in SIDES for word in words):
        raise PromptError(
            f'"{written}" says a side at most, but no structure',
            "",
            'Name the structure as well: "left kidney"',
        )
    meant = phrase(words)
    found = vocabulary.lookup(meant)
    if found:
        return Match(written, _settled(vocabulary, written, meant, found, sides), "name")
    readings = readings_of(vocabulary, words)
    if readings and is_clear(readings):
        likeness, reading, found = readings[0]
        return Match(written, _settled(vocabulary, written, reading, found, sides), "typo", likeness)
    if meanings is None:
        raise UnknownTextError(written, nearest_by_letters(vocabulary, meant, readings))
    near = meanings.nearest(written, describable(vocabulary, meant), 3)
    best, cosine = vocabulary[near[0][0]], near[0][1]
    lead = cosine - near[1][1] if len(near) > 1 else cosine
    if len(meant.words) < MEANING_WORDS or cosine < MEANING_COSINE or lead < MEANING_LEAD:
        raise UnknownTextError(written, [vocabulary[name] for name, _ in near])
    return Match(written, _settled(vocabulary, written, meant, (best,), sides), "meaning", cosine)


def find_or_describe(
    vocabulary: Vocabulary,
    text: str,
    sides: Sides,
    load_meanings: Callable[[], Meanings | None],
    *,
    always: bool = False,
) -> Match:
    """What a text says by its words, and only if that is nothing and it is a description, by its meaning.

    Args:
        vocabulary: whose names.
        text, sides: as in `Vocabulary.find`.
        load_meanings: called when they are needed; None if this machine has none, and the text stays unknown.
        always: compare meanings of what is no description as well.

    Raises:
        PromptError, UnknownTextError, AmbiguousTextError: as `Vocabulary.find`.
    """
    try:
        return vocabulary.find(text, sides=sides)
    except UnknownTextError:
        meanings = load_meanings() if always or is_description(text) else None
        if meanings is None:
            raise
        return vocabulary.find(text, sides=sides, meanings=meanings)


def is_description(text: str) -> bool:
    """Whether a text has enough words to be more than a name, so that its meaning is worth looking at.

    Raises:
        PromptError: it is empty, too long, in another script, or holds control characters.
    """
    return len(phrase(tokens(checked(text))).words) >= MEANING_WORDS


def _settled(
    vocabulary: Vocabulary, text: str, meant: Phrase, found: Sequence[Structure], sides: Sides
) -> tuple[Structure, ...]:
    """What was found; a name of both sides becomes the two, where the caller or the text wants both."""
    meant_together = len(found) > 1 and bool(meant.side)
    opened = tuple(part for each in found for part in ([vocabulary[name] for name in each.sides] or [each]))
    if len(opened) > 1 and sides == "ask" and meant.side != BOTH and not meant_together:
        raise AmbiguousTextError(text, opened)
    return opened
