"""Where in the body structures lie and what images may show: what a text may wrongly ask for.

Most sources label a few structures only, and the rest of their images is not background. A structure counts
as absent from an image only if it lies in none of the body regions that the image may show even in part.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

BODY_REGIONS_PATH = Path(__file__).with_name("body_regions.json")


class BodyRegions:
    """Body regions of structures and of images.

    Args:
        structures: structure id to every region in which any of it may lie.
        images: source, or "SOURCE/CASE", to every region of which its images may show anything.
        overlapping: pairs of structure ids that share tissue.
    """

    def __init__(
        self,
        structures: Mapping[str, Sequence[str]],
        images: Mapping[str, Sequence[str]],
        overlapping: Sequence[Sequence[str]] = (),
    ) -> None:
        self.structures = {name: frozenset(regions) for name, regions in structures.items()}
        self.images = {name: frozenset(regions) for name, regions in images.items()}
        self._overlapping = {frozenset(pair) for pair in overlapping}

    @classmethod
    def load(cls) -> BodyRegions:
        """The table of LightSeg's own training data."""
        content = json.loads(BODY_REGIONS_PATH.read_text(encoding="utf-8"))
        return cls(content["structures"], content["images"], content["overlapping"])

    def rule_out(self, structure: str, source: str, case: str) -> bool:
        """Whether a structure cannot be in an image, not even in part; False where either is not known."""
        shown = self.images.get(f"{source}/{case}", self.images.get(source))
        places = self.structures.get(structure)
        return bool(shown and places) and not (places or frozenset()) & (shown or frozenset())

    def overlap(self, one: str, other: str) -> bool:
        """Whether two structures share tissue, so that an image of one may show a part of the other."""
        return frozenset((one, other)) in self._overlapping
