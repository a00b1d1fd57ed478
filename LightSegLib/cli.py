"""`lightseg`: LightSeg from the command line. Each command is a file in `LightSegLib.commands`.

Exit codes: 0 fine, 1 the run did not reach what it promises, 2 usage or bad input, 130 stopped with Ctrl-C.
Nothing heavy is imported here: `lightseg --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from LightSegLib import __version__
from LightSegLib.commands import (
    average,
    benchmark,
    console,
    demo,
    doctor,
    evaluate,
    models,
    networks,
    pack,
    segment,
    structures,
    train,
)
from LightSegLib.commands.options import add_everywhere
from LightSegLib.commands.written_prompts import join_coordinates

COMMANDS = (demo, segment, models, networks, structures, doctor, pack, train, average, evaluate, benchmark)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; a parsed command has its function as `run`."""
    parser = argparse.ArgumentParser(
        prog="lightseg",
        description="Interactive 3D segmentation: clicks become a mask, on an ordinary CPU.",
        epilog="example:\n  lightseg demo\n\n`lightseg COMMAND --help` explains a command, with an example.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lightseg {__version__}")
    add_everywhere(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        The exit code. Bad usage, --help and --version leave with SystemExit, as argparse does.
    """
    arguments = build_parser().parse_args(join_coordinates(sys.argv[1:] if argv is None else argv))
    console.set_up(getattr(arguments, "verbose", 0))
    try:
        code: int = arguments.run(arguments)
        return code
    except KeyboardInterrupt:
        console.note("lightseg: Stopped.")
        return console.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough (`lightseg models | head -1`); nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return console.FAILED
    except Exception as error:
        return console.failure(error, getattr(arguments, "debug", False))


if __name__ == "__main__":
    sys.exit(main())
