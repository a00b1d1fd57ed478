"""`lightseg pack`: a data set becomes one compact file to train from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.commands.console import OK, progress, say, say_json
from LightSegLib.commands.options import add_command, add_json, at_least_one
from LightSegLib.errors import DataError

if TYPE_CHECKING:
    from LightSegLib.commands.options import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = add_command(
        commands,
        "pack",
        run,
        "Pack a labelled data set into one file of at most 48 MiB, for training.",
        "lightseg pack data -o train.pack\nlightseg pack data -o val.pack --split val",
        "DATA holds split.json and a folder per source with images/, labels/ and dataset.json.",
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of the data set")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the pack to write")
    parser.add_argument("--split", choices=("train", "val"), default="train", help="what to pack (train)")
    parser.add_argument(
        "--max-voxels",
        type=at_least_one,
        metavar="N",
        help="cases with more are resampled to about N voxels (700000)",
    )
    parser.add_argument(
        "--companion",
        metavar="SOURCE",
        help="its image of the same person becomes the second channel of the other sources' cases",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Pack a data set."""
    from LightSegLib.training.pack import write_pack

    limits = {} if arguments.max_voxels is None else {"max_voxels": arguments.max_voxels}
    with progress("Packing") as report:
        summary = write_pack(
            arguments.data,
            arguments.output,
            split=arguments.split,
            companion=arguments.companion,
            progress=report,
            **limits,
        )
    if not summary["cases"]:
        arguments.output.unlink()
        raise DataError(
            f"There is nothing to pack in {arguments.data}", f"Its split.json lists no {arguments.split} case"
        )
    if arguments.json:
        say_json({"file": str(arguments.output), **summary})
        return OK
    for source, count in summary["sources"].items():
        say(f"{source:28} {count:4} cases")
    if arguments.companion:
        say(f"{summary['companions']} cases have an image of {arguments.companion} as their second channel")
    say(f"Written {arguments.output}: {summary['cases']} cases, {summary['bytes'] / 2**20:.1f} MiB")
    return OK
