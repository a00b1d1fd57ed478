"""Measured numbers for a model's card: the means of one evaluation, nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import ModelError

if TYPE_CHECKING:
    from LightSegLib.evaluation.results import EvaluationResults, Summary


def update_card(
    folder: Path, results: EvaluationResults, method: str, baseline: str | None, command: str
) -> None:
    """Replace the validation entry of a model's card.

    Args:
        folder: the model folder.
        results: the evaluation.
        method: the model's name in it.
        baseline: the baseline's name in it, None if it did not run.
        command: what was run, as the card should say it.

    Raises:
        ModelError: the card cannot be read or written.
    """
    from LightSegLib.models.cards import read_card

    card = read_card(folder)
    try:
        replace(card, validation=validation_entry(results, method, baseline, command)).write(folder)
    except OSError as error:
        raise ModelError(
            f"The card in {folder} cannot be written", str(error), "Check the folder's permissions"
        ) from error


def validation_entry(
    results: EvaluationResults, method: str, baseline: str | None, command: str
) -> dict[str, Any]:
    """The card's validation: mean Dice by number of clicks, of each source and over all, as JSON types."""
    entry: dict[str, Any] = {
        "split": results.split,
        "date": date.today().isoformat(),
        "command": command,
        **_means(results, method),
    }
    if baseline is not None:
        entry["baseline"] = {"method": baseline, **_means(results, baseline)}
    return entry


def _means(results: EvaluationResults, method: str) -> dict[str, Any]:
    sources = {}
    for source in results.sources:
        summary = results.of_source(method, source)
        sources[source] = {"objects": summary.objects, "dice": _dice(summary)}
    return {"sources": sources, "mean": _dice(results.over_sources(method))}


def _dice(summary: Summary) -> dict[str, float]:
    """Clicks -> mean Dice, to four digits."""
    return {str(count): round(dice, 4) for count, dice in summary.dice.items() if math.isfinite(dice)}
