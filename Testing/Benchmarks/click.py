"""Time clicks on a synthetic 512 x 512 x 300 CT, hold them against the budgets, and against other networks.

    python Testing/Benchmarks/click.py
    python Testing/Benchmarks/click.py --clicks 40 --no-peers --json click.json

All on the CPU, in one process, with one number of threads. README.md beside this file says what each number
means.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from Testing.Benchmarks.drive import Run
    from Testing.Benchmarks.peers import PeerResult
    from Testing.Benchmarks.report import Measurement

ROOT = Path(__file__).resolve().parents[2]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="click.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", default="veloxseg-small", help="bundled model or model folder (%(default)s)"
    )
    parser.add_argument(
        "--size",
        type=int,
        nargs=3,
        metavar=("I", "J", "K"),
        default=(512, 512, 300),
        help="voxels of the volume (512 512 300)",
    )
    parser.add_argument(
        "--clicks", type=int, default=20, help="how many, on several structures (%(default)s)"
    )
    parser.add_argument(
        "--clicks-per-structure", type=int, default=4, help="before the next one's turn (%(default)s)"
    )
    parser.add_argument("--no-peers", action="store_true", help="leave the other networks out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to a file as well")
    parser.add_argument("--threads", type=int, help="CPU threads (all cores but one, as LightSeg chooses)")
    options = parser.parse_args(arguments)
    counts = (options.clicks, options.clicks_per_structure, 1 if options.threads is None else options.threads)
    if min(counts) < 1 or min(options.size) < 16:
        parser.error("at least 1 click, 1 thread, and 16 voxels along each axis")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status, which is 0 also when a budget is missed."""
    from Testing.Benchmarks.command import run_command

    return run_command("click.py", parse(arguments), run_benchmark)


def run_benchmark(options: argparse.Namespace) -> None:
    """Measure, print, and write the JSON file if one is asked for."""
    from LightSegLib.runtime.devices import set_thread_count
    from Testing.Benchmarks.report import budget_table, describe_environment, environment, peer_table
    from Testing.Benchmarks.summary import median_click, targets_table, times_faster

    set_thread_count()
    facts = environment()
    print(describe_environment(facts), flush=True)
    measured = measure_session(options)
    print(measured.description + "\n", flush=True)
    measurements, peers = measured.measurements, []
    click_seconds = median_click(measured.run)
    if not options.no_peers:
        peers = measure_peers()
        measurements = [*measurements, times_faster(peers, click_seconds)]
    print(budget_table(measurements) + "\n\n" + targets_table(measured.run))
    if peers:
        print("\n" + peer_table(peers, click_seconds))
        print("In our clicks: their one forward pass over our whole click (median), float32 / bfloat16.")
    if options.json:
        content = as_json(options, facts, measured.run, measurements, peers)
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class MeasuredSession:
    """What came of the session.

    Attributes:
        run: what it did.
        measurements: the numbers for the table.
        description: two lines on model and volume.
    """

    run: Run
    measurements: list[Measurement]
    description: str


def measure_session(options: argparse.Namespace) -> MeasuredSession:
    """Draw the volume, load the model, set the image, warm up, click."""
    from LightSegLib import InteractiveSession, load_model
    from Testing.Benchmarks.anatomy import CLICK_TARGETS
    from Testing.Benchmarks.drive import Meter, drive
    from Testing.Benchmarks.phantom import Phantom
    from Testing.Benchmarks.summary import click_measurements, session_measurements

    phantom, meter = Phantom(options.size), Meter()
    model, load_seconds = meter.run(lambda: load_model(options.model, device="cpu"))
    session = InteractiveSession(model)
    _, image_seconds = meter.run(lambda: session.set_image(phantom.volume))
    plan, warm_up_seconds = meter.run(model.warm_up)
    run = drive(session, phantom, CLICK_TARGETS, options.clicks, meter, options.clicks_per_structure)
    above = meter.peak_bytes - phantom.volume.array.nbytes
    costs = session_measurements(load_seconds, image_seconds, warm_up_seconds, above)
    size, spacing = phantom.volume.shape_ijk, phantom.volume.spacing_ijk
    description = (
        f"{model.card.id}: {model.card.weights.parameters / 1e6:.2f} M parameters, "
        f"patch {model.patch_kji[0]}³, {plan.seconds:.3f} s per forward pass in {plan.describe()}\n"
        f"Phantom of {' x '.join(map(str, size))} voxels of {' x '.join(f'{mm:.2g}' for mm in spacing)} mm"
    )
    return MeasuredSession(run, [*click_measurements(run), *costs], description)


def measure_peers() -> list[PeerResult]:
    """One forward pass of each of the other networks."""
    from Testing.Benchmarks.peers import PEERS, measure_peer

    results = []
    for peer in PEERS:
        print(f"One forward pass of {peer.title} ...", file=sys.stderr, flush=True)
        results.append(measure_peer(peer))
    return results


def as_json(
    options: argparse.Namespace,
    facts: dict[str, Any],
    run: Run,
    measurements: Sequence[Measurement],
    peers: Sequence[PeerResult],
) -> dict[str, Any]:
    """All numbers; times in seconds, memory in bytes, shares from 0 to 1."""
    return {
        "model": options.model,
        "size_ijk": list(options.size),
        "environment": facts,
        "measurements": [item.to_dict() for item in measurements],
        "clicks": [asdict(click) for click in run.clicks],
        "undo_seconds": run.undo_seconds,
        "redo_seconds": run.redo_seconds,
        "peers": [asdict(peer) for peer in peers],
    }


if __name__ == "__main__":
    # The packages are found from the repository's root. This folder must not be searched: the present file
    # would hide the package `click` from whoever imports it.
    here = Path(__file__).resolve().parent
    sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != here)]
    sys.exit(main())
