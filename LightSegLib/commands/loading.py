"""Getting a model ready, with its progress on the console."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from LightSegLib.commands.console import progress

if TYPE_CHECKING:
    from LightSegLib.models.registry import LoadedModel


def ready_model(name: str | None, device: str) -> tuple[LoadedModel, float]:
    """Load a model and warm it up, so that the first click is as fast as the next.

    Args:
        name: a bundled model's name or a folder; None for the default model.
        device: as in `load_model`.

    Returns:
        The model, and the seconds that the warm-up took; `load_seconds` of the model are besides.

    Raises:
        ModelError, DeviceError, OutOfMemoryError: see `load_model`.
    """
    with progress("Loading the model") as report:
        from LightSegLib.models.registry import load_model

        model = load_model(name, device)
        report(None, "measuring the fastest way to run it")
        began = time.perf_counter()
        model.warm_up()
        return model, time.perf_counter() - began
