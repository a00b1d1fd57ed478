"""What an evaluation by name writes into a model's card, and what is read from there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.card_numbers import BY_NAME, write_card

if TYPE_CHECKING:
    from LightSegLib.evaluation.name_judgement import NameJudgement
    from LightSegLib.evaluation.named_results import NamedObject
    from LightSegLib.models.cards import ModelCard

    Mean = Callable[[Callable[[NamedObject], float]], float]


def update_card_by_name(folder: Path, judgement: NameJudgement, command: str) -> None:
    """Replace what a model's card says of names: Dice, and below which expected Dice a structure is absent.

    Args:
        folder: the model folder.
        judgement: what was measured.
        command: what was run, as the card should say it.

    Raises:
        ModelError: the card cannot be read or written.
    """
    from LightSegLib.models.cards import read_card

    card = read_card(folder)
    validation = {**card.validation, BY_NAME: by_name_entry(judgement, command)}
    regions = card.regions if judgement.absence is None else {**card.regions, "absent": judgement.threshold}
    write_card(replace(card, regions=regions, validation=validation), folder)


def by_name_entry(judgement: NameJudgement, command: str) -> dict[str, Any]:
    """The card's validation by name, as JSON types; card.schema.json describes it."""
    results = judgement.results
    structures = {}
    for objects in map(results.of, results.structures):
        mean = _mean_over(objects)
        structures[objects[0].structure_id] = {"objects": len(objects), **_dice(mean)}
    entry: dict[str, Any] = {
        "split": results.split,
        "date": date.today().isoformat(),
        "command": command,
        "structures": structures,
        "threshold": judgement.threshold,
    }
    if results.counted:
        entry["mean"] = {"structures": len(results.counted), **_dice(results.mean)}
    if judgement.absence is not None:
        absence = judgement.absence
        entry["absent"] = {"names": absence.absent, "refused": round(absence.refused, 4)}
        entry["present"] = {"names": absence.present, "refused": round(absence.lost, 4)}
    if judgement.refusals is not None:
        entry["mismatches"] = judgement.refusals.counts()
    return entry


def dice_by_name(card: ModelCard, structure: str) -> float | None:
    """Dice of a structure's name alone, 0 to 1, by a model's card; None where it was not measured."""
    found: object = card.validation
    for key in (BY_NAME, "structures", structure, "dice", "0"):
        found = found.get(key) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def _mean_over(objects: tuple[NamedObject, ...]) -> Mean:
    return lambda of: fmean(of(each) for each in objects)


def _dice(mean: Mean) -> dict[str, dict[str, float]]:
    """Mean Dice to four digits by clicks: after the name, "0" for the name alone, and without it."""
    return {
        "dice": {
            "0": round(mean(lambda each: each.text), 4),
            "1": round(mean(lambda each: each.corrected[0]), 4),
            "3": round(mean(lambda each: each.corrected[2]), 4),
        },
        "clicks_alone": {
            "1": round(mean(lambda each: each.clicked[0]), 4),
            "3": round(mean(lambda each: each.clicked[2]), 4),
        },
    }
