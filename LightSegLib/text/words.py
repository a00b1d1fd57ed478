"""How names are compared: without case, accents, hyphens, plurals, articles and order, with their side."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from LightSegLib.errors import PromptError
from LightSegLib.prompts import NAME_EXAMPLE, control_character, trimmed_text

LEFT, RIGHT, BOTH = "left", "right", "both"

_SIDE_WORDS = {
    LEFT: "left lt l links li linksseitig linke linker linkes linken linkem gauche gauches"
    " izquierdo izquierda izquierdos izquierdas izq"
    " sinister sinistra sinistrum sinistri sinistrae sinistro sin",
    RIGHT: "right rt r rechts re rechtsseitig rechte rechter rechtes rechten rechtem"
    " droit droite droits droites"
    " derecho derecha derechos derechas dcho dcha dexter dextra dextrum dextri dextrae dextro dext",
    BOTH: "both bilateral bilaterally beide beiden beidseits beidseitig bds deux ambos ambas uterque"
    " utrumque",
}
SIDES = {word: side for side, words in _SIDE_WORDS.items() for word in words.split()}

# Articles and the like say nothing about a structure: "head of the hippocampus" is "hippocampus head".
_SMALL_WORDS = (
    "the a an of in on and with",
    "der die das des dem den im vom von und",
    "le la les du de dans et",
    "el los las del en y e",
)
_SMALL = frozenset(word for words in _SMALL_WORDS for word in words.split())
_SPELT_OUT = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ß": "ss", "\u2019": "'"}
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LATIN_SHORT = {"a": "arteria", "v": "vena", "m": "musculus"}
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|er|e|eme|ieme|re|a|o)")
_COUNTED = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ORDINAL_WORDS = {word: str(number) for number, word in enumerate(_COUNTED.split(), 1)}
_FINDING_WORDS = (
    "tumour tumor neoplasm cancer carcinoma metastasis metastases lesion mass nodule sarcoma cyst abscess",
    "fracture aneurysm stone calculus haemorrhage hemorrhage bleeding clot thrombus embolus oedema edema",
    "infarct effusion",
    "krebs metastase zyste abszess bruch fraktur aneurysma stein blutung herd rundherd",
    "tumeur kyste metastase abces fracture anevrisme calcul hemorragie",
    "lesion quiste absceso fractura aneurisma calculo hemorragia masa metastasis",
)
_LEVELS = frozenset(("c", "t", "l", "s", "d", "th", "lwk", "bwk", "swk", "hwk"))
_RIBS = frozenset(("rib", "costa", "rippe", "cote", "costilla"))


class Phrase(NamedTuple):
    """A name in the form in which names are compared.

    Attributes:
        words: its words in their order, folded and in the singular, without sides and small words.
        side: "left", "right", "both", or "" where it says none.
    """

    words: tuple[str, ...]
    side: str

    @property
    def key(self) -> tuple[str, ...]:
        """The words without their order."""
        return tuple(sorted(self.words))

    def __str__(self) -> str:
        return " ".join((self.side, *self.words)).strip()


def checked(text: Any) -> str:
    """The text in NFC, without blanks around it.

    Raises:
        PromptError: it is no text, empty, longer than 200 characters, holds a control character, holds no
            word, or is written in another script than the Latin one.
    """
    trimmed = trimmed_text(text, "A name of type {} cannot be looked up")
    for character in trimmed:
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            raise control_character(character)
        if character.isalpha() and not unicodedata.name(character, "").startswith(_LATIN_LETTERS):
            raise PromptError(
                f"The text {trimmed!r} holds the letter {character!r}, which is not a Latin one",
                "Names are known in English, Latin, German, French and Spanish",
                NAME_EXAMPLE,
            )
    if not any(character.isalnum() for character in trimmed):
        raise PromptError(f"The text {trimmed!r} holds no word", "", NAME_EXAMPLE)
    return trimmed


_LATIN_LETTERS = ("LATIN ", "FEMININE ORDINAL", "MASCULINE ORDINAL", "MICRO ")


def folded(text: str) -> str:
    """Lower case without accents; ligatures and the sharp s spelt out."""
    lowered = "".join(_SPELT_OUT.get(character, character) for character in text.casefold())
    parts = unicodedata.normalize("NFKD", lowered)
    return "".join(character for character in parts if not unicodedata.combining(character))


def tokens(text: str) -> list[str]:
    """The words of a text, folded and in the singular; "L-3" and "L 3" are the level "l3"."""
    plain = re.sub(r"\b[ld]'", " ", folded(text))  # French: l'aorte
    plain = re.sub(r"\b([avm])\. ?(?=[a-z])", lambda match: f"{_LATIN_SHORT[match[1]]} ", plain)
    return _joined_levels([_singular(word) for word in re.findall(r"[^\W_]+", plain)])


def _singular(word: str) -> str:
    if word in SIDES:
        return word
    ordinal = _ORDINAL.fullmatch(word)
    if ordinal:
        return ordinal[1]
    if word in _ORDINAL_WORDS:
        return _ORDINAL_WORDS[word]
    if len(word) <= 3 or not word.isalpha():
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith("ae"):
        return word[:-1]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


_FINDINGS = frozenset(_singular(word) for words in _FINDING_WORDS for word in words.split())


def _joined_levels(words: list[str]) -> list[str]:
    if _RIBS & set(words):  # "rib L 6" is a left rib, not a vertebra
        return words
    joined: list[str] = []
    for word in words:
        if word.isdigit() and joined and joined[-1] in _LEVELS:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def phrase(words: Sequence[str]) -> Phrase:
    """Words, as `tokens` gives them, as a phrase."""
    telling = [word for word in words if word not in _SMALL] or list(words)
    sides = {SIDES[word] for word in telling if word in SIDES}
    side = sides.pop() if len(sides) == 1 else BOTH if sides else ""
    rest = tuple(word for word in telling if word not in SIDES)
    return Phrase(rest, side) if rest else Phrase(tuple(telling), "")


def spellings(name: str) -> set[Phrase]:
    """The phrases a name is found by: as written, and with umlauts written out."""
    return {phrase(tokens(text)) for text in (name, name.translate(_UMLAUTS))}


def tells_of_a_finding(words: Sequence[str]) -> bool:
    """Whether words, as `tokens` gives them, name a tumour, a fracture or the like."""
    return any(word in _FINDINGS for word in words)


def is_small(word: str) -> bool:
    """Whether a word is an article or the like, which says nothing about a structure."""
    return word in _SMALL
