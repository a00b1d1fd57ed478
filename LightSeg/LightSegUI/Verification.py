"""Whether the installed packages really work: they are imported in a fresh process of Slicer's Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from LightSegUI.CheckImports import MARK
from LightSegUI.InstallError import InstallError
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.Translation import tr as _

SCRIPT = Path(__file__).with_name("CheckImports.py")


@dataclass(frozen=True)
class Verified:
    """What came of importing.

    Attributes:
        versions: of each package that works.
        errors: of each that does not, Python's own words.
    """

    versions: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For the log and the user: package and version."""
        return [f"{name} {version}" for name, version in self.versions.items()] + [
            f"{name}: {error}" for name, error in self.errors.items()
        ]


def verify(
    names: Sequence[str],
    watch: ProcessWatch,
    launch: Callable[[list[str]], subprocess.Popen] | None = None,
) -> Verified:
    """Import packages in a process of their own.

    Args:
        names: what to import.
        watch: gets what the process writes.
        launch: starts a command; by default through Slicer.

    Raises:
        InstallError: the process broke down before it could answer.
        InstallStopped: the user stopped it.
    """
    process = (launch or launchThroughSlicer)([pythonExecutable(), str(SCRIPT), *names])
    quiet = ProcessWatch(
        onLine=lambda line: None if line.startswith(MARK) else watch.say(line),
        pump=watch.pump,
        isStopped=watch.isStopped,
    )
    try:
        quiet.follow(process)
    except subprocess.CalledProcessError as error:
        raise InstallError(
            _("The installed packages could not be tried"),
            _("Slicer's Python ended with code {code}. {output}").format(
                code=error.returncode, output=error.output or ""
            ),
            _("Restart Slicer and press Install again"),
        ) from error
    for line in reversed(quiet.text.splitlines()):
        if line.startswith(MARK):
            answers = json.loads(line[len(MARK) :])
            return Verified(
                {name: answer["version"] for name, answer in answers.items() if "version" in answer},
                {name: answer["error"] for name, answer in answers.items() if "error" in answer},
            )
    raise InstallError(
        _("The installed packages could not be tried"),
        _("Slicer's Python gave no answer"),
        _("Restart Slicer and press Install again"),
    )


def pythonExecutable() -> str:
    """Slicer's Python: PythonSlicer, which Slicer puts onto the path; outside Slicer, this Python."""
    return shutil.which("PythonSlicer") or sys.executable


def launchThroughSlicer(arguments: list[str]) -> subprocess.Popen:
    """Start a command in Slicer's own environment, as Slicer starts pip; no console window on Windows."""
    import slicer.util

    if hasattr(slicer.util, "launchConsoleProcess"):
        process: Any = slicer.util.launchConsoleProcess(arguments, useStartupEnvironment=False)
        return process
    return subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
