"""Does `suggest()` point at what is wrong, and does following it pay?

A suggestion is right when its voxel lies in the true error: where mask and object differ. Two kinds of chance
stand beside it. Both know more than a user does.

- In the box: a random voxel of the tight box around mask and object together, as if somebody had framed the
  object beforehand. All errors lie in that box.
- On the border: a random voxel next to the mask's border, on either side of it, where most errors lie. A
  suggestion that only knew where the mask ends would be right this often.

A user who follows suggestions clicks first in the middle of the object and then wherever the session
suggests; another one clicks on random voxels of the box instead. Both say truly whether the voxel belongs to
the object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from LightSegLib.evaluation.metrics import dice
from LightSegLib.evaluation.results import TARGET_DICE
from LightSegLib.geometry import IJK, IndexBox

if TYPE_CHECKING:
    from LightSegLib.evaluation.evaluate import Segmenter

BoolMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Suggestion:
    """What came of asking for a suggestion once.

    Attributes:
        hit: whether the voxel lies in the true error; None if nothing was suggested.
        box_chance: share of error voxels in the tight box around mask and object, 0 to 1.
        border_chance: share of error voxels along the mask's border; None if the mask is empty.
    """

    hit: bool | None
    box_chance: float
    border_chance: float | None


def judge_suggestion(voxel: IJK | None, mask: BoolMask, truth: BoolMask) -> Suggestion | None:
    """Compare a suggestion with the truth.

    Args:
        voxel: what was suggested (IJK), or None.
        mask: bool (K, J, I), the mask that it was suggested for.
        truth: bool (K, J, I), the object; at least one voxel.

    Returns:
        None if nothing is wrong with the mask, so that no suggestion could be right.
    """
    box = frame(mask, truth)
    error = mask[box.slices] ^ truth[box.slices]
    wrong = int(np.count_nonzero(error))
    if not wrong:
        return None
    hit = None if voxel is None else bool(mask[voxel[::-1]] != truth[voxel[::-1]])
    return Suggestion(hit, wrong / box.size, _border_chance(mask, truth))


def frame(mask: BoolMask, truth: BoolMask) -> IndexBox:
    """The tight box around a mask and an object, (K, J, I) both; the whole image if both are empty."""
    boxes = [box for box in (IndexBox.of_mask(mask), IndexBox.of_mask(truth)) if box is not None]
    if not boxes:
        return IndexBox.whole(truth.shape[::-1])
    return boxes[0].union(boxes[-1])


def _border_chance(mask: BoolMask, truth: BoolMask) -> float | None:
    from scipy.ndimage import binary_dilation, binary_erosion

    box = IndexBox.of_mask(mask)
    if box is None:
        return None
    around = box.expand(1).clip(mask.shape[::-1]).slices
    inside = mask[around]
    border = binary_dilation(inside) & ~binary_erosion(inside)
    return float(np.mean((inside ^ truth[around])[border]))


def random_voxels(truth: BoolMask, segmenter: Segmenter, random: np.random.Generator) -> Callable[[], IJK]:
    """A function that draws a voxel of the box around object and current mask, none twice in a row of draws.

    Args:
        truth: bool (K, J, I), the object.
        segmenter: whose mask it is.
        random: where the numbers come from.
    """
    taken: set[IJK] = set()

    def draw() -> IJK:
        box = frame(np.asarray(segmenter.mask), truth)
        for _ in range(10 * box.size):
            i, j, k = random.integers(box.lower, box.upper).tolist()
            if (i, j, k) not in taken:
                break
        taken.add((i, j, k))
        return i, j, k

    return draw


def clicks_needed(
    segmenter: Segmenter,
    truth: BoolMask,
    first: IJK,
    choose: Callable[[], IJK | None],
    clicks: int,
) -> int:
    """How many clicks it takes to a Dice of 0.85.

    Args:
        segmenter: has its image; it is reset first.
        truth: bool (K, J, I), the object, which says of every click whether it is positive.
        first: the first click (IJK).
        choose: each further click; None: no more.
        clicks: allowed clicks, at least 1.

    Returns:
        One more than allowed when the target was never reached.
    """
    segmenter.reset()
    voxel: IJK | None = first
    for count in range(1, clicks + 1):
        if voxel is None:
            break
        segmenter.add_point(voxel, positive=bool(truth[voxel[::-1]]))
        if dice(segmenter.mask, truth) >= TARGET_DICE:
            return count
        if count < clicks:
            voxel = choose()
    return clicks + 1
