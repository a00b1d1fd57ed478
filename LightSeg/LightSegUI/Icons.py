"""Icons of the module, from its Resources/Icons folder."""

from __future__ import annotations

from pathlib import Path

import qt

FOLDER = Path(__file__).resolve().parents[1] / "Resources" / "Icons"


def iconPath(name: str) -> Path | None:
    """The file of an icon ("inside": LightSegInside.svg or .png), None if there is none."""
    stem = "LightSeg" + name[:1].upper() + name[1:]
    found = (FOLDER / f"{stem}{ending}" for ending in (".svg", ".png"))
    return next((path for path in found if path.is_file()), None)


def icon(name: str):
    """The QIcon of that file, or None; a QIcon of a missing file would not say that it is empty."""
    path = iconPath(name)
    return None if path is None else qt.QIcon(str(path))
