"""How look-alikes are found and what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SimilarSettings:
    """How to look, and what to ask of an object. How well that works stands in docs/sessions.md.

    `apart`, `contrast` and `grey_weight` were chosen on maps of lumbar vertebrae, as the values with which
    most of them are among the highest peaks.

    Attributes:
        apart: distance of two places that are asked about, in radii of a ball of the example's volume.
        contrast: see `peaks.stand_out`.
        grey_weight: of the likeness in grey value, beside 1 for that in what the model sees.
        prominence: smallest height of a peak that is asked about, as a share of the example's own.
        tries: places that are asked about at most, for each object that may be proposed.
        most_tries: and at most in all.
        size_factor: an object has at most this many times the example's volume, and at least its inverse.
        shape: smallest Dice coefficient of both, laid over each other by their centres and not turned.
        expected_dice: smallest Dice coefficient that the model expects of a mask.
        confidence: smallest confidence of a proposal.
        overlap: largest share of a mask that may lie in segments that are there already.
        most_cells: of the coarse map; in a larger volume the look-alikes are looked for at a wider zoom.
    """

    apart: float = 1.2
    contrast: float = 2.0
    grey_weight: float = 0.5
    prominence: float = 0.4
    tries: int = 3
    most_tries: int = 60
    size_factor: float = 3.0
    shape: float = 0.3
    expected_dice: float = 0.4
    confidence: float = 0.6
    overlap: float = 0.3
    most_cells: int = 8_000_000
