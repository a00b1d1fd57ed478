"""Prompts drawn as image channels: what a network sees of clicks, boxes, scribbles and the previous mask.

Early fusion: each prompt becomes part of an extra input channel, so any network becomes promptable by
widening its first convolution. A prompt is a small ball whose value falls linearly from one at its centre,
so that a strided stem still knows where inside its cell the click was.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

PREVIOUS, POSITIVE, NEGATIVE, BOX = range(4)
GUIDANCE_CHANNELS = 4
BALL_RADIUS = 4.0


def empty_guidance(shape_kji: tuple[int, int, int]) -> np.ndarray:
    """Zero guidance, float32 (GUIDANCE_CHANNELS, K, J, I): nothing has been said yet."""
    return np.zeros((GUIDANCE_CHANNELS, *shape_kji), dtype=np.float32)


def draw_balls(channel: np.ndarray, centres_kji: Iterable[np.ndarray], radius: float = BALL_RADIUS) -> None:
    """Draw balls into one guidance channel, in place; where balls overlap the larger value stays.

    Args:
        channel: float32 (K, J, I), values 0 to 1.
        centres_kji: continuous positions in samples of the region, array order; those whose ball misses the
            region are skipped.
        radius: where the profile reaches zero, in samples.
    """
    shape = np.array(channel.shape)
    for centre in centres_kji:
        lower = np.maximum(np.ceil(np.asarray(centre) - radius), 0).astype(int)
        upper = np.minimum(np.floor(np.asarray(centre) + radius) + 1, shape).astype(int)
        if np.any(lower >= upper):
            continue
        axes = [
            np.arange(a, b, dtype=np.float32) - np.float32(c)
            for a, b, c in zip(lower, upper, centre, strict=True)
        ]
        square = axes[0][:, None, None] ** 2 + axes[1][None, :, None] ** 2 + axes[2][None, None, :] ** 2
        view = channel[lower[0] : upper[0], lower[1] : upper[1], lower[2] : upper[2]]
        np.maximum(view, 1.0 - np.sqrt(square) / np.float32(radius), out=view)


def draw_box(channel: np.ndarray, lower_kji: np.ndarray, upper_kji: np.ndarray) -> None:
    """Fill the inside of a box in one guidance channel, in place; a box beyond the region draws nothing.

    Args:
        channel: float32 (K, J, I).
        lower_kji: first sample inside, continuous, array order.
        upper_kji: last sample inside, continuous, array order.
    """
    lower = np.maximum(np.round(lower_kji), 0).astype(int)
    upper = np.clip(np.round(upper_kji).astype(int) + 1, 0, channel.shape)  # below 0 would count from the end
    channel[lower[0] : upper[0], lower[1] : upper[1], lower[2] : upper[2]] = 1.0
