"""What can go wrong while LightSeg's packages are installed."""

from __future__ import annotations

from LightSegLib.errors import LightSegError


class InstallError(LightSegError):
    """An installation that cannot start or did not succeed."""


class InstallStopped(InstallError):
    """The user stopped the installation."""
