"""From what pip wrote to what the user can do about it."""

from __future__ import annotations

import re

from LightSegUI.Translation import tr as _

_NOT_A_REASON = re.compile(r"^(WARNING|DEPRECATION|\[notice\]|Traceback|\s)", re.IGNORECASE)


def adviceFor(log: str) -> str:
    """The next step after a failed installation, from pip's output."""
    for pattern, advice in _advice():
        if re.search(pattern, log, re.IGNORECASE):
            return advice
    return _("Press Copy log and send the log to the LightSeg page on GitHub, or to discourse.slicer.org.")


def reasonIn(log: str) -> str:
    """pip's own words for the failure: its last line of error, literally; "" if it wrote none."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|OSError|\w*Error):", line)]
    if errors:
        return errors[-1]
    others = [line for line in lines if not _NOT_A_REASON.match(line)]
    return others[-1] if others else ""


def adviceForImport(error: str) -> str:
    """The next step when a package is installed but cannot be imported, from Python's words."""
    if re.search(r"WinError 126|WinError 1114|DLL load failed", error):
        return _(
            "Install the Microsoft Visual C++ Redistributable (x64) from Microsoft's page, restart Slicer, "
            "and press Install"
        )
    return _("Restart Slicer and press Install: it will be installed anew")


def _advice() -> list[tuple[str, str]]:
    """Patterns and advice; the first that matches counts, so the more specific come first."""
    return [
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError|SSL: ",
            _(
                "The network replaces certificates, as hospital networks do. Ask the IT department for its "
                "certificate file and set the environment variable PIP_CERT to it, or install from a "
                "folder of wheels."
            ),
        ),
        (
            r"ProxyError|407 Proxy|Tunnel connection failed",
            _(
                "The proxy refused. Set the environment variable HTTPS_PROXY "
                "(http://user:password@host:port), start Slicer again and press Install, or install from a "
                "folder of wheels."
            ),
        ),
        (
            r"No space left|Errno 28|not enough space|WinError 112",
            _("The disk is full. Make room (PyTorch needs about 2 GB) and press Install again."),
        ),
        (
            r"WinError 206|Long Path|MAX_PATH|No such file or directory.*(dist-info|site-packages).{100}",
            _(
                "A path became too long for Windows. Install Slicer into a short folder, for example "
                "C:\\Slicer, and try again."
            ),
        ),
        (
            r"WinError (5|32)\b|Access is denied|being used by another process",
            _(
                "A file is in use. Restart Slicer and press Install before anything else; if that does not "
                "help, close other copies of Slicer."
            ),
        ),
        (
            r"Permission denied|Errno 13|Read-only file system",
            _(
                "Slicer's folder cannot be written to. Install Slicer into a folder of your own, or ask the "
                "administrator to install these packages once."
            ),
        ),
        (
            r"getaddrinfo failed|name resolution|Name or service not known|NewConnectionError"
            r"|Max retries exceeded|Connection refused|Network is unreachable"
            r"|ConnectionError|ConnectTimeout|URLError",
            _(
                "There is no connection to the internet. Check it and press Install again, or install from "
                "a folder of wheels."
            ),
        ),
        (
            r"IncompleteRead|Read timed out|ReadTimeout|ConnectionReset|Connection broken"
            r"|DO NOT MATCH THE HASHES",
            _("The download broke off. Press Install again: what is complete is not downloaded twice."),
        ),
        (
            r"not a supported wheel|No matching distribution|Could not find a version",
            _(
                "There is no build of this package for this system, or it lacks in the folder of wheels. "
                "Wheels must be made for the same operating system and the same Python as Slicer's."
            ),
        ),
        (
            r"ResolutionImpossible|conflicting dependencies",
            _(
                "Packages that other extensions installed stand in the way. A fresh Slicer in a second "
                "folder settles it."
            ),
        ),
        (
            r"MemoryError|Cannot allocate memory",
            _("The memory was not enough. Close other programs and press Install again."),
        ),
    ]
