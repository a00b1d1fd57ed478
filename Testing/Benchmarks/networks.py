"""Time one forward pass of every network on a cube, ours beside MONAI's, in one process.

    python Testing/Benchmarks/networks.py
    python Testing/Benchmarks/networks.py --cube 96 --threads 1 --json networks.json

Random weights, random input, each network with the channels of its published configuration. Milliseconds in
float32 and, where the CPU has it, bfloat16; "of the fastest" is the time in passes of the fastest network.

Ours also run on torch's usual operations, the same weights and in turns: "usual operations" is float32 with
these, "float32" with LightSeg's own, "difference" how far both answers are apart at most, as a share of the
largest number in them. What stays in both is named in `usual_operations.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from Testing.Benchmarks.in_turns import Turns
    from Testing.Benchmarks.peers import Peer, PeerResult

ROOT = Path(__file__).resolve().parents[2]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="networks.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cube", type=int, default=96, help="edge of the input in voxels (%(default)s)")
    parser.add_argument("--no-peers", action="store_true", help="leave MONAI's networks out")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="of ours, each way (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to a file as well")
    parser.add_argument("--threads", type=int, help="CPU threads (all cores but one, as LightSeg chooses)")
    options = parser.parse_args(arguments)
    if options.cube < 64 or options.repeats < 1 or (options.threads is not None and options.threads < 1):
        parser.error("a cube of at least 64 voxels, at least 1 repeat and at least 1 thread")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    options = parse(arguments)
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before torch starts; LightSeg heeds it too
    from LightSegLib.runtime.devices import set_thread_count
    from Testing.Benchmarks.in_turns import measure_in_turns
    from Testing.Benchmarks.peers import measure_peer
    from Testing.Benchmarks.report import describe_environment, environment

    set_thread_count()
    facts = environment()
    print(describe_environment(facts) + "\n", flush=True)
    ours = our_networks(options.cube)
    results, turns = [], {}
    for network in [*ours, *([] if options.no_peers else their_networks(options.cube))]:
        print(f"{network.title} ...", file=sys.stderr, flush=True)
        result = measure_peer(network)
        if network in ours and not result.problem:
            turn = turns[network.key] = measure_in_turns(network, options.repeats)
            result = replace(result, float32_seconds=turn.ours, bfloat16_seconds=turn.bfloat16)
        results.append(result)
    print(speed_table(results, turns))
    if options.json:
        content = {
            "environment": facts,
            "networks": [asdict(result) for result in results],
            "in_turns": {key: asdict(turn) for key, turn in turns.items()},
        }
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def our_networks(cube: int) -> list[Peer]:
    """The first published configuration of each architecture, set to a cube where it depends on its size."""
    from LightSegLib.networks import refineformer3d, segmaformer, veloxseg
    from Testing.Benchmarks.peers import Peer

    size = (cube,) * 3
    makers: list[tuple[str, int, Callable[[], nn.Module]]] = [
        ("VeloxSeg", 2, lambda: veloxseg.published("autopet2", input_size=size).inference_copy()),
        ("SegMaFormer", 4, lambda: segmaformer.published("brats")),
        ("RefineFormer3D", 4, lambda: refineformer3d.published("brats")),
    ]
    return [Peer(title.lower(), title, channels, cube, build) for title, channels, build in makers]


def their_networks(cube: int) -> list[Peer]:
    """MONAI's networks, with its defaults."""
    from Testing.Benchmarks.peers import Peer, build_segresnet, build_swin_unetr, build_unetr

    return [
        Peer("segresnet", "SegResNet (MONAI)", 1, cube, build_segresnet, 2**30),
        Peer("unetr", "UNETR (MONAI)", 1, cube, lambda: build_unetr(cube), 3 * 2**30),
        Peer("swin_unetr", "SwinUNETR (MONAI)", 1, cube, lambda: build_swin_unetr(cube), 3 * 2**30),
    ]


def speed_table(results: Sequence[PeerResult], turns: Mapping[str, Turns]) -> str:
    """Markdown: one row per network; `turns` holds, by key, what was measured of ours alone."""
    from Testing.Benchmarks.report import markdown

    fastest = min((r.fastest_seconds for r in results if r.fastest_seconds is not None), default=None)
    head = [
        "network",
        "input",
        "parameters",
        "usual operations",
        "float32",
        "difference",
        "bfloat16",
        "memory",
    ]
    rows = [[*head, "of the fastest", "note"]]
    for result in results:
        turn, own = turns.get(result.key), result.fastest_seconds
        rows.append(
            [
                result.title,
                f"{result.channels} x {result.cube}³",
                f"{result.parameters / 1e6:.2f} M" if result.parameters else "-",
                _milliseconds(turn.usual if turn else None),
                _milliseconds(result.float32_seconds),
                f"{turn.difference:.0e}" if turn else "-",
                _milliseconds(result.bfloat16_seconds),
                "-" if result.peak_bytes is None else f"{result.peak_bytes / 1e9:.1f} GB",
                "-" if own is None or fastest is None else f"{own / fastest:.1f}",
                result.problem,
            ]
        )
    return markdown(rows)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f} ms"


if __name__ == "__main__":
    # The packages are found from the repository's root. This folder must not be searched: `click.py` beside
    # this file would hide the package `click` from whoever imports it.
    here = Path(__file__).resolve().parent
    sys.path[:] = [str(ROOT), *(place for place in sys.path if Path(place).resolve() != here)]
    sys.exit(main())
