"""The plots of the page, from the parts' numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from LightSegLib.evaluation.benchmark.parts import Part
from LightSegLib.evaluation.benchmark.timing import medians_by_number, sizes_text, value_of
from LightSegLib.evaluation.chart_axes import Axis, ticks_up_to
from LightSegLib.evaluation.charts import Chart, Series
from LightSegLib.evaluation.results import EvaluationResults
from LightSegLib.evaluation.trust_pictures import reliability_chart
from LightSegLib.evaluation.trust_results import TrustResults

ACCURACY, RELIABILITY = "dice-against-clicks.svg", "reliability.svg"
SIZES, CLICKS, MEMORY = "time-against-volume.svg", "time-against-clicks.svg", "memory-against-volume.svg"
_TENTHS = [number / 10 for number in range(11)]
_TIMES = {
    "click, median": "click to mask, median",
    "click, 95th percentile": "click to mask, 95th percentile",
    "first click, median": "first click on a structure, median",
    "correcting click, median": "correcting click, median",
    "set_image": "set_image",
}
"""Name in the legend -> measurement of click.py."""


def charts(parts: Mapping[str, Part]) -> dict[str, Chart]:
    """File name -> chart, of the parts there are."""
    drawn: dict[str, Chart] = {}
    if "accuracy" in parts:
        drawn[ACCURACY] = accuracy_chart(
            EvaluationResults.from_dict(parts["accuracy"].content["results"]),
            parts["accuracy"].content["baselines"],
        )
    if "trust" in parts:
        models = parts["trust"].content["models"]
        drawn[RELIABILITY] = reliability_chart(
            {name: TrustResults.from_dict(content) for name, content in models.items()}
        )
    if "scaling" in parts:
        content = parts["scaling"].content
        if len(content["volumes"]) > 1:
            drawn[SIZES] = sizes_chart(content["volumes"])
            drawn[MEMORY] = memory_chart(content["volumes"])
        drawn[CLICKS] = clicks_chart(content["clicks"])
    return drawn


def accuracy_chart(results: EvaluationResults, baselines: Collection[str]) -> Chart:
    """Dice against clicks: a line per method, the mean over sources; baselines dashed."""
    counts = list(range(1, results.clicks + 1))
    lines = [
        Series(method, counts, _mean_dice(results, method), dashed=method in baselines)
        for method in results.methods
    ]
    across = Axis("clicks of the simulated user", counts if len(counts) > 1 else [1, 2])
    return Chart("How good after how many clicks?", across, Axis("mean Dice", _TENTHS), lines)


def _mean_dice(results: EvaluationResults, method: str) -> list[float]:
    """Mean Dice after each click: over the objects of a source, then over the sources."""
    means = []
    for source in results.sources:
        rows = [row.dice for row in results.objects if row.method == method and row.source == source]
        means.append(np.mean(rows, axis=0))
    mean: list[float] = np.mean(means, axis=0).tolist()
    return mean


def sizes_chart(volumes: Sequence[Mapping[str, Any]]) -> Chart:
    """Seconds against the size of the volume."""
    lines = []
    for name, what in _TIMES.items():
        line = _against_voxels(name, volumes, what, 1.0)
        if line.x:
            lines.append(line)
    return Chart(
        "Time against the volume", _size_axis(volumes), _up("seconds", lines), lines, legend="upper left"
    )


def memory_chart(volumes: Sequence[Mapping[str, Any]]) -> Chart:
    """Memory of the process beyond the volume, against the size of the volume."""
    what = "process memory above the volume, peak"
    lines = [_against_voxels("process memory above the volume", volumes, what, 1e-9)]
    return Chart(
        "Memory against the volume", _size_axis(volumes), _up("GB", lines), lines, legend="upper left"
    )


def clicks_chart(numbers: Mapping[str, Any]) -> Chart:
    """Seconds of the 1st, 2nd, ... click on a structure."""
    lines = []
    for name, key in (("whole click", "wall_seconds"), ("in the network", "network_seconds")):
        known = medians_by_number(numbers, key)
        lines.append(Series(name, [number for number, _ in known], [value for _, value in known]))
    last = max(2, *(int(x) for line in lines for x in line.x))
    ticks = sorted(
        {1, *(int(tick) for tick in ticks_up_to(last) if 1 < tick < last and tick == int(tick)), last}
    )
    title = f"Time against the number of clicks, {sizes_text(numbers['size_ijk'])} voxels"
    return Chart(
        title,
        Axis("click on the same structure", ticks),
        _up("seconds, median", lines),
        lines,
        legend="upper right",
    )


def _against_voxels(name: str, volumes: Sequence[Mapping[str, Any]], what: str, factor: float) -> Series:
    """A measurement, times a factor, of the volumes where it was made."""
    known = [(_voxels(each), value) for each in volumes if (value := value_of(each, what)) is not None]
    return Series(name, [voxels for voxels, _ in known], [factor * value for _, value in known])


def _voxels(numbers: Mapping[str, Any]) -> float:
    return float(math.prod(numbers["size_ijk"]))


def _size_axis(volumes: Sequence[Mapping[str, Any]]) -> Axis:
    return Axis(
        "voxels of the volume",
        [_voxels(each) for each in volumes],
        logarithmic=True,
        names=[sizes_text(each["size_ijk"]) for each in volumes],
    )


def _up(label: str, lines: Sequence[Series]) -> Axis:
    return Axis(label, ticks_up_to(max((value for line in lines for value in line.y), default=1.0)))
