"""Where the next click would help most, judged from the model's own doubt.

The idea: a voxel whose probability is near one half is one the model cannot decide, and so is a voxel where
the mask contradicts the model (a piece that was dropped because it hangs together with no click). Every
object has a thin shell of doubt along its whole border, which no click can remove; voxels deeper inside the
doubt than one voxel are therefore looked at first, in connected regions, and the shell only where nothing
else is left. In the region with the most doubt in all, the innermost voxel is the best place to click: it is
far from what is decided already, on either side.

The limits: this trusts the model to know what it does not know. Where it is confidently wrong nothing is
suggested, and a suggestion does not say whether the voxel belongs to the object: that is for the user to see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.geometry import IndexBox

if TYPE_CHECKING:
    from LightSegLib.geometry import IJK
    from LightSegLib.prompts import PromptSet

DOUBTFUL = (0.2, 0.8)
CLEARANCE_VOXELS = 2
_CONTRADICTION_WEIGHT = 0.5


def suggest(
    probability: np.ndarray,
    box: IndexBox,
    mask: np.ndarray,
    prompts: PromptSet,
    *,
    step_ijk: IJK = (1, 1, 1),
    spacing_ijk: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> IJK | None:
    """Find the voxel where a click would help most.

    Args:
        probability: (K, J, I) of the box, 0 to 1; or of every `step_ijk`-th voxel of it.
        box: where the model answered.
        mask: bool, the segment at the same voxels.
        prompts: what was said already; voxels within 2 of a click or scribble are not suggested.
        step_ijk: voxels of the image from one sample to the next.
        spacing_ijk: voxel size in mm.

    Returns:
        IJK of the image, or None if the model is sure everywhere.
    """
    weight = _doubt(np.asarray(probability, dtype=np.float32), mask)
    part = IndexBox.of_mask(weight)
    if part is None:
        return None
    weight = weight[part.slices]
    corner_ijk = _moved(box.lower, part.lower, step_ijk)
    allowed = _allowed(weight.shape, corner_ijk, step_ijk, prompts)
    sampling_kji = tuple(step * spacing for step, spacing in zip(step_ijk, spacing_ijk, strict=True))[::-1]
    voxel_kji = _innermost(weight, allowed, sampling_kji)
    if voxel_kji is None:
        return None
    return _moved(corner_ijk, voxel_kji[::-1], step_ijk)


def _moved(start: IJK, samples: IJK, step: IJK) -> IJK:
    return (start[0] + samples[0] * step[0], start[1] + samples[1] * step[1], start[2] + samples[2] * step[2])


def _doubt(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Doubt of every voxel: 1 at a probability of one half, falling to 0.4, and 0 beyond 0.2 and 0.8."""
    low, high = DOUBTFUL
    unsure = (probability >= low) & (probability <= high)
    weight = np.where(unsure, 1.0 - np.abs(2.0 * probability - 1.0), 0.0)
    contradicted = ~unsure & (mask != (probability > 0.5))
    weight[contradicted] = _CONTRADICTION_WEIGHT
    return np.asarray(weight, dtype=np.float32)


def _allowed(
    shape_kji: tuple[int, ...],
    corner_ijk: IJK,
    step_ijk: IJK,
    prompts: PromptSet,
) -> np.ndarray:
    """Bool (K, J, I): samples more than the clearance away from every click and scribble along some axis."""
    allowed = np.ones(shape_kji, dtype=bool)
    corner, step = np.asarray(corner_ijk), np.asarray(step_ijk)
    top = np.asarray(shape_kji[::-1])
    offsets = np.concatenate((prompts.positive_voxels(), prompts.negative_voxels())) - corner
    first = np.maximum(-((CLEARANCE_VOXELS - offsets) // step), 0)
    last = np.clip((offsets + CLEARANCE_VOXELS) // step + 1, 0, top)
    for (i0, j0, k0), (i1, j1, k1) in zip(first.tolist(), last.tolist(), strict=True):
        allowed[k0:k1, j0:j1, i0:i1] = False
    return allowed


def _innermost(weight: np.ndarray, allowed: np.ndarray, sampling_kji: tuple[float, ...]) -> IJK | None:
    """Index (K, J, I) of the best sample, or None if none is allowed."""
    from scipy.ndimage import distance_transform_edt, label

    # One sample of padding: what lies beyond the answer counts as decided, so no suggestion on its very edge.
    depth = distance_transform_edt(np.pad(weight > 0, 1), sampling=sampling_kji)[1:-1, 1:-1, 1:-1]
    core = depth > 1.5 * min(sampling_kji)
    regions = core if bool((core & allowed).any()) else weight > 0
    labels, count = label(regions)
    usable = np.where(regions & allowed, weight, 0.0)
    total = np.bincount(labels.reshape(-1), weights=usable.reshape(-1), minlength=count + 1)
    total[0] = 0.0
    best = int(np.argmax(total))
    if total[best] <= 0:
        return None
    score = np.where(labels == best, usable * depth, 0.0)
    k, j, i = np.unravel_index(int(np.argmax(score)), score.shape)
    return int(k), int(j), int(i)
