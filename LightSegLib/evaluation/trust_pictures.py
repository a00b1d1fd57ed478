"""Pictures of trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from LightSegLib.evaluation.chart_axes import Axis
from LightSegLib.evaluation.charts import Chart, Series

if TYPE_CHECKING:
    from LightSegLib.evaluation.trust_results import TrustResults

_TENTHS = [number / 10 for number in range(11)]


def reliability_chart(judged: Mapping[str, TrustResults]) -> Chart:
    """True Dice over the Dice that a model expects; on the dotted diagonal a model is right about itself.

    A dot is a bin of expected Dice, its area the share of clicks in it, each source weighing the same.

    Args:
        judged: name of the model to what was found.
    """
    lines = []
    for model, results in judged.items():
        found = results.calibration()
        if found is not None:
            lines.append(
                Series(
                    f"{model} (calibration error {found.error:.3f})",
                    [each.expected for each in found.bins],
                    [each.dice for each in found.bins],
                    [each.weight for each in found.bins],
                )
            )
    return Chart(
        "Is the confidence right?",
        Axis("Dice that the model expects", _TENTHS),
        Axis("true Dice", _TENTHS),
        lines,
        diagonal=True,
        legend="upper left",
    )
