"""What was found about trust: one record per object, and the summaries made of them.

As in `results`, numbers are means over the objects or clicks of a source first and over the sources then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from LightSegLib.evaluation.calibration import Calibration, calibrate
from LightSegLib.evaluation.suggestion_quality import Suggestion


@dataclass(frozen=True)
class ClicksNeeded:
    """Clicks to a Dice of 0.85, one more than allowed if it was never reached.

    Attributes:
        simulated: by the user who sees the largest error and clicks in its middle.
        suggested: by a user who clicks where the session suggests.
        random: by a user who clicks anywhere in the box around mask and object.
    """

    simulated: float
    suggested: float
    random: float


@dataclass(frozen=True)
class ObjectTrust:
    """What one object said about a model.

    Attributes:
        source, case_id, structure: which object.
        expected: Dice that the model expected after each click really made.
        dice: the true Dice after each of them.
        suggestions: what was suggested after each click that left something wrong.
        needed: clicks to 0.85; all 1 if the first click got there.
        unchanged: whether the accepted segment outlived clicks elsewhere bit for bit; None if not tried.
    """

    source: str
    case_id: str
    structure: str
    expected: tuple[float, ...]
    dice: tuple[float, ...]
    suggestions: tuple[Suggestion, ...]
    needed: ClicksNeeded
    unchanged: bool | None


@dataclass(frozen=True)
class SuggestionSummary:
    """How often suggestions are right.

    Attributes:
        asked: how often something was wrong and a suggestion asked for.
        none: share of these without a suggestion.
        hits: share of the suggestions that lie in the true error; None without any.
        box_chance: what a random voxel of the box around mask and object would reach.
        border_chance: what a random voxel along the mask's border would reach; None without a mask.
    """

    asked: int
    none: float
    hits: float | None
    box_chance: float
    border_chance: float | None


@dataclass(frozen=True)
class TrustResults:
    """All objects of a run with one model, in the order in which they were judged."""

    clicks: int
    split: str
    objects: tuple[ObjectTrust, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, in the order in which they ran."""
        return tuple(dict.fromkeys(each.source for each in self.objects))

    def of(self, source: str | None) -> list[ObjectTrust]:
        """The objects of a source; all for None."""
        return [each for each in self.objects if source is None or each.source == source]

    def calibration(self, source: str | None = None) -> Calibration | None:
        """Expected against true Dice over all clicks of a source; None: of all sources, weighing alike."""
        groups = [
            [pair for each in self.of(name) for pair in zip(each.expected, each.dice, strict=True)]
            for name in (self.sources if source is None else (source,))
        ]
        return calibrate(groups)

    def suggestions(self, source: str | None = None) -> SuggestionSummary | None:
        """How often suggestions are right in a source; None: the mean over sources."""
        if source is None:
            parts = [part for name in self.sources if (part := self.suggestions(name)) is not None]
            return _mean_summary(parts) if parts else None
        asked = [suggestion for each in self.of(source) for suggestion in each.suggestions]
        if not asked:
            return None
        return SuggestionSummary(
            asked=len(asked),
            none=float(np.mean([each.hit is None for each in asked])),
            hits=_mean([each.hit for each in asked]),
            box_chance=float(np.mean([each.box_chance for each in asked])),
            border_chance=_mean([each.border_chance for each in asked]),
        )

    def open_objects(self, source: str | None = None) -> list[ObjectTrust]:
        """The objects that one click does not bring to 0.85: those on which a second click has a point."""
        return [each for each in self.of(source) if each.needed.simulated > 1]

    def needed(self, source: str | None = None) -> ClicksNeeded | None:
        """Mean clicks to 0.85 over the open objects of a source; None: the mean over sources.

        Returns:
            None without open objects.
        """
        if source is None:
            values = [part for name in self.sources if (part := self.needed(name)) is not None]
        else:
            values = [each.needed for each in self.open_objects(source)]
        if not values:
            return None
        rows = [(each.simulated, each.suggested, each.random) for each in values]
        return ClicksNeeded(*np.mean(rows, axis=0).tolist())

    def unchanged(self) -> tuple[int, int]:
        """How many accepted segments outlived clicks elsewhere, and how many there were."""
        tried = [each.unchanged for each in self.objects if each.unchanged is not None]
        return sum(tried), len(tried)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON types; `from_dict` reads it back, and ignores the summary."""
        return {
            "clicks": self.clicks,
            "split": self.split,
            "summary": {
                source or "mean_over_sources": self._summary(source) for source in (*self.sources, None)
            },
            "objects": [asdict(each) for each in self.objects],
        }

    def _summary(self, source: str | None) -> dict[str, Any]:
        parts = {
            "calibration": self.calibration(source),
            "suggestions": self.suggestions(source),
            "clicks_needed": self.needed(source),
        }
        return {name: None if part is None else asdict(part) for name, part in parts.items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> TrustResults:
        """What `to_dict` wrote."""
        objects = tuple(
            ObjectTrust(
                **{
                    **row,
                    "expected": tuple(row["expected"]),
                    "dice": tuple(row["dice"]),
                    "suggestions": tuple(Suggestion(**each) for each in row["suggestions"]),
                    "needed": ClicksNeeded(**row["needed"]),
                }
            )
            for row in content["objects"]
        )
        return cls(content["clicks"], content["split"], objects)


def _mean_summary(parts: Sequence[SuggestionSummary]) -> SuggestionSummary:
    return SuggestionSummary(
        asked=sum(part.asked for part in parts),
        none=float(np.mean([part.none for part in parts])),
        hits=_mean([part.hits for part in parts]),
        box_chance=float(np.mean([part.box_chance for part in parts])),
        border_chance=_mean([part.border_chance for part in parts]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean of those there are."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
