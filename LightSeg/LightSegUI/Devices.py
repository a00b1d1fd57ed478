"""Where a model can compute, as choices for people, found without making anybody wait."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass

from LightSegLib.errors import DeviceError
from LightSegUI.Translation import tr as _

_NAME = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class DeviceChoice:
    """A device to choose.

    Attributes:
        name: what `InteractiveLogic.setDevice` takes: "auto", "cpu", "cuda:0", "mps".
        title: what people read.
        found: whether it was seen on this computer; "auto" and "cpu" always are.
    """

    name: str
    title: str
    found: bool = True


def checkedName(name: str) -> str:
    """The device's name, trimmed and in lower case.

    Raises:
        DeviceError: no device is ever called so.
    """
    wanted = str(name).strip().lower()
    if not _NAME.fullmatch(wanted):
        raise DeviceError(
            _("There is no device called {name}").format(name=repr(name)),
            _("A device is auto, cpu, cuda, cuda:N or mps"),
            _("Choose auto, which takes the fastest one that works"),
        )
    return wanted


def torchIsInstalled() -> bool:
    """Whether torch can be imported, as far as can be told without importing it."""
    if "torch" in sys.modules:
        return sys.modules["torch"] is not None
    return importlib.util.find_spec("torch") is not None


def lookForDevices() -> dict[str, str]:
    """Names and descriptions of what computes here. It imports torch, so it belongs on the worker's thread.

    Returns:
        Empty where torch is not installed.
    """
    if not torchIsInstalled():
        return {}
    from LightSegLib.runtime.devices import available_devices, describe_device

    return {name: describe_device(name) for name in available_devices()}


def choices(found: dict[str, str], chosen: str) -> list[DeviceChoice]:
    """What to offer: automatic first, then the fastest; what was chosen is offered also when it is not there.

    Args:
        found: what `lookForDevices` returned; empty before it looked.
        chosen: the present choice.
    """
    offered = [DeviceChoice("auto", _("Automatic: the fastest that works"))]
    for name, description in found.items():
        title = _("CPU: {description}") if name == "cpu" else _("GPU: {description}")
        offered.append(DeviceChoice(name, title.format(description=description)))
    names = {choice.name for choice in offered}
    if "cpu" not in names:
        offered.append(DeviceChoice("cpu", _("CPU")))
    if chosen not in names | {"cpu"} and not (chosen == "cuda" and "cuda:0" in names):
        title = _("{name} (not found on this computer)") if found else "{name}"
        offered.append(DeviceChoice(chosen, title.format(name=chosen), found=False))
    return offered
