"""Texts that name what is not in an image, to test whether a model says so.

A file of them is a table with the columns source, case and text, separated by commas, in UTF-8.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.errors import DataError, PromptError

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import CaseReference, DataSet
    from LightSegLib.text import Vocabulary

COLUMNS = ["source", "case", "text"]
_ADVICE = f"Begin with the line {','.join(COLUMNS)}; give an image and a text in each further line"


@dataclass(frozen=True)
class Mismatch:
    """A text that names nothing of an image.

    Attributes:
        source, case_id: where the image is.
        text: what is asked for.
    """

    source: str
    case_id: str
    text: str


def read_mismatches(path: str | Path) -> list[Mismatch]:
    """Read a file of mismatches.

    Raises:
        DataError: it cannot be read, has other columns, an incomplete row, a row twice, or no row at all.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"Cannot read {path}", str(error), _ADVICE) from error
    if not rows or rows[0] != COLUMNS:
        raise DataError(f"{path} holds no mismatches", f"Its first line is not {','.join(COLUMNS)}", _ADVICE)
    found: list[Mismatch] = []
    for number, row in enumerate(rows[1:], start=2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(COLUMNS) or not all(cells):
            raise DataError(f"Line {number} of {path} is not complete", f"It holds {row}", _ADVICE)
        pair = Mismatch(*cells)
        if pair in found:
            raise DataError(
                f"Line {number} of {path} repeats another", f"It holds {row}", "Delete one of them"
            )
        found.append(pair)
    if not found:
        raise DataError(f"{path} holds no mismatches", "Nothing comes after its first line", _ADVICE)
    return found


def by_case(pairs: Sequence[Mismatch], data: DataSet) -> list[tuple[CaseReference, list[Mismatch]]]:
    """Each case of a data set that has mismatches, with all of them.

    Raises:
        DataError: the data set has no such source or case.
    """
    cases = {(name, case.case_id): case for name, source in data.sources.items() for case in source.cases}
    found: dict[tuple[str, str], list[Mismatch]] = {}
    for pair in pairs:
        found.setdefault((pair.source, pair.case_id), []).append(pair)
    unknown = [f"{source}/{case}" for source, case in found if (source, case) not in cases]
    if unknown:
        raise DataError(
            f"Unknown case: {', '.join(unknown[:5])}",
            f"The mismatches name it, and {data.folder} does not have it",
            "Give the data set that the mismatches are for, or mend the file",
        )
    return [(cases[place], asked) for place, asked in found.items()]


def structures_in(pairs: Iterable[Mismatch], vocabulary: Vocabulary) -> set[tuple[str, str, str]]:
    """(source, case, structure id) of all that mismatches name, as far as the vocabulary understands them."""
    named = set()
    for pair in pairs:
        try:
            meant = vocabulary.find(pair.text, sides="both").candidates
        except PromptError:
            continue  # whoever judges it says so
        named |= {(pair.source, pair.case_id, each.id) for each in meant}
    return named
