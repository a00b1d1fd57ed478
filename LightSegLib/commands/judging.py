"""Models and baselines that are judged, by their names in the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from LightSegLib.errors import CapabilityError, LightSegError

if TYPE_CHECKING:
    from LightSegLib.evaluation.channel_session import ChannelSession
    from LightSegLib.evaluation.evaluate import SegmenterFactory
    from LightSegLib.models.registry import LoadedModel

RANDOM_WALKER = "random walker"
_ORIGIN = {RANDOM_WALKER: ("scikit-image", "without --random-walker")}
"""Baseline -> the package that brings it, and how to leave it out, where that is not as for the others."""


def model_folders(names: list[str], bundled: bool) -> dict[str, Path]:
    """Name in the table -> folder of each model to judge: the card's id, or what was given if that is taken.

    Raises:
        LightSegError: no model is named.
        ModelError: there is no such model.
    """
    from LightSegLib.models.registry import find_model, list_models

    wanted = [*names, *([card.id for card in list_models()] if bundled else [])]
    if not wanted:
        raise LightSegError(
            "No model is named", "The last name is the data set", "Name models before it, or give --all"
        )
    folders: dict[str, Path] = {}
    for given in wanted:
        folder, card = find_model(given)
        if folder not in folders.values():
            folders[given if card.id in folders else card.id] = folder
    return folders


def baselines(random_walker: bool = False) -> dict[str, SegmenterFactory]:
    """The baselines by name, if they can run here.

    Args:
        random_walker: also the random walker.

    Raises:
        CapabilityError: slicer-core, or scikit-image for the random walker, is not installed.
    """
    found, missing = baselines_here(random_walker)
    for name, error in missing.items():
        package, option = _ORIGIN.get(name, ("slicer-core", "with --no-baseline"))
        advice = f"Install it with `pip install {package}`, or leave the baseline out {option}"
        raise CapabilityError(error.what, error.why, advice) from error
    return found


def baselines_here(
    random_walker: bool,
) -> tuple[dict[str, SegmenterFactory], dict[str, CapabilityError]]:
    """The baselines that can run here, and why the others cannot, by name."""
    from LightSegLib.evaluation import grow_from_seeds
    from LightSegLib.evaluation.random_walker import RandomWalker

    found: dict[str, SegmenterFactory] = dict(grow_from_seeds.baselines())
    if random_walker:
        found[RANDOM_WALKER] = RandomWalker
    missing: dict[str, CapabilityError] = {}
    for name, make in found.items():
        try:
            make()
        except CapabilityError as error:
            missing[name] = error
    return {name: make for name, make in found.items() if name not in missing}, missing


def load_models(folders: dict[str, Path], device: str) -> dict[str, LoadedModel]:
    """The models of some folders, warmed up, by the same names.

    Raises:
        ModelError, DeviceError, OutOfMemoryError: see `load_model`.
    """
    from LightSegLib.commands.loading import ready_model

    return {name: ready_model(str(folder), device)[0] for name, folder in folders.items()}


def session_of(model: LoadedModel) -> Callable[[], ChannelSession]:
    """What makes a session with a model, on images of however many channels."""
    from LightSegLib.evaluation.channel_session import ChannelSession

    return lambda: ChannelSession(model)
