"""QSettings as Slicer scripts meet it, in a file that belongs to one test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from PySide6 import QtCore

_state: dict[str, Any] = {"folder": None, "generation": 0}


def use_folder(folder: Path) -> None:
    """Keep the settings in an .ini file in this folder from now on."""
    _state.update(folder=folder, generation=0)


def path() -> Path:
    """The file of the user's settings."""
    if _state["folder"] is None:
        raise RuntimeError("No folder for settings: take the fixture `host`")
    return Path(_state["folder"]) / f"Slicer-{_state['generation']}.ini"


def restart() -> None:
    """Read the file anew, as after a restart of Slicer: what was False is then "false", what was 3 is "3"."""
    old = path()
    QSettings().sync()
    _state["generation"] += 1
    if old.exists():
        shutil.copy(old, path())


class QSettings(QtCore.QSettings):
    """`qt.QSettings`: the user's settings without arguments, or a file with (name, format).

    Lists come back as tuples, and there is no keyword `type`.
    """

    def __init__(self, *arguments: Any) -> None:
        if arguments and isinstance(arguments[0], str):
            super().__init__(*arguments)
        else:
            super().__init__(str(path()), QtCore.QSettings.Format.IniFormat)

    def value(self, key: str, defaultValue: Any = None, **keywords: Any) -> Any:
        """The value, or the default; convert it yourself."""
        if keywords:
            raise ValueError(f"PythonQt's QSettings.value has no keyword {', '.join(keywords)}")
        value = super().value(key, defaultValue)
        return tuple(value) if isinstance(value, list) else value
