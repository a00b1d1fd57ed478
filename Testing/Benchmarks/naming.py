"""Time how long a name takes to become a mask on a synthetic 512 x 512 x 300 CT, for a model that takes text.

    python Testing/Benchmarks/naming.py
    python Testing/Benchmarks/naming.py --names "left kidney" liver --threads 2

On the CPU. What a name finds in a phantom says nothing about patients; the Dice beside the time only tells
whether a whole structure was drawn or hardly anything, since both cost different times.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from LightSegLib import InteractiveSession
    from Testing.Benchmarks.phantom import Phantom

ROOT = Path(__file__).resolve().parents[2]
BUDGET_SECONDS = 3.0
IN_THE_PHANTOM: dict[str, str | None] = {
    "left kidney": "left_kidney",
    "right kidney": "right_kidney",
    "liver": "liver",
    "spleen": "spleen",
    "aorta": "aorta",
    "urinary bladder": "bladder",
    "pancreas": "pancreas",
}
"""Names, and the phantom's structures."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="naming.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default="veloxseg-text", help="bundled model or model folder (%(default)s)"
    )
    parser.add_argument("--size", type=int, nargs=3, metavar=("I", "J", "K"), default=(512, 512, 300))
    parser.add_argument("--names", nargs="+", metavar="NAME", help="structures to ask for (a few organs)")
    parser.add_argument("--threads", type=int, help="CPU threads (all cores but one, as LightSeg chooses)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, which is 0 also when the budget is missed."""
    from Testing.Benchmarks.command import run_command

    return run_command("naming.py", parse(arguments), run_benchmark)


def run_benchmark(options: argparse.Namespace) -> None:
    """Name one structure after the other, each in a segment of its own, and print a table."""
    from LightSegLib import InteractiveSession, load_model
    from LightSegLib.runtime.devices import set_thread_count
    from Testing.Benchmarks.phantom import Phantom
    from Testing.Benchmarks.report import (
        Measurement,
        budget_table,
        describe_environment,
        environment,
        markdown,
    )

    set_thread_count()
    print(describe_environment(environment()), flush=True)
    phantom, model = Phantom(options.size), load_model(options.model, device="cpu")
    session = InteractiveSession(model)
    session.set_image(phantom.volume)
    model.warm_up()
    wanted: Mapping[str, str | None] = dict.fromkeys(options.names) if options.names else IN_THE_PHANTOM
    rows, seconds = [["name", "s", "network s", "voxels", "expected Dice", "Dice"]], []
    for row, taken in named(session, phantom, wanted):
        rows.append(row)
        seconds.append(taken)
    slowest = Measurement("text to mask, the slowest name", max(seconds), "s", BUDGET_SECONDS)
    print(f"{model.card.id}, phantom of {' x '.join(map(str, phantom.volume.shape_ijk))} voxels\n")
    print(markdown(rows) + "\n\n" + budget_table([slowest]))


def named(
    session: InteractiveSession, phantom: Phantom, wanted: Mapping[str, str | None]
) -> Iterator[tuple[list[str], float]]:
    """A row of the table and the seconds by the clock, for each name."""
    from LightSegLib.evaluation.metrics import dice
    from Testing.Benchmarks.drive import Meter

    meter = Meter()
    for number, (name, structure) in enumerate(wanted.items()):
        if number:
            session.add_segment()
        change, seconds = meter.run(lambda name=name: session.set_text(name))
        mask = session.mask
        score = "-" if structure is None else f"{dice(mask, phantom.truth(structure)):.2f}"
        facts = [f"{seconds:.2f}", f"{change.network_seconds:.2f}", str(int(mask.sum()))]
        yield [name, *facts, f"{change.confidence:.2f}", score], seconds


if __name__ == "__main__":
    here = Path(__file__).resolve().parent  # must not be searched: click.py would hide the package `click`
    sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != here)]
    sys.exit(main())
