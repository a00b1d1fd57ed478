"""Names of structures that are certain not to be in an image, drawn alike on every run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from LightSegLib.evaluation.dataset import CaseReference
    from LightSegLib.training.body_regions import BodyRegions

PER_CASE = 2
PER_SOURCE = 24
"""A source with few cases gets more names per case, so that all sources have about the same say."""

AbsentNames = dict[tuple[str, str], list[str]]
"""(source, case) -> structure ids."""


def draw_absent_names(
    references: Sequence[CaseReference],
    taught: Collection[str],
    regions: BodyRegions,
    excluded: Collection[tuple[str, str, str]] = (),
) -> AbsentNames:
    """Draw absent structures for each case, all structures about equally often.

    Args:
        references: the cases.
        taught: ids of the structures to draw from.
        regions: what cannot be in which image.
        excluded: (source, case, structure id) that are not to be drawn.

    Returns:
        At least two structures for each case, as many as bring its source to about 24, as far as that many
        are ruled out there; none for images of which nothing is known.
    """
    cases = Counter(reference.source for reference in references)
    drawn: AbsentNames = {}
    times: Counter[str] = Counter()
    for reference in references:
        source, case = reference.source, reference.case_id
        possible = [
            name
            for name in taught
            if regions.rule_out(name, source, case) and (source, case, name) not in excluded
        ]
        possible.sort(key=lambda name: (times[name], _lot(source, case, name)))
        drawn[source, case] = possible[: max(PER_CASE, -(-PER_SOURCE // cases[source]))]
        times.update(drawn[source, case])
    return drawn


def _lot(*words: str) -> str:
    """A number drawn by lot, always the same for the same words."""
    return hashlib.sha256("/".join(words).encode()).hexdigest()
