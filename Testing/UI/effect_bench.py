"""A Segment Editor with the LightSeg effect on an image of two balls, and a model that needs no network."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import slicer
from LightSegUI import EffectWork
from LightSegUI.EffectRegistration import registerEffect
from LightSegUI.EffectTrail import PromptTrail
from LightSegUI.InteractiveLogic import InteractiveLogic
from LightSegUI.Runner import WaitingRunner
from LightSegUI.Settings import MemoryStore, Settings
from LightSegUI.SharedLogic import closeSharedLogic, sharedLogic

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Unit"))

from grey_model import GreyModel, ball

SHAPE_KJI = (24, 28, 32)
FIRST, SECOND = (9, 13, 12), (23, 13, 12)  # centers of the balls, IJK
BETWEEN = (16, 13, 12)


class EffectBench:
    """What the tests of the effect work on.

    Attributes:
        editor: the Segment Editor module's editor widget.
        volume, segmentation: its nodes.
        logic: the shared logic; results come in when `settle` is called, not before.
    """

    def __init__(self, host, segments=("A", "B"), ijk_to_ras=None):
        self.host = host
        self.model = GreyModel()
        self.logic = sharedLogic(
            lambda: InteractiveLogic(
                runner=WaitingRunner(),
                settings=Settings(MemoryStore()),
                loadModel=lambda model, device: self.model,
            )
        )
        mask = ball(SHAPE_KJI, FIRST, 5) | ball(SHAPE_KJI, SECOND, 4)
        self.volume = host.addVolume(np.where(mask, 200, 40).astype(np.int16), ijk_to_ras)
        self.segmentation = host.addSegmentation(self.volume, *segments)
        registerEffect()
        self.editor = host.segmentEditor()
        self.editor.setSegmentationNode(self.segmentation)
        self.editor.setSourceVolumeNode(self.volume)
        self.activate()
        host.pump()

    # --- Effect -------------------------------------------------------------------------------------------

    def activate(self):
        self.editor.setActiveEffectByName("LightSeg")

    @property
    def effect(self):
        """The C++ side of this editor's effect."""
        return self.editor.effectByName("LightSeg")

    @property
    def controller(self):
        return self.effect.self().controller

    @property
    def node(self):
        return self.editor.mrmlSegmentEditorNode()

    def useTool(self, name):
        self.effect.setParameter("Tool", name)

    # --- The user's hand ----------------------------------------------------------------------------------

    def ras(self, ijk):
        return self.host.worldOf(self.volume, ijk)

    def click(self, ijk, *modifiers, view="Red"):
        self.host.mouse.click(view, self.ras(ijk), modifiers)

    def drag(self, path, *modifiers, view="Red"):
        self.host.mouse.drag(view, [self.ras(ijk) for ijk in path], modifiers)

    def settle(self):
        """Let the worker finish, deliver what it has to tell, and let events pass."""
        self.logic.waitUntilIdle()
        self.host.pump()

    # --- What came of it ----------------------------------------------------------------------------------

    def mask(self, segmentId="A"):
        """Bool (K, J, I) of the volume."""
        return slicer.util.arrayFromSegmentBinaryLabelmap(self.segmentation, segmentId, self.volume) > 0

    def has(self, ijk, segmentId="A"):
        i, j, k = ijk
        return bool(self.mask(segmentId)[k, j, i])

    def strokes(self):
        """The markers: (sign, color) of each."""
        return [(stroke.sign, stroke.color) for stroke in self.controller._views._markers]

    def actors(self, view="Red"):
        """How many 2D actors a view has."""
        widget = self.host.app.layoutManager().sliceWidget(view)
        return self.effect.renderer(widget).GetActors2D().GetNumberOfItems()

    def message(self):
        return slicer.util.findChild(self.editor, "LightSegEffectMessage").text

    def cursorKey(self, view="Red"):
        """Tool, sign and busy state that the cursor of a view shows."""
        shown = self.host.app.layoutManager().sliceWidget(view).sliceView()._d.cursor.pixmap().cacheKey()
        made = self.controller._cursors._made
        return next(key for key, cursor in made.items() if cursor.pixmap().cacheKey() == shown)


@pytest.fixture
def makeBench(host, monkeypatch):
    """Makes a bench: makeBench(segments, ijk_to_ras)."""
    monkeypatch.setattr(EffectWork, "TRAIL", PromptTrail())
    closeSharedLogic()
    yield lambda **options: EffectBench(host, **options)
    closeSharedLogic()


@pytest.fixture
def bench(makeBench):
    """A bench with two empty segments, A selected."""
    return makeBench()
