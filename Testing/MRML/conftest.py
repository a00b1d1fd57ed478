"""A real MRML scene without a window: volumes and segmentations as Slicer makes them, and a cheap model."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# The models without a network that the unit tests use.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Unit"))

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
vtk = pytest.importorskip("vtk", reason="slicer-core is not installed")

from fakes import FakeSegmenter  # noqa: E402
from grey_model import GreyModel  # noqa: E402
from scene_building import (  # noqa: E402, F401 - some for tests that ask here
    FIRST,
    OBLIQUE,
    SHAPE_KJI,
    Painter,
    shown,
    to_array,
    to_image,
    to_matrix,
    two_balls,
)

from LightSegLib.mrml.scene_session import SceneSession  # noqa: E402
from LightSegLib.runtime.worker import SessionWorker  # noqa: E402


@pytest.fixture
def scene():
    """An empty scene in which segments can be made; only slicer-core needs the logic for that."""
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)
    yield scene
    scene.Clear(True)
    logic.SetMRMLScene(None)


@pytest.fixture
def make_volume_node(scene):
    """Adds a scalar volume node: make_volume_node(array, ijk_to_ras, transform_node, name)."""

    def make(array=None, ijk_to_ras=None, transform=None, name="Image"):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        node.SetAndObserveImageData(to_image(two_balls() if array is None else array))
        node.SetIJKToRASMatrix(to_matrix(np.eye(4) if ijk_to_ras is None else ijk_to_ras))
        if transform is not None:
            node.SetAndObserveTransformNodeID(transform.GetID())
        return node

    return make


@pytest.fixture
def volume_node(make_volume_node):
    """Two bright balls, 1 mm voxels, axes along RAS."""
    return make_volume_node()


@pytest.fixture
def oblique_volume_node(make_volume_node):
    """The same voxels on oblique, anisotropic, mirrored axes."""
    return make_volume_node(ijk_to_ras=OBLIQUE, name="Oblique")


@pytest.fixture
def make_transform(scene):
    """Adds a linear transform node: make_transform(matrix, parent)."""

    def make(matrix, parent=None):
        node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        node.SetMatrixTransformToParent(to_matrix(matrix))
        if parent is not None:
            node.SetAndObserveTransformNodeID(parent.GetID())
        return node

    return make


@pytest.fixture
def make_segmentation(scene):
    """Adds a segmentation node in a volume's geometry: make_segmentation(volume_node, ids, transform)."""

    def make(volume_node, ids=("A", "B"), transform=None, name="Segmentation"):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        if transform is not None:
            node.SetAndObserveTransformNodeID(transform.GetID())
        if volume_node is not None:
            node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        for segment_id in ids:
            node.GetSegmentation().AddEmptySegment(segment_id, segment_id)
        return node

    return make


@pytest.fixture
def segmentation_node(make_segmentation, volume_node):
    """Two empty segments, A and B, in the geometry of `volume_node`."""
    return make_segmentation(volume_node)


@pytest.fixture
def make_editor(scene):
    """Adds a segment editor node that points to a segmentation and a volume."""

    def make(segmentation_node, volume_node):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        node.SetAndObserveSegmentationNode(segmentation_node)
        node.SetAndObserveSourceVolumeNode(volume_node)
        return node

    return make


@pytest.fixture
def editor_node(make_editor, segmentation_node, volume_node):
    """The editor's settings for `segmentation_node`: everything editable, all other segments overwritten."""
    return make_editor(segmentation_node, volume_node)


@pytest.fixture
def model():
    """Takes what is as bright as what was clicked; needs no network."""
    return GreyModel()


@pytest.fixture
def worker():
    """A session worker that is closed at the end."""
    with SessionWorker() as worker:
        yield worker


@pytest.fixture
def heard():
    """Callbacks that remember: heard.callbacks goes into a prompt, heard.done and so on are lists."""
    record = SimpleNamespace(done=[], errors=[], cancelled=[], progress=[])
    record.callbacks = {
        "on_done": record.done.append,
        "on_error": record.errors.append,
        "on_cancelled": lambda: record.cancelled.append(True),
        "on_progress": lambda fraction, text: record.progress.append((fraction, text)),
    }
    return record


@pytest.fixture
def answered(worker):
    """Polls the worker until a session has nothing to do any more: answered(session)."""

    def wait(session):
        for _ in range(1000):
            assert worker.wait_idle(10)
            worker.poll()
            if not session.busy:
                return
        raise AssertionError("The session does not come to an end")

    return wait


@pytest.fixture
def segmenter():
    """Answers a click with the cube of two voxels around it, exactly."""
    return FakeSegmenter()


@pytest.fixture
def session(model, volume_node, segmentation_node, worker, editor_node, segmenter):
    """A session on the plain volume and segmentation that answers in cubes, with a history of its own."""
    session = SceneSession(
        model, volume_node, segmentation_node, worker, editor_node=editor_node, segmenter=segmenter
    )
    yield session
    session.close()


@pytest.fixture
def painter(editor_node, session):
    """A user who paints in `segmentation_node`, on the session's undo history."""
    return Painter(editor_node, session.undo_owner)


@pytest.fixture
def gate(segmenter):
    """Holds the segmenter in the middle of its work: gate.entered, gate.open; heeds cancellation."""

    class Gate:
        def __init__(self):
            self.entered = threading.Event()
            self.open = threading.Event()

    gate = Gate()
    answer = segmenter.segment

    def segment(*arguments, check_cancelled=None):
        gate.entered.set()
        assert gate.open.wait(10)
        return answer(*arguments, check_cancelled=check_cancelled)

    segmenter.segment = segment
    yield gate
    gate.open.set()


@pytest.fixture
def running(session, gate, heard):
    """A click at FIRST into A that is in the middle of its work; it is the job."""
    job = session.add_point("A", FIRST, **heard.callbacks)
    assert gate.entered.wait(10)
    return job


@pytest.fixture
def see(segmentation_node, volume_node):
    """What a segment shows: see("A")."""
    return lambda segment_id: shown(segmentation_node, segment_id, volume_node)


@pytest.fixture
def let_go(gate, worker):
    """Lets the segmenter go on and delivers everything: let_go()."""

    def finish():
        gate.open.set()
        assert worker.wait_idle(10)
        worker.poll()

    return finish
