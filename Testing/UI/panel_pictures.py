"""Pictures of the panel, with bundled model and sample: `python Testing/UI/panel_pictures.py docs/images`.

With `--all` the other states too, for looking at: the beginning, everything unfolded, work in progress, an
error, missing packages. `--dark` is Slicer's dark theme; QT_SCALE_FACTOR=1.5 in the environment is a screen
at 150 %.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for folder in ("Testing/UI", "LightSeg", "."):
    sys.path.insert(0, str(ROOT / folder))

WIDTH = 440
CORRECTIONS = 3
DARK = {
    "Window": "#323232", "WindowText": "#ffffff", "Base": "#282828", "AlternateBase": "#3c3c3c",
    "Text": "#ffffff",
    "Button": "#323232", "ButtonText": "#ffffff", "ToolTipBase": "#646464", "ToolTipText": "#ffffff",
    "Highlight": "#6496c8", "HighlightedText": "#ffffff", "PlaceholderText": "#a0a0a0", "Link": "#6496c8",
    "Light": "#4b4b4b", "Midlight": "#464646", "Dark": "#1e1e1e", "Mid": "#282828",
}  # fmt: skip
"""Colors as those of the style "Dark Slicer"."""


class Pictures:
    """Goes through the states of the panel and takes a picture of each that is wanted."""

    def __init__(self, host: Any, folder: Path, prefix: str) -> None:
        import slicer

        self._host = host
        self._folder = folder
        self._prefix = prefix
        host.load("LightSeg")
        host.start()
        self._point, self._isInside = self._addSample()
        slicer.util.mainWindow()._d.viewport.setVisible(False)
        self._widget = host.open("LightSeg")

    def take(self, everything: bool) -> None:
        """All pictures, or only the one of the documentation."""
        if everything:
            self._grab("start")
        panel, logic = self._widget.panel, self._widget.logic
        panel.tools.buttons["inside"].click()
        logic.segmentPoint(self._point, wait=False)
        for _number in range(CORRECTIONS):
            self._settle()
            ras = logic.suggest()
            logic.segmentPoint(ras, positive=self._isInside(ras), wait=False)
        self._settle()
        self._grab("")
        if everything:
            self._others(panel, logic)

    def _others(self, panel: Any, logic: Any) -> None:
        from LightSegLib.errors import LightSegError

        self._widget.ui.advancedSection.collapsed = False
        self._settle()
        logic.measure(wait=False)
        self._settle()
        self._grab("advanced")
        self._widget.ui.advancedSection.collapsed = True
        panel.onFailed(
            LightSegError(
                "The point (600, 10, 5) lies outside the image",
                "it has 512 x 512 x 300 voxels",
                "Click in it",
            )
        )
        self._grab("error")
        panel.status.setBusy(True)
        panel.status.setProgress(0.4, "Loading the model veloxseg-small")
        panel.status._showProgress()
        self._grab("busy")
        panel.status.setBusy(False)
        panel.install._missing = ("torch", "scipy", "safetensors")
        panel.install._show()
        panel.refresh()
        self._grab("install")

    def _settle(self) -> None:
        self._host.pump(lambda: not self._widget.logic.busy, 300)
        self._host.pump()

    def _grab(self, name: str) -> None:
        import slicer

        panel = self._widget.parent
        slicer.util.mainWindow().resize(WIDTH + 30, 2000)
        self._host.pump()
        panel.window().resize(WIDTH + 30, panel.sizeHint.height() + 90)
        self._host.pump()
        ending = "-".join(part for part in (self._prefix, name) if part)
        self._host.grab(panel, self._folder / f"{ending}.png")

    def _addSample(self) -> tuple[tuple[float, float, float], Callable[[Any], bool]]:
        """A position in the middle of the sample's structure, and what tells whether a position is in it."""
        import numpy as np
        from scipy import ndimage

        from LightSegLib import Volume
        from LightSegLib.resources import samples_folder

        entries = json.loads((samples_folder() / "sample.json").read_text(encoding="utf-8"))
        image, label = (Volume.read(samples_folder() / entries[name]["file"]) for name in ("image", "label"))
        mask = label.array == entries["label_value"]
        depth = ndimage.distance_transform_edt(mask)
        deepest = np.unravel_index(int(depth.argmax()), depth.shape)[::-1]
        volume = self._host.addVolume(image.array, image.ijk_to_ras, name="SoftTissueSarcomaCT")

        def isInside(ras: Any) -> bool:
            i, j, k = np.rint(image.ras_to_index(ras)).astype(int)
            return bool(mask[k, j, i])

        return self._host.worldOf(volume, deepest), isInside


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--all", action="store_true", help="all states, not only that of the documentation")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    parser.add_argument("--name", default="panel", help="what the files' names begin with")
    arguments = parser.parse_args()

    from host import install

    application = install.enter()
    from host.driver import Host

    if arguments.dark:
        _darken(application)
    with tempfile.TemporaryDirectory() as folder:
        host = Host(application, Path(folder))
        Pictures(host, arguments.folder, arguments.name).take(arguments.all)
        host.close()


def _darken(application: Any) -> None:
    import qt

    palette = qt.QPalette()
    for role, color in DARK.items():
        palette.setColor(getattr(qt.QPalette, role), qt.QColor(color))
    for role in ("WindowText", "Text", "ButtonText"):
        palette.setColor(qt.QPalette.Disabled, getattr(qt.QPalette, role), qt.QColor("#808080"))
    application.setPalette(palette)


if __name__ == "__main__":
    main()
