"""What LightSeg finds on this machine. Works whatever is missing: that is what it is for."""

from __future__ import annotations

import importlib
import platform
import sys
from importlib import metadata
from typing import Any

import LightSegLib

REQUIRED = ("numpy", "scipy", "SimpleITK", "torch", "safetensors", "pillow", "rich", "psutil")
OPTIONAL = ("monai", "slicer-core", "transformers")
"""Distributions by name; what the optional ones are for: training, the baseline, text."""


def describe_environment() -> dict[str, Any]:
    """Versions, processor, memory and devices, as JSON types; None for what is missing or unknown."""
    problems = [f"{name} is not installed" for name in REQUIRED if _version(name) is None]
    facts: dict[str, Any] = {
        "lightseg": LightSegLib.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in (*REQUIRED, *OPTIONAL)},
        "processor": None,
        "cores": None,
        "threads": None,
        "memory_bytes": None,
        "memory_free_bytes": None,
        "devices": {},
    }
    for name, look in (("torch", _computing), ("psutil", _memory)):
        if _version(name) is not None:
            try:
                facts.update(look())
            except (ImportError, OSError, RuntimeError) as error:  # installed, but broken
                problems.append(f"{name} does not work: {error}")
    return {**facts, "problems": problems}


def environment_lines(facts: dict[str, Any]) -> list[str]:
    """The same for people."""
    packages = [f"{name} {version or 'missing'}" for name, version in facts["packages"].items()]
    lines = [
        f"LightSeg    {facts['lightseg']}",
        f"Python      {facts['python']} ({sys.executable})",
        f"System      {facts['system']}",
        f"Processor   {facts['processor'] or 'unknown'}",
    ]
    if facts["cores"] is not None:
        lines.append(f"Cores       {facts['cores']}, {facts['threads']} used")
    if facts["memory_bytes"] is not None:
        free, total = (facts[name] / 2**30 for name in ("memory_free_bytes", "memory_bytes"))
        lines.append(f"Memory      {free:.1f} GiB free of {total:.1f} GiB")
    half = len(REQUIRED)
    lines.append(f"Packages    {', '.join(packages[:half])}")
    lines.append(f"Optional    {', '.join(packages[half:])}")
    lines += [f"Device      {name}: {text}" for name, text in facts["devices"].items()]
    return lines


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        pass
    try:  # inside Slicer some packages come without their metadata
        module = importlib.import_module(distribution.replace("-core", ""))
    except ImportError:
        return None
    return str(getattr(module, "__version__", "present"))


def _computing() -> dict[str, Any]:
    from LightSegLib.runtime import devices

    return {
        "processor": devices.cpu_name(),
        "cores": devices.usable_cores(),
        "threads": devices.thread_count(),
        "devices": {name: devices.describe_device(name) for name in devices.available_devices()},
    }


def _memory() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    return {"memory_bytes": memory.total, "memory_free_bytes": memory.available}
