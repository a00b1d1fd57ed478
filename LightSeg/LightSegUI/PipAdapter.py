"""pip inside Slicer: through `slicer.packaging` where there is one (5.12), else `slicer.util.pip_install`.

Whoever calls has asked the user before.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from LightSegUI.Dependencies import installedVersion, release
from LightSegUI.InstallError import InstallError
from LightSegUI.PipAdvice import adviceFor, reasonIn
from LightSegUI.ProcessWatch import ProcessWatch
from LightSegUI.Translation import tr as _

_LOG = logging.getLogger(__name__)


class PipAdapter:
    """Installs packages into Slicer's Python.

    Args:
        slicerUtil: `slicer.util`, or a stand-in with `pip_install` and `logProcessOutput`.
        packaging: `slicer.packaging`, None if this Slicer has none; looked up by default.
    """

    def __init__(self, slicerUtil: Any = None, packaging: Any = "look up") -> None:
        self._util = slicerUtil or importlib.import_module("slicer.util")
        self._packaging = slicerPackaging() if packaging == "look up" else packaging
        self._olderPip = self._util.pip_install

    def install(
        self,
        requirements: Sequence[str],
        watch: ProcessWatch,
        options: Sequence[str] = (),
        keep: Iterable[str] = (),
    ) -> None:
        """Install packages from wheels.

        Args:
            requirements: as pip writes them.
            watch: gets what pip writes.
            options: more of pip's options.
            keep: packages whose installed version must stay as it is.

        Raises:
            InstallError: pip failed; with its own words and the next step.
            InstallStopped: the user stopped it.
        """
        with tempfile.TemporaryDirectory(prefix="lightseg-") as folder:
            arguments = ["--only-binary=:all:", *options, *self._constraints(keep, folder), *requirements]
            watch.say("pip install " + " ".join(arguments))
            try:
                with self.watched(watch):
                    self.run(arguments)
            except CalledProcessError as error:
                raise pipFailed(requirements, watch.text, error) from error
            except (RuntimeError, OSError) as error:
                raise pipFailed(requirements, f"{watch.text}\n{error}", error) from error
        importlib.invalidate_caches()

    @contextlib.contextmanager
    def watched(self, watch: ProcessWatch) -> Iterator[None]:
        """While it lasts, `watch` follows every pip that Slicer or an extension starts, without windows."""
        with watch.attached(self._util, rawProgress=release(installedVersion("pip")) >= (24, 1)):
            original, self._util.pip_install = self._util.pip_install, self.run
            try:
                yield
            finally:
                self._util.pip_install = original

    def run(self, arguments: str | list[str], **_options: Any) -> None:
        """Let Slicer run `pip install`, without a window; takes what `slicer.util.pip_install` takes."""
        if self._packaging is None:
            self._olderPip(arguments)
            return
        try:
            self._packaging.pip_install(arguments, show_progress=False, requester="LightSeg")
        except AttributeError as error:
            if "QThread" not in str(error):
                raise
            # It asks Qt which thread it is on, by a class that not every Slicer's Python has.
            _LOG.warning("slicer.packaging cannot install here (%s): starting pip directly", error)
            listed = shlex.split(arguments) if isinstance(arguments, str) else arguments
            self._util.executePythonModule("pip", ["install", *listed])

    @staticmethod
    def _constraints(keep: Iterable[str], folder: str) -> list[str]:
        pins = [f"{name}=={version}" for name in keep if (version := installedVersion(name))]
        if not pins:
            return []
        file = Path(folder) / "constraints.txt"
        file.write_text("\n".join(pins) + "\n", encoding="utf-8")
        return ["--constraint", str(file)]


def slicerPackaging() -> Any | None:
    """`slicer.packaging`, None before Slicer 5.12."""
    try:
        return importlib.import_module("slicer.packaging")
    except ImportError:
        return None


def pipFailed(requirements: Sequence[str], log: str, error: Exception) -> InstallError:
    """What the user is told when pip failed: what, pip's own words, and the next step."""
    what = _("{packages} could not be installed").format(packages=", ".join(requirements))
    return InstallError(what, reasonIn(log) or str(error), adviceFor(log))
