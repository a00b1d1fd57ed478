"""What the commands' argument parsers share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
    details: str = "",
) -> argparse.ArgumentParser:
    """Add a command with the options that all have.

    Args:
        commands: where to.
        name: what the user types after `lightseg`.
        run: does the work and returns the exit code.
        summary: one line, for the list of commands and the top of its help.
        example: command lines, without indentation.
        details: what else the help should say.
    """
    lines = "\n".join(f"  {line}" for line in example.splitlines())
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary + (f"\n\n{details}" if details else ""),
        epilog=f"example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_everywhere(parser)
    parser.set_defaults(run=run)
    return parser


def add_everywhere(parser: argparse.ArgumentParser) -> None:
    """Add -v and --debug, which work before and after the command's name."""
    absent = argparse.SUPPRESS  # a default here would overwrite what was given before the command's name
    parser.add_argument(
        "-v", "--verbose", action="count", default=absent, help="log what happens; twice: everything"
    )
    parser.add_argument(
        "--debug", action="store_true", default=absent, help="show a traceback when something fails"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add --model and --device."""
    parser.add_argument(
        "--model", metavar="ID|FOLDER", help="a name that `lightseg models` lists, or a model folder"
    )
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --device."""
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json, the switch."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def at_least_one(text: str) -> int:
    """Argument type: a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def above_zero(text: str) -> float:
    """Argument type: a number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def share(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return number
