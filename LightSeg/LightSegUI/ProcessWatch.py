"""Following a long command: its lines are shown as they come, the window stays alive, and it can be stopped.

Slicer starts pip itself (through `slicer.packaging`, `slicer.util.pip_install` or the PyTorch extension) and
follows it with `slicer.util.logProcessOutput`, which waits for the next line and lets the window freeze for
as long as a download takes. While a `ProcessWatch` is attached, it stands in for that one function.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from LightSegUI.InstallError import InstallStopped
from LightSegUI.Translation import tr as _

POLL_SECONDS = 0.03
"""How long the main thread waits for a line before it gives the window a turn."""

_RAW_PROGRESS = re.compile(r"Progress (\d+) of (\d+)$")
_ENVIRONMENT = {
    "PIP_NO_INPUT": "1",  # nobody could answer a question
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUNBUFFERED": "1",
}


class ProcessWatch:
    """Follows commands.

    Args:
        onLine: gets each line of output, without its end.
        onProgress: gets the fraction of the file that pip is downloading, 0 to 1.
        pump: gives the window a turn; called some thirty times a second.
        isStopped: whether the user wants the command ended.
    """

    def __init__(
        self,
        onLine: Callable[[str], Any] = lambda line: None,
        onProgress: Callable[[float], Any] = lambda fraction: None,
        pump: Callable[[], Any] = lambda: None,
        isStopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._onLine = onLine
        self._onProgress = onProgress
        self.pump = pump
        self.isStopped = isStopped
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        """Everything the commands wrote so far."""
        return "\n".join(self._lines)

    def say(self, line: str) -> None:
        """Add a line of one's own to the output."""
        self._lines.append(line)
        self._onLine(line)

    def checkStopped(self) -> None:
        """Raises InstallStopped if the user wants no more."""
        if self.isStopped():
            raise InstallStopped(
                _("The installation was stopped"),
                "",
                _("Press Install to go on; nothing is downloaded twice"),
            )

    def follow(self, process: subprocess.Popen, logCallback: Callable[[str], Any] | None = None) -> None:
        """Wait for a command; does what `slicer.util.logProcessOutput` does, and takes what it takes.

        Raises:
            subprocess.CalledProcessError: it failed; `output` is what it wrote.
            InstallStopped: the user stopped it.
        """
        news: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, news), daemon=True).start()
        first = len(self._lines)
        while True:
            try:
                line = news.get(timeout=POLL_SECONDS)  # lets go of the interpreter while it waits
            except queue.Empty:
                self.pump()
            else:
                if line is None:
                    break
                self._take(line, logCallback)
            if self.isStopped():
                endProcessTree(process)
                self.checkStopped()
        process.wait()
        self.pump()
        if process.returncode != 0:
            output = "\n".join(self._lines[first:])
            raise subprocess.CalledProcessError(process.returncode, process.args, output=output)

    @contextlib.contextmanager
    def attached(self, slicerUtil: ModuleType | Any, rawProgress: bool = False) -> Iterator[None]:
        """Follow what Slicer starts, as long as the context lasts.

        Args:
            slicerUtil: `slicer.util`.
            rawProgress: whether pip can tell its progress in numbers (24.1 and later).
        """
        environment = {**_ENVIRONMENT, **({"PIP_PROGRESS_BAR": "raw"} if rawProgress else {})}
        before = {name: os.environ.get(name) for name in environment}
        original = getattr(slicerUtil, "logProcessOutput", None)
        os.environ.update(environment)
        if original is not None:
            slicerUtil.logProcessOutput = self.follow
        try:
            yield
        finally:
            if original is not None:
                slicerUtil.logProcessOutput = original
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def _take(self, line: str, logCallback: Callable[[str], Any] | None) -> None:
        progress = _RAW_PROGRESS.match(line)
        if progress:
            done, total = (int(number) for number in progress.groups())
            self._onProgress(min(1.0, done / total) if total else 0.0)
            return
        self.say(line)
        if logCallback is not None:
            logCallback(line)


def endProcessTree(process: subprocess.Popen) -> None:
    """End a command and what it started: PythonSlicer is a launcher, Python itself is its child."""
    if sys.platform == "win32":
        tool = shutil.which("taskkill")
        if tool:
            subprocess.run([tool, "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        for child in _childrenOf(process.pid):
            with contextlib.suppress(OSError):
                os.kill(child, 15)
    with contextlib.suppress(OSError):
        process.terminate()


def _childrenOf(pid: int) -> list[int]:
    """Ids of the processes that a process started, and those that they started; POSIX."""
    tool = shutil.which("ps")
    if tool is None:
        return []
    listing = subprocess.run([tool, "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
    pairs = [tuple(map(int, line.split())) for line in listing.stdout.splitlines() if len(line.split()) == 2]
    found = [pid]
    for parent in found:
        found += [child for child, itsParent in pairs if itsParent == parent and child not in found]
    return found[1:]


def _read(stream: Any, news: queue.Queue[str | None]) -> None:
    """Runs in a thread of its own: lines from the command to the queue, None at the end."""
    while True:
        try:
            line = stream.readline()
        except UnicodeDecodeError:  # a line in the system's own code page: better lost than the rest
            continue
        except ValueError:  # closed meanwhile
            break
        if not line:
            break
        news.put(line.rstrip())
    news.put(None)
