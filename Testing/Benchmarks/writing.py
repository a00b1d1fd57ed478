"""Time a masked write into a segmentation of 512 x 512 x 300 voxels, on real MRML nodes; needs slicer-core.

    python Testing/Benchmarks/writing.py
    python Testing/Benchmarks/writing.py --json writing.json

What is measured is `masked_write_ms` of Testing/MRML/tour.py: the box of a change, 96 voxels along each edge,
goes through Slicer's own masking beside a neighbor that must not change, with a state for undo.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from LightSegLib.evaluation.measurements import Measurement

ROOT = Path(__file__).resolve().parents[2]
BUDGET_SECONDS = 0.1


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="writing.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", type=int, nargs=3, metavar=("I", "J", "K"), default=(512, 512, 300), help="(512 512 300)"
    )
    parser.add_argument("--box", type=int, default=96, help="edge of the change in voxels (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file as well")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, which is 0 also when the budget is missed."""
    from LightSegLib.evaluation.measurements import budget_table

    options = parse(arguments)
    measurements = measure(options.size, options.box)
    print(budget_table(measurements))
    if options.json:
        content = {"measurements": [each.to_dict() for each in measurements]}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(size_ijk: Sequence[int], box: int) -> list[Measurement]:
    """Median and longest write."""
    from LightSegLib.evaluation.measurements import Measurement

    if str(ROOT / "Testing" / "MRML") not in sys.path:
        sys.path.insert(0, str(ROOT / "Testing" / "MRML"))
    from tour import masked_write_ms

    seconds = [taken / 1000 for taken in masked_write_ms(tuple(size_ijk)[::-1], box)]
    return [
        Measurement(
            "masked write of the changed box, median", statistics.median(seconds), "ms", BUDGET_SECONDS
        ),
        Measurement("masked write of the changed box, slowest", max(seconds), "ms"),
    ]


if __name__ == "__main__":
    here = Path(__file__).resolve().parent  # must not be searched: click.py would hide the package `click`
    sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != here)]
    sys.exit(main())
