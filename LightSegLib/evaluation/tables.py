"""Evaluation results as a table that reads well in a terminal and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LightSegLib.evaluation.markdown import markdown_table
from LightSegLib.evaluation.results import TARGET_DICE

if TYPE_CHECKING:
    from LightSegLib.evaluation.results import EvaluationResults, Summary


def render_table(results: EvaluationResults) -> str:
    """Return a Markdown table: one row per source and method, then the mean over sources per method."""
    distances = any(row.hd95_mm is not None for row in results.objects)
    rows = [_header(results, distances)]
    for source in results.sources:
        rows.extend(_row(results.of_source(method, source), distances) for method in results.methods)
    rows.extend(_row(results.over_sources(method), distances) for method in results.methods)
    return markdown_table(rows, names=2)


def render_notes(results: EvaluationResults) -> str:
    """Return the sentences that a reader of the table needs."""
    return (
        f"Split '{results.split}', a simulated user with at most {results.clicks} clicks per object. "
        "Dice: mean over the objects of a source, then over the sources. "
        f"Clicks to {TARGET_DICE}: an object that never gets there counts as {results.clicks + 1}. "
        "Seconds: from the click to the readable mask."
    )


def _header(results: EvaluationResults, distances: bool) -> list[str]:
    counts = [f"Dice @{count}" for count in results.checkpoints]
    columns = ["source", "method", "objects", *counts, f"clicks to {TARGET_DICE}", "never"]
    columns += ["s/click median", "s/click p95"]
    return columns + (["HD95 mm", "surface Dice"] if distances else [])


def _row(summary: Summary, distances: bool) -> list[str]:
    cells = [summary.source or "mean over sources", summary.method, str(summary.objects)]
    cells += [f"{value:.3f}" for value in summary.dice.values()]
    cells += [f"{summary.clicks_to_target:.1f}", f"{100 * summary.failed:.0f} %"]
    cells += [f"{summary.seconds_median:.3f}", f"{summary.seconds_p95:.3f}"]
    if distances:
        cells.append("-" if summary.hd95_mm is None else f"{summary.hd95_mm:.1f}")
        cells.append("-" if summary.surface_dice is None else f"{summary.surface_dice:.3f}")
    return cells
