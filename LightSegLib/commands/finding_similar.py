"""`lightseg segment --similar`: look-alikes of the last segment become segments too, and are told of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from LightSegLib.commands.console import progress, say
from LightSegLib.errors import SessionError

if TYPE_CHECKING:
    from LightSegLib.session import InteractiveSession
    from LightSegLib.similar.proposals import SimilarObject

MOST_LABELS = 255
"""Values that a mask file has."""


def add_similar(session: InteractiveSession, limit: int, quiet: bool) -> list[dict[str, Any]]:
    """Find what looks like the active segment, and add every object as a segment.

    Args:
        session: its active segment is the example.
        limit: how many to add at most.
        quiet: tell nothing; a line for each object otherwise.

    Returns:
        What each object is like, as JSON types, the most confident first.

    Raises:
        SessionError: nothing was segmented; more objects than a mask file can tell apart.
    """
    if limit + len(session.segments) > MOST_LABELS:
        raise SessionError(
            f"{limit} objects are too many", f"A mask file has {MOST_LABELS} values", "Ask for fewer"
        )
    with progress("Finding what looks alike") as report:
        found = session.find_similar(limit, report=report)
    told = []
    for one in found:
        session.add_similar(one)
        told.append(_described(one, session))
    if not quiet:
        say(f"{len(found)} found that look alike")
        for row in told:
            say(
                f"{row['label']:3} at {','.join(map(str, row['ijk']))}  {row['voxels']:9} voxels  "
                f"{row['ml']:9.2f} ml  similarity {row['similarity']:.2f}  confidence {row['confidence']:.2f}"
            )
    return told


def _described(one: SimilarObject, session: InteractiveSession) -> dict[str, Any]:
    """What the segment that was added last is like; the box is half open, (i, j, k)."""
    voxels = int(one.mask.sum())
    spacing_ijk = (1.0, 1.0, 1.0) if session.image is None else session.image.spacing_ijk
    return {
        "segment": session.active_segment,
        "label": len(session.segments),
        "ijk": list(one.place_ijk),
        "box": {"lower_ijk": list(one.box.lower), "upper_ijk": list(one.box.upper)},
        "voxels": voxels,
        "ml": voxels * math.prod(spacing_ijk) / 1000,
        "similarity": one.similarity,
        "shape": one.shape,
        "size_ratio": one.size_ratio,
        "expected_dice": one.expected_dice,
        "confidence": one.confidence,
    }
