"""Whether PyTorch fits below Slicer's folder on Windows, where a path has at most 259 characters.

From 2.13 on, PyTorch's wheel carries the licences of its parts in a deep tree of folders. Slicer's Python
does not take part in Windows' long paths, so the registry's switch for them does not help.
"""

from __future__ import annotations

from LightSegUI.Machine import Machine
from LightSegUI.Translation import tr as _

LONGEST_FILE = 259
"""Characters of a file's path."""

LONGEST_FOLDER = 247
"""Characters of a folder's path: Windows keeps room for a short file name."""

FIRST_DEEP = "2.13"
"""The first PyTorch with the deep tree."""

DEEP_FILE, DEEP_FOLDER = 173, 162
"""The longest paths below site-packages in torch 2.13.0: files and folders, with "+cu130" in the version."""

FLAT_FILE = 130
"""The same before 2.13: header files, some 119 characters, and room for compiled Python files."""


def deepTorchFits(machine: Machine) -> bool:
    """Whether a PyTorch from 2.13 on can be installed."""
    root = len(machine.sitePackages) + 1
    return not machine.isWindows or (
        root + DEEP_FILE <= LONGEST_FILE and root + DEEP_FOLDER <= LONGEST_FOLDER
    )


def flatTorchFits(machine: Machine) -> bool:
    """Whether a PyTorch before 2.13 can be installed."""
    return not machine.isWindows or len(machine.sitePackages) + 1 + FLAT_FILE <= LONGEST_FILE


def describeLimit(machine: Machine) -> str:
    """For the user: why PyTorch is limited here, and what lifts the limit."""
    return _(
        "Slicer's folder is too long for PyTorch {version} and later: Windows allows {limit} characters in "
        "a path, and {folder} alone has {length}. LightSeg installs an earlier PyTorch, which works as "
        "well. For the newest one, install Slicer into a short folder, for example C:\\Slicer."
    ).format(
        version=FIRST_DEEP, limit=LONGEST_FILE, folder=machine.sitePackages, length=len(machine.sitePackages)
    )


def describeImpossible(machine: Machine) -> str:
    """For the user: that no PyTorch fits, and what to do."""
    return _(
        "Slicer's folder is too long for PyTorch: Windows allows {limit} characters in a path, and "
        "{folder} alone has {length}. Install Slicer into a short folder, for example C:\\Slicer, and try "
        "again."
    ).format(limit=LONGEST_FILE, folder=machine.sitePackages, length=len(machine.sitePackages))
