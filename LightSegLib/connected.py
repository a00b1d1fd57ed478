"""Keep what hangs together with the prompts, on the coarse grid of a region."""

from __future__ import annotations

import numpy as np

REACH = 2
_OFFSETS = np.argwhere(np.ones((2 * REACH + 1,) * 3)) - REACH
_AROUND = _OFFSETS[np.abs(_OFFSETS).sum(axis=1) <= REACH]
"""Steps (N, 3) to all samples at most `REACH` steps from one."""


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
    kept = _touched(components, count, seeds)
    if kept[1:].all() or not kept.any():
        return logits
    return _without(logits, mask & ~kept[components])


def keep_likeliest(logits: np.ndarray) -> np.ndarray:
    """Turn all parts of an answer but the likeliest into background: for a name, which means one structure.

    Args:
        logits: float32 (K, J, I); positive is inside.

    Returns:
        The logits, with dropped parts made negative; the part with the largest sum of probabilities is kept.
    """
    from scipy import ndimage

    components, count = ndimage.label(logits > 0)
    if count <= 1:
        return logits
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    likeliest = 1 + int(np.argmax(ndimage.sum_labels(probability, components, range(1, count + 1))))
    return _without(logits, (components > 0) & (components != likeliest))


def _without(logits: np.ndarray, dropped: np.ndarray) -> np.ndarray:
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
    touched = _touched(components, count, marks)
    if count == 1:
        return np.zeros_like(mask) if touched[1] else mask
    touched[0] = True
    found: np.ndarray = ~touched[components]
    return found


def _touched(components: np.ndarray, count: int, marks: np.ndarray) -> np.ndarray:
    """Which of the components 1 to `count` come within reach of a mark; of many marks, which they cover.

    Returns:
        Bool (count + 1,); the background, 0, is never touched.
    """
    touched = np.zeros(count + 1, dtype=bool)
    places = np.argwhere(marks)
    if len(places) < marks.size // 64:
        around = np.minimum(np.maximum(places[:, None] + _AROUND, 0), np.array(marks.shape) - 1)
        touched[components[tuple(around.reshape(-1, 3).T)]] = True
    else:
        touched[components[marks]] = True
    touched[0] = False
    return touched
