"""The LightSeg module opened in the stand-in application, with a model that needs no network."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import slicer

UNIT = str(Path(__file__).resolve().parents[1] / "Unit")
if UNIT not in sys.path:
    sys.path.append(UNIT)

CENTRE = (24, 24, 24)
RADIUS = 9


@dataclass
class World:
    """An open panel and what a test needs to look behind it.

    Attributes:
        host: the application.
        gate: while it is cleared, the model does not answer.
        loaded: ids and devices of the models that were loaded, in order.
        tried: the same for models that were measured.
        model: what is loaded in place of the model that sees grey values; the gate does not hold it up.
        widget: the module's widget class.
    """

    host: Any
    gate: threading.Event = field(default_factory=threading.Event)
    loaded: list[tuple[str, str]] = field(default_factory=list)
    tried: list[tuple[str, str]] = field(default_factory=list)
    trialError: str | None = None
    capabilities: Any = None
    model: Any = None
    widget: Any = None

    # --- Making -------------------------------------------------------------------------------------------

    def open(self) -> World:
        """Load the module and show it."""
        self.gate.set()
        self.host.load("LightSeg")
        self.host.start()
        self.makeLogic()
        self.widget = self.host.open("LightSeg")
        return self

    def makeLogic(self) -> None:
        """Make the shared logic before the module does, with the model of the tests."""
        from LightSeg import LightSegLogic
        from LightSegUI.SharedLogic import bestRunner, closeSharedLogic, sharedLogic

        closeSharedLogic()
        sharedLogic(lambda: LightSegLogic(runner=bestRunner(), loadModel=self._load, tryModel=self._try))

    def addBall(self, name: str = "CT") -> Any:
        """A dark image with a bright ball in it, shown in the slice views."""
        k, j, i = np.ogrid[tuple(slice(0, 48) for _ in range(3))]
        ball = sum((axis - centre) ** 2 for axis, centre in zip((i, j, k), CENTRE, strict=True)) <= RADIUS**2
        return self.host.addVolume(np.where(ball, 200, 40).astype(np.int16), name=name)

    def _load(self, name: str, device: str) -> Any:
        from grey_model import GreyModel

        world = self

        class GatedModel(GreyModel):
            def predict(self, image: Any, guidance: Any) -> Any:
                world.gate.wait(30)
                return super().predict(image, guidance)

        self.loaded.append((name, device))
        if self.model is not None:
            return self.model
        model = GatedModel()
        if self.capabilities is not None:
            model.capabilities = self.capabilities
        return model

    def _try(self, name: str, device: str) -> Any:
        from LightSegLib.commands.trial import Trial

        self.tried.append((name, device))
        if self.trialError is not None:
            return Trial(name, device, error=self.trialError)
        return Trial(name, "cpu", None, 0.5, 0.7, "float32", 0.1, 0.21, 8, 310_000_000)

    # --- Looking ------------------------------------------------------------------------------------------

    @property
    def panel(self) -> Any:
        return self.widget.panel

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def logic(self) -> Any:
        return self.widget.logic

    @property
    def editorNode(self) -> Any:
        return self.panel.editor.node

    @property
    def message(self) -> str:
        """What the panel says, as it is shown."""
        return str(self.ui.messageLabel.text)

    @property
    def segmentation(self) -> Any:
        return self.logic.segmentationNode

    def voxels(self, segmentId: str | None = None) -> int:
        """How many voxels a segment has; the selected one by default."""
        chosen = segmentId or self.panel.editor.segmentId
        array = slicer.util.arrayFromSegmentBinaryLabelmap(self.segmentation, chosen, self.logic.volumeNode)
        return 0 if array is None else int(np.count_nonzero(array))

    # --- Doing --------------------------------------------------------------------------------------------

    def press(self, name: str) -> None:
        """Press one of the prompt tools' buttons."""
        self.panel.tools.buttons[name].click()
        self.host.pump()

    def settle(self) -> None:
        """Wait until nothing runs and everything is shown."""
        assert self.host.pump(lambda: not self.logic.busy, 30)
        self.host.pump()

    def click(self, ijk: Any = CENTRE, view: str = "Red", **options: Any) -> None:
        """Click on a voxel in a slice view and wait for the answer."""
        self.host.mouse.click(view, self.host.worldOf(self.logic.volumeNode, ijk), **options)
        self.settle()

    def segmentBall(self) -> None:
        """The usual beginning: Inside, one click, one answer."""
        self.press("inside")
        self.click()
