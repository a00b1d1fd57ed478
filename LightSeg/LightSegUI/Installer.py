"""Installation of what LightSeg needs inside Slicer: check, install, verify, and go on after a restart.

Nothing here shows a window; `InstallDialog` does. Nothing happens before `Installer.install` is called.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from LightSegUI import Dependencies, InstallPlan
from LightSegUI.Dependencies import BROKEN, Missing, dependencies, installedVersion
from LightSegUI.InstallError import InstallError
from LightSegUI.InstallMemory import InstallMemory
from LightSegUI.InstallPlan import Choice, Plan, Step, cpuOnly, makePlan
from LightSegUI.Machine import Machine
from LightSegUI.PipAdapter import PipAdapter
from LightSegUI.PipAdvice import adviceForImport
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.PyTorchExtension import RESTART, PyTorchExtension
from LightSegUI.Settings import Settings
from LightSegUI.Translation import tr as _
from LightSegUI.Verification import Verified, verify

_LOG = logging.getLogger(__name__)


def missing() -> list[Missing]:
    """The packages that clicking needs and that are not there; cheap, imports nothing."""
    return Dependencies.missing()


@dataclass(frozen=True)
class Outcome:
    """What an installation came to.

    Attributes:
        isComplete: whether everything is there and works.
        restart: why Slicer has to restart, "" if it need not.
        versions: package and version, one line each.
    """

    isComplete: bool
    restart: str = ""
    versions: tuple[str, ...] = ()


class Installer:
    """Installs what is missing, step by step.

    Args:
        memory: what is remembered over a restart.
        pip, extension: what does the work.
        machine: this computer.
        look: tells what is missing.
        check: imports packages in a process of their own.
    """

    missing = staticmethod(missing)

    def __init__(
        self,
        memory: InstallMemory,
        pip: PipAdapter,
        extension: PyTorchExtension,
        machine: Machine | None = None,
        look: Callable[[], list[Missing]] = missing,
        check: Callable[[Sequence[str], ProcessWatch], Verified] = verify,
    ) -> None:
        self.memory = memory
        self.machine = machine or Machine.here()
        self._pip = pip
        self._extension = extension
        self._look = look
        self._check = check
        self._failed: set[str] = set()

    @classmethod
    def forSlicer(cls) -> Installer:
        """With the running Slicer's settings, pip and extensions manager."""
        pip = PipAdapter()
        return cls(InstallMemory(Settings()), pip, PyTorchExtension(pip))

    def lacking(self) -> list[Missing]:
        """What is missing, and what is there but failed when it was last tried."""
        found = self._look()
        named = {item.name for item in found}
        return found + [
            Missing(dependency, BROKEN, installedVersion(dependency.name))
            for dependency in dependencies()
            if dependency.name in self._failed - named
        ]

    def plan(self, choice: Choice) -> Plan:
        """What would be done now; no effect."""
        return makePlan(self.lacking(), self.machine, choice, self._extension.state())

    def awaitsRestart(self) -> bool:
        """Whether the PyTorch extension is there but works only after a restart, and PyTorch is missing."""
        needed = any(item.name == Dependencies.TORCH for item in self.lacking())
        return needed and self._extension.state() == RESTART

    def install(
        self,
        choice: Choice,
        watch: ProcessWatch,
        onStep: Callable[[int, int, str], Any] = lambda number, count, title: None,
    ) -> Outcome:
        """Install what is missing and try it. The user has agreed to `plan(choice)`.

        Args:
            choice: what the user wants.
            watch: gets the output, and says whether the user wants it stopped.
            onStep: told of each step: its number from 1, how many there are, and its title.

        Raises:
            InstallError: it failed or cannot start; what, why, and the next step.
            InstallStopped: the user stopped it.
        """
        try:
            return self._install(choice, watch, onStep)
        except InstallError as error:
            watch.say(str(error))
            raise
        except Exception as error:
            _LOG.exception("The installation failed")
            watch.say(f"{type(error).__name__}: {error}")
            raise InstallError(
                _("The installation failed"),
                f"{type(error).__name__}: {error}",
                _("Restart Slicer and press Install again; if it fails again, press Copy log and report it"),
            ) from error

    def _install(
        self, choice: Choice, watch: ProcessWatch, onStep: Callable[[int, int, str], Any]
    ) -> Outcome:
        plan = self.plan(choice)
        if plan.problems:
            raise InstallError(plan.problems[0])
        before = {item.name: installedVersion(item.name) for item in dependencies()}
        loaded = {name for name in before if name in sys.modules}
        count = len(plan.steps) + 1
        for number, step in enumerate(plan.steps, 1):
            watch.checkStopped()
            onStep(number, count, step.title)
            watch.say(f"--- {number}/{count} {step.title}")
            self._take(step, choice, watch)
            if step.kind == InstallPlan.EXTENSION:
                self.memory.keep(choice)
                return Outcome(
                    False,
                    _("The PyTorch extension becomes active when Slicer restarts. LightSeg goes on then."),
                )
        onStep(count, count, _("Trying the packages"))
        versions = self._verify(watch)
        self.memory.forget()
        changed = sorted(name for name in loaded if installedVersion(name) != before[name])
        restart = _("Slicer still uses the earlier {names}: restart it.").format(names=", ".join(changed))
        return Outcome(True, restart if changed else "", versions)

    def _take(self, step: Step, choice: Choice, watch: ProcessWatch) -> None:
        if step.kind == InstallPlan.EXTENSION:
            self._extension.install(watch)
        elif step.kind == InstallPlan.TORCH_STEP:
            self._extension.installTorch(
                watch, step.requirements[0], cpuOnly(self.machine, choice), removeFirst=step.repair
            )
        else:
            keep = [item.name for item in dependencies() if item.bySlicer]
            wanted = " ".join(step.requirements)
            self._pip.install(
                step.requirements, watch, step.options, [name for name in keep if name not in wanted]
            )

    def _verify(self, watch: ProcessWatch) -> tuple[str, ...]:
        verified = self._check([item.name for item in dependencies()], watch)
        for line in verified.lines():
            watch.say(line)
        self._failed = set(verified.errors)
        still = self._look()
        if verified.errors:
            name, error = next(iter(verified.errors.items()))
            raise InstallError(
                _("{name} is installed but does not work").format(name=name),
                error,
                adviceForImport(error),
            )
        if still:
            raise InstallError(
                _("The installation is not complete"),
                still[0].describe(),
                _("Press Install again; if it stays so, press Copy log and report it"),
            )
        return tuple(verified.lines())
