"""Completion of names while they are typed."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

from LightSegLib.text.structures import Structure
from LightSegLib.text.words import folded


class Completion(NamedTuple):
    """A name that what was typed may become.

    Attributes:
        text: the name or synonym, as it is written.
        name: English name of its structure, which is what to put into the line.
    """

    text: str
    name: str

    def __str__(self) -> str:
        return self.text if self.text == self.name else f"{self.text} → {self.name}"


class Completer:
    """Names by the beginnings of their words. A look-up is two binary searches in a sorted list."""

    def __init__(self, structures: Sequence[Structure]) -> None:
        entries: dict[tuple[str, int, bool, str, str], Completion] = {}
        for place, structure in enumerate(structures):
            for text in structure.names():
                plain = _plain(text)
                starts = [0, *(n + 1 for n, letter in enumerate(plain) if letter == " ")]
                for start in starts:
                    key = (plain[start:], place, start > 0, plain, text)
                    entries[key] = Completion(text, structure.name)
        self._keys = sorted(entries)
        self._completions = entries

    def complete(self, prefix: str, count: int) -> list[Completion]:
        """As `Vocabulary.complete`."""
        plain = _plain(prefix)
        if not plain or count < 1:
            return []
        first = bisect.bisect_left(self._keys, (plain,))
        last = bisect.bisect_left(self._keys, (plain + "\U0010ffff",))
        found = [(key, self._completions[key]) for key in self._keys[first:last]]
        found.sort(key=lambda item: (item[1].text != item[1].name, item[0][2], len(item[0][3]), item[0][1]))
        return list(dict.fromkeys(completion for _, completion in found))[:count]


def _plain(text: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in folded(text))
    return " ".join(words.split())
