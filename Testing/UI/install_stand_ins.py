"""Stand-ins for what an installation inside Slicer works with: Slicer, pip, the PyTorch extension."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from LightSegUI.Dependencies import ABSENT, Missing, dependencies
from LightSegUI.Installer import Installer
from LightSegUI.InstallMemory import InstallMemory
from LightSegUI.Machine import Machine
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.PyTorchExtension import READY
from LightSegUI.Settings import MemoryStore, Settings
from LightSegUI.Verification import Verified

LINUX = Machine("Linux", "x86_64", "3.12.10", "/opt/Slicer/lib/Python/lib/python3.12/site-packages")
INTEL_MAC = Machine("Darwin", "x86_64", "3.12.10", "/Applications/Slicer.app/Contents/lib/Python")
WINDOWS = Machine("Windows", "AMD64", "3.12.10", r"C:\Slicer\lib\Python\Lib\site-packages")
DEEP_WINDOWS = Machine(
    "Windows",
    "AMD64",
    "3.12.10",
    r"C:\Users\Ann Clinician\AppData\Local\slicer.org\3D Slicer 5.12.3\lib\Python\Lib\site-packages",
)
DEPENDENCIES = {item.name: item for item in dependencies()}


def lacking(*names: str, problem: str = ABSENT, found: str = "") -> list[Missing]:
    """These packages, missing."""
    return [Missing(DEPENDENCIES[name], problem, found) for name in names]


def memory() -> Settings:
    """Settings that nobody else sees."""
    return Settings(MemoryStore())


class SlicerUtil(SimpleNamespace):
    """The functions of slicer.util that start commands and follow them, as Slicer 5.10 has them."""

    def __init__(self, script: str = "pass") -> None:
        super().__init__()
        self.script = script
        self.asked: list[list[str]] = []
        self.logProcessOutput = self._mustNotBeUsed

    def pip_install(self, arguments: Any) -> None:
        self.asked.append(arguments if isinstance(arguments, list) else arguments.split())
        self.logProcessOutput(self.launchConsoleProcess([sys.executable, "-c", self.script]))

    def executePythonModule(self, module: str, arguments: list[str]) -> None:
        self.asked.append([module, *arguments])
        self.logProcessOutput(
            self.launchConsoleProcess([sys.executable, "-c", self.script]), logCallback=None
        )

    @staticmethod
    def launchConsoleProcess(arguments: list[str], useStartupEnvironment: bool = True) -> subprocess.Popen:
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def _mustNotBeUsed(process: Any, logCallback: Any = None) -> None:
        raise AssertionError("a command was started that nobody watches")


class Packages:
    """What is installed: knows what is missing, and installs by name."""

    def __init__(self, missing: Sequence[Missing] = ()) -> None:
        self.missing = list(missing)
        self.done: list[str] = []
        self.options: list[tuple[str, ...]] = []
        self.kept: list[tuple[str, ...]] = []

    def look(self) -> list[Missing]:
        return list(self.missing)

    def supply(self, name: str) -> None:
        self.done.append(name)
        self.missing = [item for item in self.missing if item.name != name.split(">")[0].split("<")[0]]

    def install(
        self,
        requirements: Sequence[str],
        watch: ProcessWatch,
        options: Sequence[str] = (),
        keep: Sequence[str] = (),
    ) -> None:
        self.options.append(tuple(options))
        self.kept.append(tuple(keep))
        for requirement in requirements:
            watch.say(f"Collecting {requirement}")
            self.supply(requirement)


class Extension:
    """The PyTorch extension."""

    def __init__(self, packages: Packages, state: str = READY) -> None:
        self.packages = packages
        self.now = state
        self.asked: list[dict[str, Any]] = []

    def state(self) -> str:
        return self.now

    def install(self, watch: ProcessWatch) -> None:
        self.packages.done.append("PyTorch extension")
        self.now = "restart"

    def installTorch(
        self, watch: ProcessWatch, requirement: str, cpuOnly: bool, removeFirst: bool = False
    ) -> None:
        self.asked.append({"requirement": requirement, "cpuOnly": cpuOnly, "removeFirst": removeFirst})
        self.packages.supply("torch")


def works(names: Sequence[str], watch: ProcessWatch) -> Verified:
    """A trial in which everything works."""
    return Verified(dict.fromkeys(names, "1.0"))


def makeInstaller(
    packages: Packages,
    extension: Extension | None = None,
    machine: Machine = LINUX,
    check: Callable[..., Verified] = works,
    settings: Settings | None = None,
) -> Installer:
    """An installer that works on stand-ins alone."""
    return Installer(
        InstallMemory(settings or memory()),
        packages,
        extension or Extension(packages),
        machine,
        packages.look,
        check,
    )
