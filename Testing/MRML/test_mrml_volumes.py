"""Volume nodes become volumes that lie where Slicer shows them; what cannot, says what to do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
vtk = pytest.importorskip("vtk", reason="slicer-core is not installed")

from mrml_cases import affines, chains, few, ras_by_slicer  # noqa: E402
from scene_building import OBLIQUE, SHAPE_KJI, to_image, to_matrix  # noqa: E402

from LightSegLib.errors import GeometryError, VolumeError  # noqa: E402
from LightSegLib.mrml.volumes import VolumeStamp, volume_from_node, why_not_usable  # noqa: E402


def shear(cosine=0.2):
    matrix = np.eye(4)
    matrix[0, 1] = cosine
    return matrix


# --- Voxels and place ---------------------------------------------------------------------------------------


def test_the_array_is_the_nodes_own_memory(volume_node):
    volume = volume_from_node(volume_node)
    assert volume.array.shape == SHAPE_KJI
    volume_node.GetImageData().SetScalarComponentFromDouble(5, 6, 7, 0, 1234)
    assert volume.array[7, 6, 5] == 1234


def test_the_array_outlives_the_node(scene, volume_node):
    volume = volume_from_node(volume_node)
    total = int(volume.array.sum())
    volume_node.SetAndObserveImageData(None)
    scene.RemoveNode(volume_node)
    assert int(volume.array.sum()) == total


@few
@given(
    ijk_to_ras=affines(), chain=chains(), voxel=st.tuples(*(st.integers(0, n - 1) for n in SHAPE_KJI[::-1]))
)
def test_a_voxel_lies_where_slicer_shows_it(
    scene, make_volume_node, make_transform, ijk_to_ras, chain, voxel
):
    transform = None
    for matrix in chain:
        transform = make_transform(matrix, transform)
    node = make_volume_node(ijk_to_ras=ijk_to_ras, transform=transform)
    volume = volume_from_node(node)
    expected = ras_by_slicer(node, voxel)
    np.testing.assert_allclose(volume.index_to_ras(voxel), expected, atol=1e-6)
    assert volume.ras_to_voxel(expected) == voxel


def test_an_image_that_counts_from_elsewhere_keeps_its_place(make_volume_node):
    node = make_volume_node(ijk_to_ras=OBLIQUE)
    first = volume_from_node(node)
    box = vtk.vtkExtractVOI()
    box.SetInputData(node.GetImageData())
    box.SetVOI(3, 12, 4, 20, 5, 15)
    box.Update()
    node.SetAndObserveImageData(box.GetOutput())
    assert node.GetImageData().GetExtent()[0] == 3
    cropped = volume_from_node(node)
    np.testing.assert_array_equal(cropped.array, first.array[5:16, 4:21, 3:13])
    np.testing.assert_allclose(cropped.index_to_ras((0, 0, 0)), first.index_to_ras((3, 4, 5)))


def test_a_volume_that_a_sequence_shows_is_a_volume(scene, volume_node):
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Beats")
    sequence.SetDataNodeAtValue(volume_node, "0")
    browser = scene.AddNode(slicer.vtkMRMLSequenceBrowserNode())
    browser.AddSynchronizedSequenceNode(sequence)
    browser.AddProxyNode(volume_node, sequence, False)
    assert why_not_usable(volume_node) is None
    error = why_not_usable(sequence)
    assert isinstance(error, VolumeError)
    assert '"Image"' in error.next_step


# --- Refusals -----------------------------------------------------------------------------------------------


def refusal(node, kind=VolumeError):
    error = why_not_usable(node)
    assert isinstance(error, kind)
    assert error.next_step
    with pytest.raises(kind):
        volume_from_node(node)
    return str(error)


def test_no_node_is_refused():
    assert "No volume is chosen" in refusal(None)


def test_a_volume_without_voxels_is_refused(scene):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    assert '"Empty" holds no image' in refusal(node)
    node.SetAndObserveImageData(vtk.vtkImageData())
    assert '"Empty" holds no image' in refusal(node)


def test_a_label_map_is_refused(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    node.SetAndObserveImageData(to_image(np.zeros((4, 4, 4), np.int16)))
    assert "label map" in refusal(node)


@pytest.mark.parametrize("kind", ["vtkMRMLVectorVolumeNode", "vtkMRMLScalarVolumeNode"])
def test_several_numbers_per_voxel_are_refused(scene, kind):
    node = scene.AddNewNodeByClass(kind, "Photo")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 5, 6)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    node.SetAndObserveImageData(image)
    text = refusal(node)
    assert "several numbers per voxel" in text
    assert "Vector to Scalar Volume" in text


@pytest.mark.parametrize("kind", ["vtkMRMLSequenceNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode"])
def test_other_nodes_are_refused(scene, kind):
    assert '"Other"' in refusal(scene.AddNewNodeByClass(kind, "Other"))


def test_something_that_is_no_node_is_refused():
    assert isinstance(why_not_usable("vtkMRMLScalarVolumeNode1"), VolumeError)


def test_a_single_slice_is_refused(make_volume_node):
    assert "one voxel thin" in refusal(make_volume_node(np.zeros((1, 8, 8), np.int16)))


def test_a_nonlinear_transform_anywhere_above_is_refused_with_advice_to_harden(
    scene, volume_node, make_transform
):
    grid = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Warp")
    between = make_transform(np.eye(4), grid)
    volume_node.SetAndObserveTransformNodeID(between.GetID())
    assert "Harden transform" in refusal(volume_node, GeometryError)


def test_a_sheared_image_is_refused(make_volume_node):
    assert "sheared" in refusal(make_volume_node(ijk_to_ras=shear()), GeometryError)


def test_a_transform_that_shears_is_refused_by_name(make_volume_node, make_transform):
    transform = make_transform(shear())
    transform.SetName("Tilt")
    text = refusal(make_volume_node(transform=transform), GeometryError)
    assert '"Tilt"' in text
    assert "Resample" in text


# --- Stamps -------------------------------------------------------------------------------------------------


def test_a_stamp_stays_the_same_while_nothing_changes(volume_node):
    before = VolumeStamp(volume_node)
    volume_node.SetName("Renamed")
    volume_node.Modified()
    volume_node.CreateDefaultDisplayNodes()
    volume_node.GetDisplayNode().SetAutoWindowLevel(True)
    volume_node.GetImageData().GetScalarRange()
    assert VolumeStamp(volume_node) == before


def move(node, make_transform):
    node.SetAndObserveTransformNodeID(make_transform(np.diag([1, 1, -1, 1])).GetID())


@pytest.mark.parametrize(
    "change",
    [
        lambda node, _: node.GetImageData().GetPointData().GetScalars().Modified(),
        lambda node, _: node.GetImageData().Modified(),
        lambda node, _: node.SetAndObserveImageData(to_image(np.zeros(SHAPE_KJI, np.int16))),
        lambda node, _: node.SetAndObserveImageData(None),
        lambda node, _: node.SetSpacing(1, 1, 1.25),
        lambda node, _: node.SetOrigin(0, 3, 0),
        move,
    ],
    ids=["voxels", "image", "another image", "no image", "spacing", "origin", "transform"],
)
def test_a_stamp_tells_a_change_of(volume_node, make_transform, change):
    before = VolumeStamp(volume_node)
    change(volume_node, make_transform)
    assert VolumeStamp(volume_node) != before


def test_a_stamp_follows_the_whole_chain_and_back(make_volume_node, make_transform):
    outer = make_transform(np.eye(4))
    node = make_volume_node(transform=make_transform(OBLIQUE, outer))
    before = VolumeStamp(node)
    outer.SetMatrixTransformToParent(to_matrix(np.diag([1, -1, 1, 1])))
    assert VolumeStamp(node) != before
    outer.SetMatrixTransformToParent(to_matrix(np.eye(4)))
    assert VolumeStamp(node) == before


def test_unusable_nodes_have_stamps_too(scene, volume_node):
    assert VolumeStamp(None) == VolumeStamp(None)
    grid = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    volume_node.SetAndObserveTransformNodeID(grid.GetID())
    assert VolumeStamp(volume_node) == VolumeStamp(volume_node)
    assert VolumeStamp(scene.AddNewNodeByClass("vtkMRMLModelNode")) == VolumeStamp(None)
