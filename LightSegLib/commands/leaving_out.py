"""Training without some sources or structures, and remembering it: a run folder knows what it never saw."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.errors import TrainingError

if TYPE_CHECKING:
    from LightSegLib.training.pack import PackedCase

FILE_NAME = "left_out.json"


def leave_out(
    cases: Sequence[PackedCase], sources: Sequence[str] = (), structures: str | None = None
) -> tuple[list[PackedCase], list[str]]:
    """Take sources and structures out of a pack.

    Args:
        cases: the pack.
        sources: names of sources to leave out whole.
        structures: regular expression, upper and lower case alike; structures whose name it is found in
            become background, and cases without any structure left are dropped.

    Returns:
        What remains, and what was left out: "SOURCE" or "SOURCE/structure".

    Raises:
        TrainingError: a source is not in the pack, the expression is none or fits nothing, or nothing
            remains.
    """
    known = sorted({case.source for case in cases})
    unknown = sorted(set(sources) - set(known))
    if unknown:
        raise TrainingError(
            f"The pack has no source {', '.join(unknown)}", f"It has {', '.join(known)}", "Correct --without"
        )
    kept = [case for case in cases if case.source not in sources]
    names = sorted(set(sources))
    if structures is not None:
        kept, removed = _without_structures(kept, structures)
        names += removed
    if not kept:
        raise TrainingError("Nothing is left to train on", "All cases were left out", "Leave out less")
    return kept, names


def _without_structures(cases: Sequence[PackedCase], expression: str) -> tuple[list[PackedCase], list[str]]:
    import numpy as np

    try:
        pattern = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise TrainingError(
            f"{expression!r} is not a regular expression", str(error), "Correct --without-structures"
        ) from error
    removed: set[str] = set()
    kept = []
    for case in cases:
        gone = [value for value, name in case.labels.items() if pattern.search(name)]
        removed.update(f"{case.source}/{case.labels[value]}" for value in gone)
        labels = {value: name for value, name in case.labels.items() if value not in gone}
        if labels:
            label_map = np.where(np.isin(case.label_map, gone), 0, case.label_map) if gone else case.label_map
            kept.append(replace(case, labels=labels, label_map=label_map.astype(np.uint8, copy=False)))
    if not removed:
        names = sorted({name for case in cases for name in case.labels.values()})
        raise TrainingError(
            f"No structure's name fits {expression!r}",
            f"The pack has {', '.join(names)}",
            "Correct --without-structures",
        )
    return kept, sorted(removed)


def recall(folder: Path) -> list[str] | None:
    """What a run folder's training left out; None where nothing is known.

    Raises:
        TrainingError: the note is damaged.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"Cannot read {path}", str(error), "Train into another folder") from error


def remember(folder: Path, names: Sequence[str]) -> None:
    """Note in a run folder what its training leaves out.

    Raises:
        TrainingError: the run was started with something else left out: the model would have seen it.
    """
    before = recall(folder)
    if before is not None and before != list(names):
        raise TrainingError(
            f"The run in {folder} was started with something else left out",
            f"Then: {', '.join(before) or 'nothing'}; now: {', '.join(names) or 'nothing'}",
            "Give the same --without and --without-structures, or train into another folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(json.dumps(list(names), indent=1) + "\n", encoding="utf-8")
