"""A session that takes as many channels of an image as its model knows: any models in one table."""

from __future__ import annotations

from LightSegLib.geometry import Volume
from LightSegLib.session import InteractiveSession


class ChannelSession(InteractiveSession):
    """An `InteractiveSession` to which further channels than its model's are nothing."""

    def set_image(self, volume: Volume) -> None:
        """Take the first channels of an image; see `InteractiveSession.set_image`."""
        known = self.model.capabilities.channels
        if volume.channels > known:
            volume = Volume(volume.array[:known], volume.ijk_to_ras)
        super().set_image(volume)
