"""A folder of wheels to install from where there is no internet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


class Wheelhouse:
    """What a folder holds.

    Args:
        folder: where the wheels lie; it need not exist.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()

    @property
    def exists(self) -> bool:
        """Whether there is such a folder."""
        return self.folder.is_dir()

    @property
    def wheels(self) -> list[str]:
        """File names of the wheels, sorted."""
        return sorted(path.name for path in self.folder.glob("*.whl")) if self.exists else []

    def lacks(self, names: Iterable[str]) -> list[str]:
        """Which of these packages have no wheel here.

        Only names are compared: whether a wheel suits this system, and whether what it needs in turn is here
        too, pip finds out and says.
        """
        there = {canonical(wheel.split("-")[0]) for wheel in self.wheels}
        return [name for name in names if canonical(name) not in there]

    def pipOptions(self) -> list[str]:
        """What tells pip to use this folder and nothing else."""
        return ["--no-index", "--find-links", str(self.folder)]


def canonical(name: str) -> str:
    """A package's name as pip compares it: SimpleITK is simpleitk, typing_extensions is typing-extensions."""
    return re.sub(r"[-_.]+", "-", name).lower()
