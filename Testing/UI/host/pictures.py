"""Pictures of widgets under other themes and screen scales: each in a process of its own, as Qt wants it.

`python -m host.pictures MODULE:FUNCTION FILE.png [--dark]`, in the folder above this one: the function gets a
`Host` and gives a widget back. QT_SCALE_FACTOR=1.5 in the environment is a screen at 150 %.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
ROOT = FOLDER.parents[1]
# Window, text, fields, buttons and selection as in the style "Dark Slicer".
_DARK = {
    "Window": "#323232",
    "WindowText": "#ffffff",
    "Base": "#282828",
    "AlternateBase": "#3c3c3c",
    "Text": "#ffffff",
    "PlaceholderText": "#a0a0a0",
    "Button": "#323232",
    "ButtonText": "#ffffff",
    "ToolTipBase": "#646464",
    "ToolTipText": "#ffffff",
    "Highlight": "#6496c8",
    "HighlightedText": "#ffffff",
    "Link": "#6496c8",
}


def use_dark_palette(app: Any) -> None:
    """Give the application dark colors; what is disabled is grey."""
    from PySide6.QtGui import QColor, QPalette

    palette = QPalette()
    for role, color in _DARK.items():
        palette.setColor(QPalette.ColorRole[role], QColor(color))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole[role], QColor("#808080"))
    app.setPalette(palette)


def take(function: str, path: Path, dark: bool = False, scale: float = 1.0, seconds: float = 120.0) -> Path:
    """Take a picture in a process of its own.

    Args:
        function: "module:function", in the folder of the tests; it gets a Host and returns a widget.
        path: the PNG to write.
        dark: Slicer's dark theme.
        scale: of the screen; a widget of 400 pixels gives a picture of 600 at 1.5.
        seconds: how long it may take.

    Raises:
        RuntimeError: it failed; the message has what the process wrote.
    """
    environment = os.environ | {"QT_SCALE_FACTOR": str(scale), "QT_QPA_PLATFORM": "offscreen"}
    command = [
        sys.executable,
        "-m",
        "host.pictures",
        function,
        str(path.resolve()),
        *(["--dark"] if dark else []),
    ]
    done = subprocess.run(
        command, cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"No picture of {function}:\n{done.stdout}\n{done.stderr}")
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("function")
    parser.add_argument("path", type=Path)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    sys.path[:0] = [str(FOLDER), str(ROOT / "LightSeg"), str(ROOT)]

    from . import install

    app = install.enter()
    from .driver import Host

    if options.dark:
        use_dark_palette(app)
    module, _, name = options.function.partition(":")
    with tempfile.TemporaryDirectory() as folder:
        host = Host(app, Path(folder))
        host.grab(getattr(importlib.import_module(module), name)(host), options.path)
        host.close()


if __name__ == "__main__":
    main()
