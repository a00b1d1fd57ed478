"""What the tests of the logic share: a logic on a scene, models that can be watched, held up and broken."""

from __future__ import annotations

import threading

from grey_model import GreyModel
from LightSegUI.InteractiveLogic import InteractiveLogic
from LightSegUI.Settings import MemoryStore, Settings
from mrml_cases import ras_by_slicer
from scene_building import Painter


class Loader:
    """Loads a model that takes what is as bright as what was clicked, and remembers what it was asked for.

    Args:
        model: what it loads.
        error: what it raises in its place.
    """

    def __init__(self, model=None, error=None):
        self.model = model or GreyModel()
        self.error = error
        self.asked = []
        self.threads = []

    def __call__(self, name, device):
        self.asked.append((name, device))
        self.threads.append(threading.current_thread())
        if self.error is not None:
            raise self.error
        return self.model


class HeldModel(GreyModel):
    """Does not answer before it is let go."""

    def __init__(self):
        super().__init__()
        self.started = threading.Event()
        self.released = threading.Event()

    def predict(self, image, guidance):
        self.started.set()
        self.released.wait(20)
        return super().predict(image, guidance)


class Heard:
    """Remembers what a logic tells."""

    def __init__(self, logic):
        self.answers = []
        self.failures = []
        self.busy = []
        self.progress = []
        self.states = []
        logic.answered.connect(self.answers.append)
        logic.failed.connect(self.failures.append)
        logic.busyChanged.connect(self.busy.append)
        logic.progressed.connect(lambda fraction, text: self.progress.append(text))
        logic.stateChanged.connect(lambda: self.states.append(True))


def make_logic(scene, loader=None, **options):
    """A logic with preferences of its own."""
    return InteractiveLogic(scene, settings=Settings(MemoryStore()), loadModel=loader or Loader(), **options)


def ras_of(volume_node, ijk):
    """Where a voxel is in the world, by Slicer's own word."""
    return tuple(ras_by_slicer(volume_node, ijk))


def paint(logic, segment_id, mask):
    """Paint a mask into a segment by hand, past LightSeg."""
    editor = logic.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    editor.SetAndObserveSegmentationNode(logic.segmentationNode)
    Painter(editor).paint(segment_id, mask)
    logic.scene.RemoveNode(editor)


FIRST_BALL = (9, 13, 12)
SECOND_BALL = (23, 13, 12)
BACKGROUND = (16, 3, 12)
"""Voxels (i, j, k) of `scene_building.two_balls`."""
