"""`lightseg networks`: the architectures, and whether they cost what was published."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.console import OK, aligned, progress, say, say_json
from LightSegLib.commands.options import add_command, add_json

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands
    from LightSegLib.models.published import Published
    from LightSegLib.networks.cost import Cost

_HEADER = ("network", "configuration", "input", "parameters", "published", "GMAC", "published")


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "networks",
        run,
        "List the published networks, and what ours cost beside them.",
        "lightseg networks\nlightseg networks --json",
        "GMAC: thousand million multiply-accumulates of one sample, without norms and activations.",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build each network without memory and count."""
    from LightSegLib.models.published import PUBLISHED

    with progress("Counting"):
        costs = [(entry, entry.cost()) for entry in PUBLISHED]
    if arguments.json:
        say_json([_facts(entry, cost) for entry, cost in costs])
        return OK
    say(aligned(_HEADER, [_row(entry, cost) for entry, cost in costs]))
    for note in dict.fromkeys(f"{entry.network}: {entry.note}" for entry, _ in costs if entry.parameters):
        say(note)
    return OK


def _facts(entry: Published, cost: Cost) -> dict[str, Any]:
    return {
        "network": entry.network,
        "configuration": entry.configuration,
        "input": list(entry.shape),
        "parameters": cost.parameters,
        "macs": cost.macs,
        "published_parameters_millions": entry.parameters,
        "published_gmacs": entry.gmacs,
        "note": entry.note,
    }


def _row(entry: Published, cost: Cost) -> list[str]:
    size = " x ".join(map(str, entry.shape))
    return [
        entry.network,
        entry.configuration,
        size,
        f"{cost.parameters:,}",
        "-" if entry.parameters is None else f"{entry.parameters:.2f} M",
        f"{cost.macs / 1e9:.2f}",
        "-" if entry.gmacs is None else f"{entry.gmacs:.2f}",
    ]
