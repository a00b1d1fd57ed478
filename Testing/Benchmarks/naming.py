"""Time how long a name takes to become a mask on 512 x 512 x 300 voxels, for a model that takes text.

    python Testing/Benchmarks/naming.py
    python Testing/Benchmarks/naming.py --names "left kidney" "soft tissue sarcoma" --threads 2

On the CPU, on two volumes: a synthetic CT of a trunk (phantom.py), and the bundled sample enlarged to as many
voxels. What a name finds in a phantom says nothing about patients, and models that have seen patients mostly
find nothing there; the sample has a tumour that `veloxseg-text` finds. The Dice beside the time only tells
whether a whole structure was drawn or hardly anything, since both cost different times.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from LightSegLib import InteractiveSession
    from LightSegLib.geometry import Volume

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
IN_THE_SAMPLE: dict[str, str | None] = {"soft tissue sarcoma": "soft tissue sarcoma"}
"""Names, and the sample's structures."""


class Labelled(Protocol):
    """An image, and where its structures are."""

    volume: Volume

    def truth(self, name: str) -> NDArray[Any]:
        """The voxels of a structure, bool (K, J, I)."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="naming.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default="veloxseg-text", help="bundled model or model folder (%(default)s)"
    )
    parser.add_argument("--size", type=int, nargs=3, metavar=("I", "J", "K"), default=(512, 512, 300))
    parser.add_argument(
        "--names", nargs="+", metavar="NAME", help="to ask for in both volumes (what each shows)"
    )
    parser.add_argument("--threads", type=int, help="CPU threads (all cores but one, as LightSeg chooses)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, which is 0 also when the budget is missed."""
    from Testing.Benchmarks.command import run_command

    return run_command("naming.py", parse(arguments), run_benchmark)


def run_benchmark(options: argparse.Namespace) -> None:
    """Name one structure after the other, each in a segment of its own, and print a table for each volume."""
    from LightSegLib import InteractiveSession, load_model
    from LightSegLib.runtime.devices import set_thread_count
    from Testing.Benchmarks.report import (
        Measurement,
        budget_table,
        describe_environment,
        environment,
        markdown,
    )

    set_thread_count()
    print(describe_environment(environment()), flush=True)
    model = load_model(options.model, device="cpu")
    model.warm_up()
    seconds = []
    for title, labelled, known in labelled_volumes(options.size):
        session = InteractiveSession(model)
        session.set_image(labelled.volume)
        wanted = {name: known.get(name) for name in options.names or known}
        rows = [["name", "s", "network s", "voxels", "expected Dice", "Dice"]]
        for row, taken in named(session, labelled, wanted):
            rows.append(row)
            seconds.append(taken)
        size = " x ".join(map(str, labelled.volume.shape_ijk))
        print(f"\n{model.card.id}, {title}, {size} voxels\n\n{markdown(rows)}", flush=True)
    what = f"text to mask, the slowest of {len(seconds)} names, found or not"
    print("\n" + budget_table([Measurement(what, max(seconds), "s", BUDGET_SECONDS)]))


def labelled_volumes(
    size_ijk: Sequence[int],
) -> Iterator[tuple[str, Labelled, Mapping[str, str | None]]]:
    """The two volumes, one made after the other: what it is, itself, and its names with its structures."""
    from Testing.Benchmarks.enlarged_sample import EnlargedSample
    from Testing.Benchmarks.phantom import Phantom

    yield "phantom", Phantom(size_ijk), IN_THE_PHANTOM
    sample = EnlargedSample(size_ijk)
    yield f"bundled sample enlarged ({sample.title})", sample, IN_THE_SAMPLE


def named(
    session: InteractiveSession, labelled: Labelled, wanted: Mapping[str, str | None]
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
        score = "-" if structure is None else f"{dice(mask, labelled.truth(structure)):.2f}"
        facts = [f"{seconds:.2f}", f"{change.network_seconds:.2f}", str(int(mask.sum()))]
        yield [name, *facts, f"{change.confidence:.2f}", score], seconds


if __name__ == "__main__":
    here = Path(__file__).resolve().parent  # must not be searched: click.py would hide the package `click`
    sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != here)]
    sys.exit(main())
