"""A real MRML scene without a window: volumes and segmentations as Slicer makes them, and a cheap model."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

# The models without a network that the unit tests use.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Unit"))

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
vtk = pytest.importorskip("vtk", reason="slicer-core is not installed")

from grey_model import GreyModel  # noqa: E402
from vtk.util.numpy_support import numpy_to_vtk  # noqa: E402

from LightSegLib.runtime.worker import SessionWorker  # noqa: E402

SHAPE_KJI = (24, 28, 32)
# Oblique, anisotropic and mirrored along one axis: whatever forgets an axis or a sign fails on it.
OBLIQUE = np.array(
    [
        [0.8 * 1.5, 0.6 * 1.0, 0.0, -40.0],
        [-0.6 * 1.5, 0.8 * 1.0, 0.0, 25.0],
        [0.0, 0.0, -2.0, 60.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


@pytest.fixture
def scene():
    """An empty scene in which segments can be made; only slicer-core needs the logic for that."""
    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkSlicerSegmentationsModuleLogic()
    logic.SetMRMLScene(scene)
    yield scene
    scene.Clear(True)
    logic.SetMRMLScene(None)


def two_balls(shape_kji=SHAPE_KJI):
    """int16 (K, J, I): two bright balls that do not touch, dark around."""
    k, j, i = np.ogrid[tuple(slice(0, n) for n in shape_kji)]
    first = (i - 9) ** 2 + (j - 13) ** 2 + (k - 12) ** 2 <= 36
    second = (i - 23) ** 2 + (j - 13) ** 2 + (k - 12) ** 2 <= 25
    return np.where(first | second, 200, 40).astype(np.int16)


def to_matrix(array):
    """A vtkMatrix4x4 with the numbers of a 4x4 array."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, float).ravel().tolist())
    return matrix


def to_array(matrix):
    """The numbers of a vtkMatrix4x4 as a 4x4 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def to_image(array_kji, kind=None):
    """A vtkImageData, or an image of another class, with a copy of an array."""
    image = vtk.vtkImageData() if kind is None else kind()
    image.SetDimensions(*array_kji.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array_kji).ravel(), deep=True))
    return image


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
