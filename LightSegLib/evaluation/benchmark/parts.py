"""The parts of a benchmark as files: each is kept when done, and the page can be made again from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LightSegLib.errors import DataError
from LightSegLib.evaluation.benchmark.plan import PARTS

ALL_IN_ONE = "benchmark.json"


@dataclass(frozen=True)
class Part:
    """One part, measured.

    Attributes:
        name: one of `PARTS`.
        date: day of the measurement, ISO.
        seconds: what it took.
        settings: what it depends on, see `Plan.settings`.
        quick: not to be quoted.
        machine: what it was measured on.
        content: the numbers, as the part's own module has them.
    """

    name: str
    date: str
    seconds: float
    settings: Mapping[str, Any]
    quick: bool
    machine: Mapping[str, Any]
    content: Mapping[str, Any]


def write_part(part: Part, folder: Path) -> Path:
    """Write a part's file.

    Raises:
        DataError: it cannot be written.
    """
    return write_json(vars(part), folder / f"{part.name}.json")


def read_part(folder: Path, name: str) -> Part | None:
    """Read a part's file; None if there is none.

    Raises:
        DataError: the file is no part.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        return Part(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} is not a part of a benchmark", str(error), "Delete it, or choose another folder"
        ) from error


def read_parts(folder: Path) -> dict[str, Part]:
    """The parts that lie in a folder, by name, in their order.

    Raises:
        DataError: a file is no part.
    """
    found = {name: read_part(folder, name) for name in PARTS}
    return {name: part for name, part in found.items() if part is not None}


def write_all_in_one(parts: Sequence[Part], folder: Path) -> Path:
    """Write `benchmark.json`: each part with its machine and numbers.

    Raises:
        DataError: it cannot be written.
    """
    return write_json({part.name: vars(part) for part in parts}, folder / ALL_IN_ONE)


def write_json(value: Any, path: Path) -> Path:
    """Write JSON through a file beside it, so that a stop halfway leaves the old one whole.

    Raises:
        DataError: it cannot be written.
    """
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    return write_text(text, path)


def write_text(text: str, path: Path) -> Path:
    """Write text likewise.

    Raises:
        DataError: it cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise DataError(f"Cannot write {path}", str(error), "Choose another folder with --out") from error
    return path
