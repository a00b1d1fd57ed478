"""Whether an image suits a model: how many channels it has, and whether they come in the model's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from LightSegLib.errors import CapabilityError
from LightSegLib.intensities import PreparedImage, prepare

if TYPE_CHECKING:
    from LightSegLib.geometry import Volume
    from LightSegLib.models.base import Capabilities

_TOLERATED = 0.02
"""Share of the range that may lie below zero in a channel without negative values: noise, ringing."""


def prepare_for(volume: Volume, capabilities: Capabilities) -> PreparedImage:
    """Check an image against what a model takes, and find its grey value range.

    Args:
        volume: the image; channels that it has fewer than the model takes count as not acquired.
        capabilities: of the model.

    Raises:
        VolumeError: NaN or infinite values, or one single value everywhere.
        CapabilityError: more channels than the model takes, or negative values in a channel that has none.
    """
    if volume.channels > capabilities.channels:
        raise CapabilityError(
            f"The image has {volume.channels} channels",
            f"The model takes {_channels(capabilities)}",
            "Choose channels, as in Volume(array[:1], ijk_to_ras), or load another model",
        )
    prepared = prepare(volume, capabilities.channels)
    for channel in capabilities.unsigned_channels:
        if channel >= volume.channels:
            continue
        low, high = prepared.low[channel], prepared.high[channel]
        if low < -_TOLERATED * (high - low):
            raise CapabilityError(
                f"Channel {channel + 1} of the image holds values down to {low:g}",
                f"The model takes {_channels(capabilities)}, and that one is never negative",
                "Give the images in this order",
            )
    return prepared


def _channels(capabilities: Capabilities) -> str:
    """What the model takes: "2 channels: CT or MR, then FDG PET"."""
    count = f"{capabilities.channels} channel" + "s" * (capabilities.channels > 1)
    names = ", then ".join(capabilities.channel_names)
    return f"{count}: {names}" if names else count
