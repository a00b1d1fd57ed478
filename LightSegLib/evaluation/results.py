"""What an evaluation found: one record per object and method, and the summaries made of them.

Dice is averaged over the objects of a source first and over the sources then, so that a source with many
cases does not outvote the others. Seconds are pooled over all clicks.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHECKPOINTS = (1, 3, 5, 10)
TARGET_DICE = 0.85


@dataclass(frozen=True)
class ObjectResult:
    """How one method did on one object.

    Attributes:
        source: name of the source.
        case_id: name of the case.
        structure: name of the structure.
        label: its value in the label map.
        voxels: its size in voxels.
        method: name of the method.
        dice: Dice after 1, 2, ... clicks; when the user found nothing left to correct, the last value is
            repeated.
        click_seconds: wall-clock seconds from each click to the readable mask; one per click really made.
        set_image_seconds: seconds to hand over the image, once per case.
        hd95_mm: 95th percentile Hausdorff distance after the last click; None when not asked for or not
        trustworthy. surface_dice: surface Dice after the last click at the tolerance of the options; None
        likewise.
    """

    source: str
    case_id: str
    structure: str
    label: int
    voxels: int
    method: str
    dice: tuple[float, ...]
    click_seconds: tuple[float, ...]
    set_image_seconds: float
    hd95_mm: float | None = None
    surface_dice: float | None = None


@dataclass(frozen=True)
class Summary:
    """One row of a table: a method on a source, or on all sources.

    Attributes:
        method: name of the method.
        source: name of the source; None for the mean over sources.
        objects: number of objects judged.
        dice: mean Dice at each checkpoint (clicks made -> Dice).
        clicks_to_target: mean number of clicks to TARGET_DICE; an object that never got there counts as one
            more click than was allowed, so the mean is a lower bound when `failed` is not 0.
        failed: share of objects that never reached TARGET_DICE.
        seconds_median: median seconds per click.
        seconds_p95: 95th percentile of seconds per click.
        hd95_mm: median HD95 in mm after the last click (robust against the infinite one of an empty mask), or
        None. surface_dice: mean surface Dice after the last click, or None.
    """

    method: str
    source: str | None
    objects: int
    dice: dict[int, float]
    clicks_to_target: float
    failed: float
    seconds_median: float
    seconds_p95: float
    hd95_mm: float | None
    surface_dice: float | None


@dataclass(frozen=True)
class EvaluationResults:
    """All objects of a run, in the order in which they were judged."""

    clicks: int
    split: str
    objects: tuple[ObjectResult, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order in which they ran."""
        return tuple(dict.fromkeys(result.method for result in self.objects))

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, in the order in which they ran."""
        return tuple(dict.fromkeys(result.source for result in self.objects))

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Numbers of clicks at which Dice is reported."""
        return tuple(count for count in CHECKPOINTS if count <= self.clicks)

    def of_source(self, method: str, source: str) -> Summary:
        """Summarise one method on one source."""
        rows = [row for row in self.objects if row.method == method and row.source == source]
        seconds = [value for row in rows for value in row.click_seconds]
        needed = [clicks_to(row.dice, TARGET_DICE) for row in rows]
        hd95 = [row.hd95_mm for row in rows if row.hd95_mm is not None]
        surface = [row.surface_dice for row in rows if row.surface_dice is not None]
        return Summary(
            method=method,
            source=source,
            objects=len(rows),
            dice={count: _mean([row.dice[count - 1] for row in rows]) for count in self.checkpoints},
            clicks_to_target=_mean(needed),
            failed=_mean([float(count > self.clicks) for count in needed]),
            seconds_median=_percentile(seconds, 50),
            seconds_p95=_percentile(seconds, 95),
            hd95_mm=median_low(hd95) if hd95 else None,
            surface_dice=_mean(surface) if surface else None,
        )

    def over_sources(self, method: str) -> Summary:
        """Summarise one method over all sources: each weighs the same; seconds are pooled over all clicks."""
        parts = [self.of_source(method, source) for source in self.sources]
        rows = [row for row in self.objects if row.method == method]
        seconds = [value for row in rows for value in row.click_seconds]
        hd95 = [part.hd95_mm for part in parts if part.hd95_mm is not None]
        surface = [part.surface_dice for part in parts if part.surface_dice is not None]
        return Summary(
            method=method,
            source=None,
            objects=len(rows),
            dice={count: _mean([part.dice[count] for part in parts]) for count in self.checkpoints},
            clicks_to_target=_mean([part.clicks_to_target for part in parts]),
            failed=_mean([part.failed for part in parts]),
            seconds_median=_percentile(seconds, 50),
            seconds_p95=_percentile(seconds, 95),
            hd95_mm=_mean(hd95) if hd95 else None,
            surface_dice=_mean(surface) if surface else None,
        )

    def to_dict(self, objects: bool = True) -> dict[str, Any]:
        """Return plain dicts, lists, strings and finite numbers: what `json.dumps` takes.

        Args:
            objects: also list every object.
        """
        content: dict[str, Any] = {
            "protocol": {
                "split": self.split,
                "clicks": self.clicks,
                "checkpoints": list(self.checkpoints),
                "target_dice": TARGET_DICE,
                "seconds": "wall clock from the click to the readable mask",
            },
            "methods": {
                method: {
                    "sources": {
                        source: _summary_dict(self.of_source(method, source)) for source in self.sources
                    },
                    "mean_over_sources": _summary_dict(self.over_sources(method)),
                }
                for method in self.methods
            },
        }
        if objects:
            content["objects"] = [
                {key: _finite(value) for key, value in asdict(row).items()} for row in self.objects
            ]
        return content

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> EvaluationResults:
        """What `to_dict` wrote with its objects; an infinite distance there comes back as None."""
        objects = tuple(
            ObjectResult(
                **{**row, "dice": tuple(row["dice"]), "click_seconds": tuple(row["click_seconds"])},
            )
            for row in content["objects"]
        )
        return cls(content["protocol"]["clicks"], content["protocol"]["split"], objects)


def clicks_to(dice: Sequence[float], target: float = TARGET_DICE) -> int:
    """Return after how many clicks Dice first reached a target; one more than were made when it never did."""
    return next((count for count, value in enumerate(dice, start=1) if value >= target), len(dice) + 1)


def _summary_dict(summary: Summary) -> dict[str, Any]:
    content = {
        key: _finite(value) for key, value in asdict(summary).items() if key not in ("method", "source")
    }
    content["dice"] = {str(count): value for count, value in summary.dice.items()}
    return content


def _finite(value: Any) -> Any:
    """JSON knows neither infinity nor NaN: both become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return list(value) if isinstance(value, tuple) else value


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else math.nan
