"""What a session asks of the part that segments, and how its proposal is made to fit image and clicks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from LightSegLib.errors import ModelError
from LightSegLib.geometry import IndexBox
from LightSegLib.prompts import Point, Prompt, PromptSet, Scribble

if TYPE_CHECKING:
    from LightSegLib.intensities import PreparedImage
    from LightSegLib.regions import Answer

CheckCancelled = Callable[[], None]


class Segmenter(Protocol):
    """Turns prompts into a proposal for one box of the mask: `regions.RegionSegmenter`, or a stand-in."""

    def segment(
        self,
        image: PreparedImage,
        prompts: PromptSet,
        current: np.ndarray,
        changed_by: Prompt,
        *,
        check_cancelled: CheckCancelled | None = None,
    ) -> Answer:
        """Propose the content of a box.

        Args:
            image: the image with its grey value range.
            prompts: all prompts of the segment, the new one last.
            current: bool (K, J, I) of the whole image, read-only: the mask so far.
            changed_by: the new prompt.
            check_cancelled: raises `Cancelled` when the work should stop.
        """
        ...


def settle(answer: Answer, prompts: PromptSet, current: np.ndarray) -> tuple[IndexBox, np.ndarray]:
    """Make an answer hold every click.

    Args:
        answer: what was proposed; not changed.
        prompts: all prompts of the segment, the new one last.
        current: bool (K, J, I) of the whole image, the mask so far, which holds all prompts but the new one.

    Returns:
        A box and its new content, bool (K, J, I). The box is the answer's, grown where the new prompt reaches
        beyond it.

    Raises:
        ModelError: the answer does not lie in the image, or its arrays do not fit its box.
    """
    inside = answer.box.clip(current.shape[::-1])
    shape = answer.box.shape_ijk[::-1]
    if inside != answer.box or answer.mask.shape != shape or answer.probability.shape != shape:
        raise ModelError(
            f"The model answered for the box {answer.box.lower} to {answer.box.upper}",
            f"Its arrays are {answer.mask.shape} and {answer.probability.shape}, the image {current.shape}",
            "Report this, naming the model",
        )
    box = answer.box.union(_reach(prompts.last))
    if box == answer.box:
        content = np.array(answer.mask, dtype=bool)
    else:
        content = np.array(current[box.slices], dtype=bool)
        content[answer.box.slices_in(box)] = answer.mask
    hold_clicks(content, box, prompts)
    return box, content


def settle_drawn(answer: Answer, prompts: PromptSet, current: np.ndarray) -> np.ndarray | None:
    """What `settle` makes of the mask as the model drew it; None where it was not snapped to the image."""
    if answer.drawn is None:
        return None
    return settle(replace(answer, mask=answer.drawn), prompts, current)[1]


def hold_clicks(content: np.ndarray, box: IndexBox, prompts: PromptSet) -> None:
    """Put every positive click and scribble in and every negative one out; changes `content`.

    Args:
        content: bool (K, J, I) of the box.
        box: where the content lies; clicks outside it are left alone.
        prompts: all prompts of the segment; where they contradict each other at a voxel the later one holds.
    """
    lower, upper = np.asarray(box.lower), np.asarray(box.upper)
    for voxels, inside in ((prompts.positive_voxels(), True), (prompts.negative_voxels(), False)):
        i, j, k = (voxels[np.all((voxels >= lower) & (voxels < upper), axis=1)] - lower).T
        content[k, j, i] = inside


def _reach(prompt: Prompt | None) -> IndexBox:
    """The box of the voxels a click or scribble names; empty for prompts that name none for certain."""
    if isinstance(prompt, Point):
        return _voxel(prompt.ijk)
    if isinstance(prompt, Scribble):
        low, high = np.min(prompt.points_ijk, axis=0).tolist(), np.max(prompt.points_ijk, axis=0).tolist()
        return _voxel(tuple(low)).union(_voxel(tuple(high)))
    return IndexBox((0, 0, 0), (0, 0, 0))


def _voxel(ijk: tuple[int, int, int]) -> IndexBox:
    return IndexBox(ijk, (ijk[0] + 1, ijk[1] + 1, ijk[2] + 1))
