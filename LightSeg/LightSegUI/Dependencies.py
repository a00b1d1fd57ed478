"""The Python packages that clicking needs inside Slicer, and which of them are missing.

Looking is cheap and has no effect: module specs and version numbers are read, nothing is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from LightSegUI.Translation import tr as _

REQUIREMENTS = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"
TORCH = "torch"
TORCH_MINIMUM = "2.2"
NUMPY_FOR_OLD_TORCH = "<2"
"""What numpy must be where torch is older than 2.3: those were built for numpy 1."""

ABSENT, BROKEN, OLD, NEW = "absent", "broken", "old", "new"
"""What can be wrong with a package: not there, only the remains of it there, too old, too new."""

_BY_SLICER = frozenset({"numpy", "scipy", "SimpleITK"})
_REQUIREMENT = re.compile(r"([\w.-]+)>=([\d.]+)")


@dataclass(frozen=True)
class Dependency:
    """A package that is needed.

    Attributes:
        name: what pip and `import` call it; the two agree for all that LightSeg needs.
        minimum: the lowest version that will do.
        bySlicer: whether Slicer brings it, so that it may be checked but not replaced.
    """

    name: str
    minimum: str
    bySlicer: bool = False

    @property
    def requirement(self) -> str:
        """As pip writes it."""
        return f"{self.name}>={self.minimum}"


@dataclass(frozen=True)
class Missing:
    """A package that is not there as it should be.

    Attributes:
        dependency: which.
        problem: ABSENT, BROKEN, OLD or NEW.
        found: the version that is installed, "" if none or unknown.
    """

    dependency: Dependency
    problem: str = ABSENT
    found: str = ""

    @property
    def name(self) -> str:
        """The package's name."""
        return self.dependency.name

    def describe(self) -> str:
        """One line for the user."""
        texts = {
            ABSENT: _("{name} {minimum} or later: not installed"),
            BROKEN: _("{name} {minimum} or later: a broken installation remains"),
            OLD: _("{name} {minimum} or later: only {found} is installed"),
            NEW: _("{name} below 2: {found} does not go with this PyTorch"),
        }
        return texts[self.problem].format(
            name=self.name, minimum=self.dependency.minimum, found=self.found or "?"
        )


def dependencies(requirements: Path = REQUIREMENTS) -> list[Dependency]:
    """Everything needed, PyTorch last."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    found = [match.groups() for line in lines if (match := _REQUIREMENT.match(line))]
    return [Dependency(name, minimum, name in _BY_SLICER) for name, minimum in found] + [
        Dependency(TORCH, TORCH_MINIMUM)
    ]


def missing(
    needed: Iterable[Dependency] | None = None,
    isThere: Callable[[str], bool | None] | None = None,
    versionOf: Callable[[str], str] | None = None,
) -> list[Missing]:
    """What is not there as it should be; empty if all is well.

    Args:
        needed: what to look for; by default everything that clicking needs.
        isThere: tells of a module's name whether it is there: True, False, or None for remains that cannot be
            imported. For tests.
        versionOf: tells a package's version, "" if unknown. For tests.
    """
    isThere = isThere or moduleIsThere
    versionOf = versionOf or installedVersion
    result = []
    for dependency in dependencies() if needed is None else needed:
        there = isThere(dependency.name)
        found = versionOf(dependency.name) if there is not False else ""
        if there is False:
            result.append(Missing(dependency))
        elif there is None:
            result.append(Missing(dependency, BROKEN, found))
        elif found and release(found) < release(dependency.minimum):
            result.append(Missing(dependency, OLD, found))
        elif dependency.name == "numpy" and release(found) >= (2,) and _torchIsOld(isThere, versionOf):
            result.append(Missing(dependency, NEW, found))
    return result


def moduleIsThere(name: str) -> bool | None:
    """Whether a top-level module can be imported, without importing it; None if only a folder is left of it.

    A failed or interrupted installation may leave a folder without `__init__.py`, which Python would import
    as an empty namespace.
    """
    importlib.invalidate_caches()  # pip may have run in another process since the last look
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # ValueError: a module without a spec was put into sys.modules
        return None
    if spec is None:
        return False
    return True if spec.origin is not None else None


def installedVersion(name: str) -> str:
    """The version that the package's metadata states, "" without metadata."""
    try:
        return metadata.version(name) or ""
    except (metadata.PackageNotFoundError, OSError, KeyError):
        return ""


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare by: "2.13.0+cpu" is (2, 13, 0); () if there are none."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def _torchIsOld(isThere: Callable[[str], bool | None], versionOf: Callable[[str], str]) -> bool:
    if not isThere(TORCH):
        return False
    torch = release(versionOf(TORCH))
    return bool(torch) and torch < (2, 3)
