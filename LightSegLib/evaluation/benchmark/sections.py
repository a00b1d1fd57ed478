"""The sections of the page, each made from one part's file alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from LightSegLib.evaluation.benchmark import pictures
from LightSegLib.evaluation.benchmark.parts import Part
from LightSegLib.evaluation.benchmark.timing import sizes_text, value_of
from LightSegLib.evaluation.markdown import markdown_table
from LightSegLib.evaluation.measurements import Measurement, budget_table
from LightSegLib.evaluation.results import EvaluationResults
from LightSegLib.evaluation.tables import render_notes, render_table
from LightSegLib.evaluation.trust_results import TrustResults
from LightSegLib.evaluation.trust_tables import render_trust

Pictures = Callable[[str, str], str]
"""Makes Markdown of a picture's file name and what it shows."""

_COLUMNS = {
    "click, median": ("click to mask, median", "s"),
    "95th percentile": ("click to mask, 95th percentile", "s"),
    "outside the network": ("share of a click outside the network", "%"),
    "set_image": ("set_image", "s"),
    "undo, slowest": ("undo, slowest", "ms"),
    "memory above the volume": ("process memory above the volume, peak", "GB"),
}
"""Column of the table of volumes -> measurement of click.py and its unit."""


def accuracy(part: Part, picture: Pictures) -> str:
    """Dice after clicks, of models and baselines."""
    results = EvaluationResults.from_dict(part.content["results"])
    parts = [
        "## Accuracy",
        "Every method meets the same simulated user, who clicks first in the middle of the object and then "
        "in the middle of the largest error of that method. What the columns mean, and why grow-from-seeds "
        "has two rows, stands in [evaluation.md](evaluation.md).",
        picture(pictures.ACCURACY, "mean Dice against the number of clicks, per method"),
        render_table(results),
        render_notes(results),
        *(f"Left out: {name}. {why}" for name, why in part.content["left_out"].items()),
    ]
    return "\n\n".join(parts)


def trust(part: Part, picture: Pictures) -> str:
    """Confidence, suggestions, accepted segments."""
    judged = {name: TrustResults.from_dict(content) for name, content in part.content["models"].items()}
    parts = [
        "## Trust",
        picture(pictures.RELIABILITY, "true Dice against the Dice that the model expects"),
        render_trust(judged),
    ]
    return "\n\n".join(parts)


def speed(part: Part, picture: Pictures) -> str:
    """Budgets."""
    content = part.content
    click = content["click"]
    writing = content["writing"] or {"measurements": []}
    rows = [_measurement(each) for each in (*click["measurements"], *writing["measurements"])]
    parts = [
        "## Speed and memory",
        f"`{click['model']}`, {len(click['clicks'])} clicks of the simulated user on a synthetic CT of "
        f"{sizes_text(click['size_ijk'])} voxels. The budgets are for two CPU cores with bfloat16.",
        budget_table(rows),
    ]
    if content["naming"]:
        # The script's first lines tell of the machine, as the page does already.
        parts += ["From a name to the mask:", content["naming"].partition("\n\n")[2].strip()]
    return "\n\n".join([*parts, *(f"Left out: {why}." for why in content["problems"].values())])


def scaling(part: Part, picture: Pictures) -> str:
    """Growing volumes, many clicks."""
    volumes = part.content["volumes"]
    many = part.content["clicks"]
    rows = [["volume", "million voxels", *_COLUMNS]]
    for each in volumes:
        cells = [Measurement(what, value_of(each, what), unit) for what, unit in _COLUMNS.values()]
        millions = f"{math.prod(each['size_ijk']) / 1e6:.1f}"
        rows.append([sizes_text(each["size_ijk"]), millions, *(cell.show(cell.value) for cell in cells)])
    parts = ["## Growing volumes, many clicks", markdown_table(rows, names=1)]
    if len(volumes) > 1:
        parts.append(picture(pictures.SIZES, "seconds against the size of the volume"))
        parts.append(picture(pictures.MEMORY, "memory against the size of the volume"))
    longest = max(click["number"] for click in many["clicks"])
    parts += [
        f"Up to {longest} clicks one after the other on one structure of a volume of "
        f"{sizes_text(many['size_ijk'])} voxels:",
        picture(pictures.CLICKS, "seconds against the number of clicks on the same structure"),
    ]
    return "\n\n".join(parts)


def peers(part: Part, picture: Pictures) -> str:
    """Other networks' forward pass beside our click."""
    click = part.content["click"]
    ours = value_of(click, "click to mask, median")
    faster = [each for each in click["measurements"] if each["unit"] == "times"]
    parts = [
        "## Other networks",
        "One forward pass of each network, with random weights and input, beside our whole click (finding "
        "the region, resampling, all looks of the network, writing the mask back) in the same process on the "
        f"same threads. Our median click in this run: {'-' if ours is None else f'{ours:.3f} s'}. Last "
        "column: how many of our clicks fit into their pass, float32 / bfloat16.",
        peers_table(click["peers"], ours),
        budget_table([_measurement(each) for each in faster]),
    ]
    return "\n\n".join(parts)


def peers_table(networks: Sequence[Mapping[str, Any]], click_seconds: float | None) -> str:
    """Markdown: a row per network.

    Args:
        networks: as click.py writes them.
        click_seconds: our median click, None if it was not measured.
    """
    rows = [["network", "input", "parameters", "float32", "bfloat16", "memory", "in our clicks", "note"]]
    for each in networks:
        times = [each["float32_seconds"], each["bfloat16_seconds"]]
        ratios = [f"{value / click_seconds:.1f}" for value in times if value is not None and click_seconds]
        rows.append(
            [
                each["title"],
                f"{each['channels']} x {each['cube']}³",
                f"{each['parameters'] / 1e6:.2f} M" if each["parameters"] else "-",
                *("-" if value is None else f"{value:.2f} s" for value in times),
                "-" if each["peak_bytes"] is None else f"{each['peak_bytes'] / 1e9:.1f} GB",
                " / ".join(ratios) or "-",
                each["problem"],
            ]
        )
    return markdown_table(rows)


def _measurement(numbers: Mapping[str, Any]) -> Measurement:
    return Measurement(**{name: value for name, value in numbers.items() if name != "within"})
