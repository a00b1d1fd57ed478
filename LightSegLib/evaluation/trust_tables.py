"""What was found about trust, as tables for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from LightSegLib.evaluation.locality import FAR_CLICKS
from LightSegLib.evaluation.markdown import markdown_table
from LightSegLib.evaluation.results import TARGET_DICE

if TYPE_CHECKING:
    from LightSegLib.evaluation.trust_results import TrustResults

_MEAN = "mean over sources"


def render_calibration(judged: Mapping[str, TrustResults]) -> str:
    """Expected against true Dice: a row per source and model, then per model over all sources."""
    rows = [["source", "model", "clicks", "expected Dice", "true Dice", "calibration error", "gap"]]
    for source, model, results in _rows(judged):
        found = results.calibration(source)
        if found is not None:
            numbers = (found.expected, found.dice, found.error, found.gap)
            cells = [f"{value:.3f}" for value in numbers]
            rows.append([source or "all sources", model, str(found.clicks), *cells])
    return markdown_table(rows, names=2)


def render_suggestions(judged: Mapping[str, TrustResults]) -> str:
    """How often suggestions are right, beside chance."""
    rows = [["source", "model", "asked", "none", "right", "chance in the box", "chance on the border"]]
    for source, model, results in _rows(judged):
        found = results.suggestions(source)
        if found is not None:
            shares = (found.none, found.hits, found.box_chance, found.border_chance)
            rows.append([source or _MEAN, model, str(found.asked), *map(_percent, shares)])
    return markdown_table(rows, names=2)


def render_needed(judged: Mapping[str, TrustResults]) -> str:
    """Clicks to 0.85 by who clicks."""
    rows = [["source", "model", "objects", "following suggestions", "at random", "in the largest error"]]
    for source, model, results in _rows(judged):
        found = results.needed(source)
        if found is not None:
            numbers = (found.suggested, found.random, found.simulated)
            count = len(results.open_objects(source))
            rows.append([source or _MEAN, model, str(count), *(f"{value:.1f}" for value in numbers)])
    return markdown_table(rows, names=2)


def render_trust(judged: Mapping[str, TrustResults]) -> str:
    """All three tables with the sentences that a reader needs.

    Args:
        judged: name of the model to what was found, at least one.
    """
    clicks = next(iter(judged.values())).clicks
    parts = [
        "Confidence: the Dice that the model expects after each click of the simulated user, and the true "
        "one. Calibration error: mean distance of the two over ten bins of what is expected; gap: click by "
        "click.",
        render_calibration(judged),
        "Suggestions: how often the suggested voxel lies in the true error, and how often a random voxel "
        "would: of the tight box around mask and object, or along the mask's border.",
        render_suggestions(judged),
        f"Clicks to a Dice of {TARGET_DICE}, of objects that the first click does not bring there, when the "
        "next ones go where the session suggests, to random voxels of that box, or to the middle of the "
        f"largest error. An object that never gets there counts as {clicks + 1}.",
        render_needed(judged),
        *(_locality(model, results) for model, results in judged.items()),
    ]
    return "\n\n".join(parts)


def _locality(model: str, results: TrustResults) -> str:
    held, tried = results.unchanged()
    return (
        f"{model}: {held} of {tried} accepted segments were bit for bit the same after {FAR_CLICKS} clicks "
        "far away."
    )


def _rows(
    judged: Mapping[str, TrustResults],
) -> list[tuple[str | None, str, TrustResults]]:
    """Source (None: over all), model, results; as in the table of `lightseg evaluate`."""
    sources = dict.fromkeys(source for results in judged.values() for source in results.sources)
    return [
        (source, model, results)
        for source in (*sources, None)
        for model, results in judged.items()
        if source is None or source in results.sources
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
