"""Keep what hangs together with the prompts, on the coarse grid of a region."""

from __future__ import annotations

import numpy as np

REACH = 2


def keep_connected(logits: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Turn the parts of an answer that no seed touches into background.

    Args:
        logits: float32 (K, J, I); positive is inside.
        seeds: bool (K, J, I); a part is kept if it comes within two samples of one.

    Returns:
        The logits, with dropped parts made negative; unchanged where no part is near a seed, since an answer
        beside the click is better than none.
    """
    from scipy import ndimage

    mask = logits > 0
    components, count = ndimage.label(mask)
    if count <= 1 or not seeds.any():
        return logits
    kept = np.zeros(count + 1, dtype=bool)
    kept[np.unique(components[_near(seeds)])] = True
    kept[0] = False
    if not kept.any():
        return logits
    dropped = mask & ~kept[components]
    return np.where(dropped, -np.abs(logits), logits)


def unmarked_parts(mask: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Keep the parts of a mask that no mark touches.

    Args:
        mask: bool (K, J, I).
        marks: bool (K, J, I); a part is left out if it comes within two samples of one.

    Returns:
        Bool (K, J, I).
    """
    from scipy import ndimage

    components, count = ndimage.label(mask)
    if count == 0 or not marks.any():
        return mask
    unmarked = np.ones(count + 1, dtype=bool)
    unmarked[np.unique(components[_near(marks)])] = False
    unmarked[0] = False
    found: np.ndarray = unmarked[components]
    return found


def _near(seeds: np.ndarray) -> np.ndarray:
    """What lies within reach of seeds; of many seeds, only what they cover."""
    from scipy import ndimage

    if seeds.sum() >= seeds.size // 64:
        return seeds
    near: np.ndarray = ndimage.binary_dilation(seeds, iterations=REACH)
    return near
