"""Measured numbers for a model's card: the means of one evaluation, nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LightSegLib.errors import ModelError

if TYPE_CHECKING:
    from LightSegLib.evaluation.options import EvaluationOptions
    from LightSegLib.evaluation.results import EvaluationResults, Summary
    from LightSegLib.models.cards import ModelCard

BY_NAME = "by_name"
"""The part of a card's validation that is about names; see `card_names`."""


def update_card(
    folder: Path, results: EvaluationResults, method: str, baseline: str | None, command: str
) -> None:
    """Replace what a model's card says of clicks in its validation; what it says of names stays.

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
    entry = validation_entry(results, method, baseline, command)
    if BY_NAME in card.validation:
        entry[BY_NAME] = card.validation[BY_NAME]
    write_card(replace(card, validation=entry), folder)


def write_card(card: ModelCard, folder: Path) -> None:
    """Write a card into its model's folder.

    Raises:
        ModelError: it cannot be written.
    """
    try:
        card.write(folder)
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


def command_line(model_id: str, options: EvaluationOptions, *rest: str) -> str:
    """The command line that measures this again, without this machine's paths.

    Args:
        model_id: the model's id.
        options: which cases and structures.
        rest: further options.
    """
    words = ["lightseg evaluate", model_id, f"DATA --split {options.split}"]
    if options.sources is not None:
        words += ["--sources", *options.sources]
    if options.structures is not None:
        words += ["--structures", *(f'"{name}"' for name in options.structures)]
    if options.cases_per_source is not None:
        words.append(f"--cases-per-source {options.cases_per_source}")
    if options.companion is not None:
        words.append(f"--companion {options.companion}")
    return " ".join([*words, *rest])
