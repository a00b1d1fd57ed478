"""`lightseg models`: what is bundled, and which SAM models other programs have downloaded."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.console import OK, aligned, note, say, say_json
from LightSegLib.commands.options import add_command, add_json

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands
    from LightSegLib.models.cards import ModelCard

CLICKS = ("1", "3", "5", "10")


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "models",
        run,
        "List the bundled models, and the SAM models in the cache of the Hugging Face hub.",
        "lightseg models\nlightseg models --json",
        "Dice @n: mean over the sources of the validation split after n simulated clicks, from the card.",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the models."""
    from LightSegLib.models.hub_cache import list_cached_sams
    from LightSegLib.models.registry import list_models

    cards, cached = list_models(), list_cached_sams()
    if arguments.json:
        say_json([_facts(card) for card in (*cards, *cached)])
        return OK
    if cards:
        header = ("id", "MB", "parameters", "licence", "prompts", *(f"Dice @{count}" for count in CLICKS))
        say(aligned(header, [_row(card) for card in cards]))
    else:
        note("lightseg: No model is bundled with this copy of LightSeg.")
    if cached:
        say("")
        say("In the cache of the Hugging Face hub, slice by slice, not measured; needs transformers:")
        header = ("id", "MB", "parameters", "licence", "prompts")
        say(aligned(header, [_row(card)[: len(header)] for card in cached]))
    return OK


def mean_dice(card: ModelCard) -> dict[str, float]:
    """Mean Dice over sources by number of clicks, as far as the card says."""
    mean = card.validation.get("mean")
    return {str(count): float(value) for count, value in mean.items()} if isinstance(mean, dict) else {}


def _facts(card: ModelCard) -> dict[str, Any]:
    return {
        "id": card.id,
        "title": card.title,
        "licence": card.licence,
        "bytes": card.weights.bytes,
        "parameters": card.weights.parameters,
        "capabilities": card.capabilities.to_dict(),
        "validation_dice": mean_dice(card),
        "data": card.data,
        "limits": card.limits,
    }


def _row(card: ModelCard) -> list[str]:
    dice = mean_dice(card)
    measured = [f"{dice[count]:.3f}" if count in dice else "-" for count in CLICKS]
    size, parameters = f"{card.weights.bytes / 1e6:.1f}", f"{card.weights.parameters / 1e6:.2f} M"
    return [card.id, size, parameters, card.licence, card.capabilities.describe(), *measured]
