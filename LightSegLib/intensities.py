"""What the grey values of an image mean to a network: one robust range per channel, found once per image.

CT, MR and ultrasound share one rule, so no modality flag is needed: clip to robust percentiles and scale to
[-1, 1]. The percentiles come from a strided subsample; the volume itself is never converted to float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from LightSegLib.sampling import sample_grid

if TYPE_CHECKING:
    from LightSegLib.geometry import Volume
    from LightSegLib.sampling import SamplingGrid

LOW_PERCENTILE = 0.5
HIGH_PERCENTILE = 99.5
MAX_SAMPLES = 200_000
# Beyond this share one single value (padding, a stripped skull) says nothing about the tissue: percentiles of
# the rest.
DOMINANT_SHARE = 0.9


@dataclass(frozen=True)
class PreparedImage:
    """An image with the grey value range the networks work in.

    Attributes:
        volume: the image, in its own data type.
        low: per channel, the grey value that becomes -1.
        high: per channel, the grey value that becomes +1; always above `low`.
        missing: channels that a model expects after those of the volume; they are -1 everywhere.
    """

    volume: Volume
    low: tuple[float, ...]
    high: tuple[float, ...]
    missing: int = 0

    @cached_property
    def telling_channel(self) -> int:
        """The first channel that is not one single value, 0 if there is none."""
        for channel in range(self.volume.channels):
            array = self.volume.channel(channel)
            if array.flat[0] != array[tuple(n // 2 for n in array.shape)] or np.ptp(subsample(array)) > 0:
                return channel
        return 0

    def sample(self, grid: SamplingGrid) -> np.ndarray:
        """What a network sees of a region: float32 (C, K, J, I), -1 to 1, missing channels included."""
        channels = range(self.volume.channels)
        crops = [self.normalise(sample_grid(self.volume.channel(c), grid), c) for c in channels]
        crops += [np.full(grid.shape_ijk[::-1], -1.0, np.float32)] * self.missing
        return np.stack(crops)

    def normalise(self, crop: np.ndarray, channel: int = 0) -> np.ndarray:
        """Scale grey values to what a network expects.

        Args:
            crop: grey values of one channel, any shape and real data type; not changed.
            channel: the channel the crop was taken from.

        Returns:
            float32 array of the same shape, clipped to [-1, 1].
        """
        low, high = self.low[channel], self.high[channel]
        # Differences before products: float32 keeps the contrast of large offsets only if the offset goes
        # first.
        scaled = crop.astype(np.float32)
        scaled -= np.float32(low)
        scaled *= np.float32(2.0 / (high - low))
        scaled -= np.float32(1.0)
        return np.clip(scaled, -1.0, 1.0, out=scaled)


def prepare(volume: Volume, channels: int | None = None) -> PreparedImage:
    """Check that the image can be segmented and find its grey value range.

    Args:
        volume: the image, one or several channels.
        channels: how many a model expects, at least as many; those of the volume if None.

    Returns:
        The image with `low` and `high` per channel.

    Raises:
        VolumeError: NaN or infinite values, or one single value everywhere.
    """
    volume.require_usable_intensities()
    ranges = [robust_range(volume.channel(index)) for index in range(volume.channels)]
    missing = 0 if channels is None else channels - volume.channels
    return PreparedImage(volume, tuple(low for low, _ in ranges), tuple(high for _, high in ranges), missing)


def robust_range(array: np.ndarray) -> tuple[float, float]:
    """Grey values below and above which hardly any voxel lies.

    The 0.5 and 99.5 percentiles of a subsample. Where one value fills more than 90 % of it, the percentiles
    are those of the other voxels, widened to include that value. Where the percentiles coincide, the extremes
    of the subsample, and where these do too, the extremes of the array. Only an array of one single value
    gets an arbitrary upper end.

    Args:
        array: (K, J, I), any real data type, all values finite.

    Returns:
        (low, high) with low < high.
    """
    sample = subsample(array).astype(np.float64)
    low, high = _percentiles(sample)
    # A value that fills more than half of the sample is its median: no need to count every value.
    common = float(np.median(sample))
    others = sample[sample != common]
    if 0 < others.size < (1.0 - DOMINANT_SHARE) * sample.size:
        other_low, other_high = _percentiles(others)
        low, high = min(common, other_low), max(common, other_high)
    if low == high:
        low, high = float(sample.min()), float(sample.max())
    if low == high:
        low, high = float(array.min()), float(array.max())
    # A channel without contrast beside others with some (a sequence that was not acquired): it becomes -1
    # everywhere.
    return low, high if high > low else low + max(1.0, abs(low))


def subsample(array: np.ndarray, limit: int = MAX_SAMPLES) -> np.ndarray:
    """Take every n-th voxel along each axis, at most `limit` voxels in all.

    Args:
        array: any number of axes.
        limit: largest number of voxels returned, at least 1.

    Returns:
        1D array of the chosen voxels, in the data type of the array; may be a view of a small array.
    """
    return array[tuple(slice(None, None, step) for step in strides(array.shape, limit))].reshape(-1)


def strides(shape: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """Find steps that leave at most `limit` samples of an array, thinning the longest axes first.

    Args:
        shape: lengths of the axes.
        limit: largest number of samples, at least 1.

    Returns:
        One step per axis, 1 or more.
    """
    steps = [1] * len(shape)
    counts = list(shape)
    while math.prod(counts) > limit:
        axis = counts.index(max(counts))
        steps[axis] += 1
        counts[axis] = -(-shape[axis] // steps[axis])
    return tuple(steps)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, (LOW_PERCENTILE, HIGH_PERCENTILE))
    return float(low), float(high)
