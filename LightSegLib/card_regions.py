"""The region policy's settings as a model's card has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from LightSegLib.errors import ModelError
from LightSegLib.region_looks import RegionSettings
from LightSegLib.zoom import ZoomSettings

if TYPE_CHECKING:
    from LightSegLib.models.base import InteractiveModel

_Settings = TypeVar("_Settings", RegionSettings, ZoomSettings)


def region_settings(model: InteractiveModel) -> RegionSettings:
    """The settings that a model's card asks for; the usual ones where it says nothing.

    An entry that this version does not know belongs to a later one, and is passed over.

    Raises:
        ModelError: an entry is of the wrong kind.
    """
    return _settings(RegionSettings(), model.card.regions, model.card.id)


def _settings(usual: _Settings, entries: Mapping[str, Any], model_id: str) -> _Settings:
    changes: dict[str, Any] = {}
    for item in fields(usual):
        if item.name in entries:
            value, entry = getattr(usual, item.name), entries[item.name]
            if isinstance(value, ZoomSettings) and isinstance(entry, Mapping):
                changes[item.name] = _settings(value, entry, model_id)
            elif _is_like(entry, value):
                changes[item.name] = type(value)(entry)
            else:
                raise ModelError(
                    f"The card of {model_id} asks for {item.name} {entry!r}",
                    f"that setting of its regions is like {value!r}",
                    "Get the model's folder again, whole",
                )
    return replace(usual, **changes)


def _is_like(entry: object, value: object) -> bool:
    """Whether an entry can stand for a value: a switch for a switch, a whole number also for any number."""
    if isinstance(value, bool) or isinstance(entry, bool):
        return isinstance(value, bool) and isinstance(entry, bool)
    return isinstance(entry, int | float) if isinstance(value, float) else isinstance(entry, type(value))
