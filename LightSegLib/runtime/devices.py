"""Which device a network runs on, and on how many threads.

A GPU makes LightSeg faster, never possible: "auto" takes a CUDA device that really computes, else the CPU.
Apple's GPU is used only when asked for, because several 3D operations still fall back to the CPU there.
"""

from __future__ import annotations

import functools
import logging
import os
import platform
from pathlib import Path

import psutil
import torch

from LightSegLib.errors import DeviceError

_LOG = logging.getLogger(__name__)
_KINDS = ("cpu", "cuda", "mps")
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_devices() -> tuple[str, ...]:
    """Names of the devices that compute on this machine, fastest kind first, "cpu" always last.

    A GPU that the driver lists but on which a small sum fails (too old for this build of torch, say) is left
    out.
    """
    names = [f"cuda:{index}" for index in range(_cuda_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return (*(name for name in names if _computes(name)), "cpu")


def choose_device(name: str = "auto") -> torch.device:
    """Turn a user's choice into a device that is there.

    Args:
        name: "auto", "cpu", "cuda" (the first CUDA device), "cuda:N" or "mps"; case and blanks do not matter.

    Returns:
        The device; CUDA devices with their index.

    Raises:
        DeviceError: the name means nothing, or the device is not there; the message says which devices are.
    """
    wanted = name.strip().lower()
    present = available_devices()
    if wanted == "auto":
        return torch.device(next((found for found in present if found.startswith("cuda")), "cpu"))
    kind, _, index = wanted.partition(":")
    if kind not in _KINDS or (index and not index.isdecimal()):
        raise DeviceError(
            f"There is no device called {name!r}",
            "A device is auto, cpu, cuda, cuda:N or mps",
            f"This machine has {', '.join(present)}",
        )
    full_name = f"cuda:{int(index or 0)}" if kind == "cuda" else kind
    if full_name not in present:
        raise DeviceError(
            f"The device {name!r} is not available",
            f"This machine has {', '.join(present)}" + _why_no_cuda(kind),
            "Choose one of those, or auto",
        )
    return torch.device(full_name)


def describe_device(device: torch.device | str) -> str:
    """One line for reports: the name of the chip and its memory (CPU: cores and threads used)."""
    device = torch.device(device)
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if device.type == "mps":
        return f"Apple GPU ({platform.machine()})"
    memory = psutil.virtual_memory().total / 2**30
    return f"{cpu_name()}, {usable_cores()} cores, {thread_count()} used, {memory:.0f} GiB"


@functools.cache
def cpu_name() -> str:
    """The processor's name as the system gives it."""
    for line in _read_lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "CPU"


def usable_cores() -> int:
    """Physical cores this process may use, at least one: within its CPU affinity and container quota."""
    logical = os.cpu_count() or 1
    cores = psutil.cpu_count(logical=False) or logical
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, min(cores, _container_cores(logical)))


def thread_count() -> int:
    """Threads for network computation: all usable physical cores but one, at least one.

    The spare core keeps the user interface alive. OMP_NUM_THREADS overrides, as everywhere in torch.
    """
    forced = os.environ.get("OMP_NUM_THREADS", "")
    if forced.isdecimal() and int(forced) > 0:
        return int(forced)
    return max(1, usable_cores() - 1)


def set_thread_count(count: int | None = None) -> int:
    """Make torch compute on `count` threads (default: `thread_count()`) from now on; returns the number set.

    This holds for the whole process.
    """
    count = thread_count() if count is None else max(1, count)
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
    return count


def _cuda_count() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


@functools.cache
def _computes(name: str) -> bool:
    """Whether a tiny sum on the device succeeds; asked once per process."""
    try:
        return bool((torch.ones(2, device=name) + 1).sum().item() == 4)
    except (RuntimeError, AssertionError) as error:  # torch raises AssertionError for a build without CUDA
        _LOG.warning("The device %s is listed but does not compute, so it is not used: %s", name, error)
        return False


def _why_no_cuda(kind: str) -> str:
    if kind != "cuda" or torch.cuda.is_available():
        return ""
    if torch.version.cuda is None:
        return "; the installed torch is a CPU build"
    return "; torch finds no working NVIDIA driver"


def _container_cores(otherwise: int) -> int:
    """Whole cores that a Linux container's quota (cgroup v2) allows, at least one."""
    for line in _read_lines(_CGROUP_QUOTA):
        quota, _, period = line.partition(" ")
        if quota.isdecimal() and period.strip().isdecimal() and int(period) > 0:
            return max(1, int(quota) // int(period))
    return otherwise


def _read_lines(path: Path) -> list[str]:
    """Lines of a system file, none if this system has no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
