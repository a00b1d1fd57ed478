"""Names that were mistyped, and names that come near one that is unknown: by letters and words alone."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from LightSegLib.text.structures import ANATOMY
from LightSegLib.text.words import BOTH, SIDES, Phrase, is_small, phrase, tells_of_a_finding

if TYPE_CHECKING:
    from LightSegLib.text.structures import Structure
    from LightSegLib.text.vocabulary import Vocabulary

    Reading = tuple[float, Phrase, tuple[Structure, ...]]

TYPO_LIKENESS = 0.85
"""Share of letters that a mistyped word has to have in common with the right one to be taken for it."""

TYPO_LEAD = 0.1
"""How much likelier than every other reading a typing error's reading has to be."""

_OFFERED, _SHORTEST_MISTYPED, _MOST_MISTYPED = 0.75, 3, 3


def readings_of(vocabulary: Vocabulary, words: Sequence[str]) -> list[Reading]:
    """What the words would be with mistyped ones corrected, the likeliest first, each meaning once."""
    options = [_corrections(vocabulary, word) for word in words]
    if not all(options) or sum(len(each) > 1 or each[0][1] < 1 for each in options) > _MOST_MISTYPED:
        return []
    best: dict[tuple[str, ...], Reading] = {}
    for combination in itertools.product(*options):
        likeness = min(ratio for _, ratio in combination)
        meant = phrase([word for word, _ in combination])
        found = vocabulary.lookup(meant)
        ids = tuple(each.id for each in found)
        if found and (ids not in best or best[ids][0] < likeness):
            best[ids] = (likeness, meant, found)
    return sorted(best.values(), key=lambda reading: -reading[0])


def _corrections(vocabulary: Vocabulary, word: str) -> list[tuple[str, float]]:
    """Known words that a word may stand for, with the share of letters in common; itself if it is known."""
    if word in vocabulary.words or word in SIDES or is_small(word):
        return [(word, 1.0)]
    if len(word) < _SHORTEST_MISTYPED or not word.isalpha():
        return []  # "L6" is no mistyped "L5"
    known = sorted({*vocabulary.words, *SIDES})
    near = difflib.get_close_matches(word, known, n=3, cutoff=_OFFERED)
    return [(each, _likeness_of_words(word, each)) for each in near]


def _likeness_of_words(word: str, known: str) -> float:
    """Share of letters in common, 0 to 1; too little to be clear for what is offered but never taken.

    That is a side, for the wrong kidney would be worse than a question, and a word with another first letter:
    people seldom mistype that one, and the diencephalon is not the encephalon.
    """
    likeness = difflib.SequenceMatcher(None, word, known).ratio()
    return min(likeness, _OFFERED) if known in SIDES or word[0] != known[0] else likeness


def is_clear(readings: Sequence[Reading]) -> bool:
    """Whether the likeliest reading is likely enough, and likelier by far than the second."""
    second = readings[1][0] if len(readings) > 1 else 0.0
    return readings[0][0] >= TYPO_LIKENESS and readings[0][0] - second >= TYPO_LEAD


# --- Nearest ones -------------------------------------------------------------------------------------------


def possible(vocabulary: Vocabulary, side: str) -> list[Structure]:
    """Structures that an unknown text may stand for: of the side that it says, and not both a pair and its
    left and right.
    """
    paired = {name for each in vocabulary for name in each.sides}
    if side in ("", BOTH):
        return [each for each in vocabulary if each.id not in paired]
    return [each for each in vocabulary if each.laterality in ("", side) and not each.sides]


def describable(vocabulary: Vocabulary, meant: Phrase) -> list[str]:
    """Ids of what a description may stand for: findings if it tells of one (a tumour in the liver is no
    liver), else anatomy.
    """
    finding = tells_of_a_finding(meant.words)
    among = possible(vocabulary, meant.side)
    return [each.id for each in among if (each.category != ANATOMY) == finding]


def nearest_by_letters(
    vocabulary: Vocabulary, meant: Phrase, readings: Sequence[Reading], count: int = 3
) -> list[Structure]:
    """Structures that a text may have meant: what mistyped words may be, then what shares most with it."""
    first = [each for _, _, found in readings for each in found]
    ranked = sorted(possible(vocabulary, meant.side), key=lambda each: -_likeness(vocabulary, meant, each))
    return list(dict.fromkeys((*first, *ranked)))[:count]


def _likeness(vocabulary: Vocabulary, meant: Phrase, structure: Structure) -> float:
    """Letters and whole words in common with the name that has most, 0 to 1."""
    wanted, best = set(meant.words), 0.0
    for name in vocabulary.phrases_of(structure):
        shared = len(wanted & set(name.words)) / len(wanted | set(name.words))
        letters = difflib.SequenceMatcher(None, " ".join(name.words), " ".join(meant.words)).ratio()
        best = max(best, (shared + letters) / 2)
    return best
