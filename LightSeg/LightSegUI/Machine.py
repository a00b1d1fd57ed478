"""What matters about this computer before anything is installed on it."""

from __future__ import annotations

import os
import platform
import shutil
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """A computer with a Slicer on it.

    Attributes:
        system: "Windows", "Darwin" or "Linux".
        processor: "x86_64", "AMD64", "arm64"... as Slicer's own Python runs, under Rosetta too.
        python: version of Slicer's Python.
        sitePackages: the folder that packages are installed into.
        canWrite: whether files can be made in that folder.
        hasNvidia: whether an NVIDIA driver is there.
        freeBytes: room on that folder's disk; None if unknown.
    """

    system: str
    processor: str
    python: str
    sitePackages: str
    canWrite: bool = True
    hasNvidia: bool = False
    freeBytes: int | None = None

    @classmethod
    def here(cls) -> Machine:
        """This computer."""
        folder = sysconfig.get_paths()["purelib"]
        return cls(
            system=platform.system(),
            processor=platform.machine(),
            python=platform.python_version(),
            sitePackages=folder,
            canWrite=_canWrite(folder),
            hasNvidia=_hasNvidia(platform.system()),
            freeBytes=_freeBytes(folder),
        )

    @property
    def isWindows(self) -> bool:
        """Whether paths have a limit."""
        return self.system == "Windows"

    @property
    def isIntelMac(self) -> bool:
        """Whether this is a Mac whose Slicer is built for Intel: PyTorch ends at 2.2 there."""
        return self.system == "Darwin" and self.processor in ("x86_64", "i386")

    @property
    def mayUseGpu(self) -> bool:
        """Whether a choice between processor and graphics card makes sense."""
        return self.hasNvidia and self.system in ("Windows", "Linux")


def _canWrite(folder: str) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _freeBytes(folder: str) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _hasNvidia(system: str) -> bool:
    """Looks for the driver, not for torch: it must be cheap and work before torch is there."""
    if system == "Linux":
        return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    if system == "Windows":
        root = os.environ.get("SYSTEMROOT", r"C:\Windows")
        return (Path(root) / "System32" / "nvcuda.dll").exists()
    return False
