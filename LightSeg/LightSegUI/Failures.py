"""Whatever went wrong, said to the user as what happened, why, and what to do."""

from __future__ import annotations

import logging

from LightSegLib.errors import LightSegError, OutOfMemoryError
from LightSegUI.Translation import tr as _

_LOG = logging.getLogger(__name__)


class MissingPackageError(LightSegError):
    """A Python package that LightSeg needs is not installed."""


def explain(error: BaseException) -> LightSegError:
    """Turn any error into one that can be shown; an unexpected one is logged with its traceback."""
    if isinstance(error, LightSegError):
        return error
    found: LightSegError
    if isinstance(error, ImportError):
        _LOG.warning("An import failed", exc_info=error)
        found = MissingPackageError(
            _("The Python package {name} cannot be used").format(name=error.name or _("that LightSeg needs")),
            str(error),
            _("Open the LightSeg module and press Install..."),
        )
    elif isinstance(error, MemoryError):
        _LOG.error("Memory ran out", exc_info=error)
        found = OutOfMemoryError(
            _("The computer's memory is full"),
            str(error),
            _("Close other programs or images, or crop the volume (Crop Volume module), and try again"),
        )
    else:
        _LOG.error("LightSeg ran into an unexpected error", exc_info=error)
        found = LightSegError(
            _("LightSeg ran into an unexpected error"),
            f"{type(error).__name__}: {error}",
            _("Your segments are as they were. Try again; if it comes back, report it with the error log"),
        )
    found.__cause__ = error
    return found
