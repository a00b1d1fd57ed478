"""A model tried on this machine: how long loading and clicks take, and how much memory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING

from LightSegLib.errors import LightSegError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from LightSegLib.geometry import Volume
    from LightSegLib.session import InteractiveSession

VOLUME_EDGE = 256
"""Voxels along each axis of the image that is clicked on."""


@dataclass(frozen=True)
class Trial:
    """What came of it; the numbers are None where it failed.

    Attributes:
        model: the card's id.
        device: where it ran.
        error: why it failed, None if it did not.
        load_seconds: to read the weights and build the network.
        warm_up_seconds: to measure the fastest way to run it.
        plan: that way.
        set_image_seconds: to take the image.
        click_seconds: median from click to mask.
        clicks: how many were made.
        peak_bytes: memory above what the process had with the image before the model was loaded; on a GPU,
            the GPU's.
    """

    model: str
    device: str
    error: str | None = None
    load_seconds: float | None = None
    warm_up_seconds: float | None = None
    plan: str | None = None
    set_image_seconds: float | None = None
    click_seconds: float | None = None
    clicks: int = 0
    peak_bytes: int | None = None

    def describe(self) -> str:
        """One line for people."""
        name = f"{self.model} on {self.device}"
        if self.click_seconds is None or self.peak_bytes is None:
            return f"{name}: failed. {self.error}"
        return (
            f"{name}: click {self.click_seconds:.3f} s (median of {self.clicks}), "
            f"image {self.set_image_seconds:.2f} s, loading {self.load_seconds:.2f} s, "
            f"warm-up {self.warm_up_seconds:.2f} s, memory {self.peak_bytes / 2**20:.0f} MiB; {self.plan}"
        )


def try_model(model_id: str, device: str) -> Trial:
    """Load a model on a device ("auto" for the best one) and click a few times on a synthetic image."""
    from LightSegLib.runtime.devices import choose_device
    from LightSegLib.runtime.memory import measure_peak_bytes

    for needed in ("LightSegLib.models.network_model", "LightSegLib.regions"):
        import_module(needed)  # the memory of torch itself is no model's own

    volume, centres, radius = balls()
    try:
        device = str(choose_device(device))
        trial, peak = measure_peak_bytes(lambda: _run(model_id, device, volume, centres, radius), device)
    except (LightSegError, RuntimeError, OSError) as error:
        return Trial(model_id, device, error=str(error))
    return Trial(**{**vars(trial), "peak_bytes": peak})


def balls() -> tuple[Volume, NDArray[np.int64], int]:
    """An image with noise and four bright balls.

    Returns:
        The image of `VOLUME_EDGE` voxels of 1 mm along each axis, the balls' centres (4, 3), IJK, and their
        radius in voxels.
    """
    import numpy as np

    from LightSegLib.geometry import Volume

    edge = VOLUME_EDGE
    random = np.random.default_rng(0)
    image = random.integers(-60, 60, (edge, edge, edge), dtype=np.int16)
    radius = edge // 10
    centres = np.array([[1, 1, 1], [3, 1, 2], [1, 3, 3], [3, 3, 1]]) * edge // 4
    offset = np.arange(-radius, radius + 1)
    ball = (offset[:, None, None] ** 2 + offset[:, None] ** 2 + offset**2 <= radius**2).astype(np.int16)
    for i, j, k in centres:
        image[tuple(slice(c - radius, c + radius + 1) for c in (k, j, i))] += 150 * ball
    return Volume(image, np.eye(4)), centres, radius


def _run(model_id: str, device: str, volume: Volume, centres: NDArray[np.int64], radius: int) -> Trial:
    from LightSegLib.models.registry import load_model
    from LightSegLib.session import InteractiveSession

    model = load_model(model_id, device)
    began = time.perf_counter()
    plan = model.warm_up()
    warm_up_seconds = time.perf_counter() - began
    session = InteractiveSession(model)
    began = time.perf_counter()
    session.set_image(volume)
    set_image_seconds = time.perf_counter() - began
    seconds = _clicks(session, centres, radius)
    return Trial(
        model_id,
        model.device,
        None,
        model.load_seconds,
        warm_up_seconds,
        plan.describe(),
        set_image_seconds,
        median(seconds),
        len(seconds),
    )


def _clicks(session: InteractiveSession, centres: NDArray[np.int64], radius: int) -> list[float]:
    """On each ball a click into its middle and, as a correction, one just outside it: seconds of each."""
    seconds = []
    for number, centre in enumerate(centres.tolist(), start=1):
        if number > 1:
            session.add_segment()
        seconds.append(session.add_point(centre).seconds)
        beside = (centre[0], centre[1], centre[2] - radius - 2)
        seconds.append(session.add_point(beside, positive=False).seconds)
    return seconds
