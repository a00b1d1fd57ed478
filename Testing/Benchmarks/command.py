"""What a benchmark's command line does before and after its work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def run_command(
    program: str, options: argparse.Namespace, benchmark: Callable[[argparse.Namespace], None]
) -> int:
    """Run a benchmark with the number of threads asked for; an error is told in words.

    Args:
        program: the file's name, for the message.
        options: its `threads` are those of the CPU, None for LightSeg's choice.
        benchmark: measures and prints; it imports torch, and nothing has before.

    Returns:
        The exit status.
    """
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before torch starts; LightSeg heeds it too
    from LightSegLib.errors import LightSegError

    try:
        benchmark(options)
    except LightSegError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0
