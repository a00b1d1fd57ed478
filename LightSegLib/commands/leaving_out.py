"""Training without some sources or structures, so that the model can be judged on what it never saw."""

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


def check_resumable(folder: Path, names: Sequence[str]) -> None:
    """Refuse to go on with a run that was started with something else left out: its model has seen it.

    Args:
        folder: the run folder; it need not exist.
        names: what is to be left out now, of `leave_out`.

    Raises:
        TrainingError: see above, or the run folder is damaged.
    """
    from LightSegLib.training.checkpoints import PROGRESS_NAME
    from LightSegLib.training.export import DATA_NAME

    path = folder / DATA_NAME
    if not (folder / PROGRESS_NAME).is_file() or not path.is_file():
        return  # nothing was learnt yet
    try:
        before = [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["left_out"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"Cannot read {path}", str(error), "Train into another folder") from error
    if before != list(names):
        raise TrainingError(
            f"The run in {folder} was started with something else left out",
            f"Then: {', '.join(before) or 'nothing'}; now: {', '.join(names) or 'nothing'}",
            "Give the same --without and --without-structures, or train into another folder",
        )
