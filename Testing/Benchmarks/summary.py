"""From what a session did to the numbers that have a budget (design: two CPU cores with bfloat16)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from Testing.Benchmarks.drive import Click, Run
from Testing.Benchmarks.peers import PeerResult
from Testing.Benchmarks.report import Measurement, markdown

CLICK_MEDIAN = 0.30
CLICK_95 = 0.60
OUTSIDE_SHARE = 0.30
SET_IMAGE = 0.5
UNDO = 0.05
LOAD = 1.0
MEMORY = 1.2e9
TIMES_FASTER = 100.0


def median_click(run: Run) -> float:
    """Median seconds of a click, by the clock; NaN without clicks."""
    return _percentile([click.wall_seconds for click in run.clicks], 50) or float("nan")


def click_measurements(run: Run) -> list[Measurement]:
    """Time of a click, the share of it outside the network, undo and redo."""
    seconds = [click.wall_seconds for click in run.clicks]
    first = [click.wall_seconds for click in run.clicks if click.number == 1]
    later = [click.wall_seconds for click in run.clicks if click.number > 1]
    return [
        Measurement("click to mask, median", _percentile(seconds, 50), "s", CLICK_MEDIAN),
        Measurement("click to mask, 95th percentile", _percentile(seconds, 95), "s", CLICK_95),
        Measurement("first click on a structure, median", _percentile(first, 50), "s"),
        Measurement("correcting click, median", _percentile(later, 50), "s"),
        Measurement("share of a click outside the network", outside_share(run.clicks), "%", OUTSIDE_SHARE),
        Measurement("undo, slowest", max(run.undo_seconds, default=None), "ms", UNDO),
        Measurement("redo, slowest", max(run.redo_seconds, default=None), "ms", UNDO),
    ]


def session_measurements(
    load_seconds: float, set_image_seconds: float, warm_up_seconds: float, bytes_above_volume: int
) -> list[Measurement]:
    """What a session costs before the first click, and its memory."""
    return [
        Measurement("load the model", load_seconds, "s", LOAD),
        Measurement("set_image", set_image_seconds, "s", SET_IMAGE),
        Measurement("warm-up of the model", warm_up_seconds, "s"),
        Measurement("process memory above the volume, peak", bytes_above_volume, "GB", MEMORY),
    ]


def outside_share(clicks: Sequence[Click]) -> float | None:
    """Time of all clicks that was not spent in the network, as a share of all their time."""
    total = sum(click.wall_seconds for click in clicks)
    return 1 - sum(click.network_seconds for click in clicks) / total if total > 0 else None


def times_faster(peers: Sequence[PeerResult], click_seconds: float) -> Measurement:
    """How many of our clicks fit into one pass of nnInteractive's network, in its faster number format."""
    seconds = next((peer.fastest_seconds for peer in peers if peer.key == "nninteractive"), None)
    ratio = None if seconds is None else seconds / click_seconds
    return Measurement("faster than nnInteractive's network", ratio, "times", TIMES_FASTER, at_least=True)


def targets_table(run: Run) -> str:
    """Markdown: each structure with its clicks, their times, and the Dice after the first and the last."""
    rows = [["structure", "clicks", "first click", "later clicks, median", "Dice after 1", "Dice at the end"]]
    for target, group in groupby(run.clicks, key=lambda click: click.target):
        clicks = list(group)
        later = _percentile([click.wall_seconds for click in clicks[1:]], 50)
        rows.append(
            [
                target.replace("_", " "),
                str(len(clicks)),
                f"{clicks[0].wall_seconds:.3f} s",
                "-" if later is None else f"{later:.3f} s",
                f"{clicks[0].dice:.2f}",
                f"{clicks[-1].dice:.2f}",
            ]
        )
    return markdown(rows)


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None
