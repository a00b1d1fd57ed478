"""`lightseg average`: the mean of two models' weights."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import OK, progress, say
from LightSegLib.commands.options import add_command, share

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands

_EXAMPLE = "lightseg average runs/second/veloxseg-small runs/first/veloxseg-small --share 0.3 -o runs/mean"
_DETAILS = """\
Both must have begun with the same weights, or one with the other's. The mean takes the card of MODEL; what
only OTHER has, such as a text, is left behind. `lightseg evaluate FOLDER DATA --update-card` measures it."""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    summary = "Write a model whose weights are the mean of two."
    parser = add_command(commands, "average", run, summary, _EXAMPLE, _DETAILS)
    parser.add_argument("model", metavar="MODEL", help="a bundled model's name, or a model folder")
    parser.add_argument("other", metavar="OTHER", help="another one, of the same architecture")
    parser.add_argument(
        "--share", type=share, default=0.5, metavar="SHARE", help="of OTHER, 0 to 1 (%(default)g)"
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="MODEL_FOLDER", help="where the mean goes"
    )


def run(arguments: argparse.Namespace) -> int:
    """Average two models."""
    from LightSegLib.training.averaging import average_models

    with progress("Averaging"):
        card = average_models(arguments.model, arguments.other, arguments.share, arguments.out)
    say(f"Written {arguments.out}: {card.id}, {card.weights.bytes / 1e6:.1f} MB")
    return OK
