"""What a run of `lightseg benchmark` measures, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

PARTS = ("accuracy", "trust", "speed", "scaling", "peers")
ON_DATA = ("accuracy", "trust")
"""Parts that need labelled volumes; the others need a checkout, whose scripts they run."""
SMALLEST, LARGEST = (128, 128, 128), (512, 512, 1000)
A_CT = (512, 512, 300)

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        models: ids or folders of the models; the first one's speed is measured.
        quick: a look whether all works: few clicks and small volumes. Its numbers are not to be quoted.
        split: of the data set, for accuracy and trust.
        cases_per_source: at most so many; None takes all.
        clicks: per object, for accuracy and trust.
        size: voxels (IJK) of the synthetic volume for speed and peers.
        speed_clicks: clicks on it.
        sizes: voxels (IJK) of the volumes for scaling, rising.
        scaling_clicks: clicks on each of them.
        many_clicks: clicks on one structure, one after the other, on the volume of `size`.
        many_structures: how many structures get so many clicks.
    """

    models: tuple[str, ...]
    quick: bool = False
    split: str = "val"
    cases_per_source: int | None = None
    clicks: int = 10
    size: Size = A_CT
    speed_clicks: int = 40
    sizes: tuple[Size, ...] = (SMALLEST, (256, 256, 256), A_CT, LARGEST)
    scaling_clicks: int = 20
    many_clicks: int = 20
    many_structures: int = 3

    def settings(self, part: str) -> dict[str, Any]:
        """All that a part's numbers depend on, as JSON types: equal settings, same measurement."""
        names = {
            "accuracy": ("split", "cases_per_source", "clicks"),
            "trust": ("split", "cases_per_source", "clicks"),
            "speed": ("size", "speed_clicks"),
            "scaling": ("size", "sizes", "scaling_clicks", "many_clicks", "many_structures"),
            "peers": ("size", "speed_clicks"),
        }[part]
        models = self.models if part in ON_DATA else self.models[:1]
        return {"models": list(models), **_lists({name: asdict(self)[name] for name in names})}


def quick_plan(models: Sequence[str]) -> Plan:
    """A few minutes: only the first model, one case per source."""
    return replace(
        Plan(tuple(models[:1])),
        quick=True,
        cases_per_source=1,
        clicks=3,
        size=SMALLEST,
        speed_clicks=4,
        sizes=((64, 64, 64), SMALLEST),
        scaling_clicks=4,
        many_clicks=6,
        many_structures=1,
    )


def _lists(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _listed(value) for name, value in values.items()}


def _listed(value: Any) -> Any:
    return [_listed(each) for each in value] if isinstance(value, (tuple, list)) else value
