"""Arrays into nodes and back by means of Slicer, so that tests do not check the library against itself."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LightSegLib.geometry import IndexBox
from LightSegLib.segments import Change

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
NOTHING = np.zeros(SHAPE_KJI, bool)
FIRST, SECOND = (9, 13, 12), (23, 13, 12)  # centres of the balls, IJK


def ball_mask(centre_ijk, radius, shape_kji=SHAPE_KJI):
    """Bool (K, J, I): a ball around a voxel."""
    k, j, i = np.ogrid[tuple(slice(0, n) for n in shape_kji)]
    return (i - centre_ijk[0]) ** 2 + (j - centre_ijk[1]) ** 2 + (k - centre_ijk[2]) ** 2 <= radius**2


def cube_mask(centre_ijk, radius=2, shape_kji=SHAPE_KJI):
    """Bool (K, J, I): the cube that the fixture `segmenter` answers a click with."""
    mask = np.zeros(shape_kji, bool)
    mask[tuple(slice(x - radius, x + radius + 1) for x in centre_ijk[::-1])] = True
    return mask


def two_balls(shape_kji=SHAPE_KJI):
    """int16 (K, J, I): two bright balls that do not touch, dark around."""
    inside = ball_mask(FIRST, 6, shape_kji) | ball_mask(SECOND, 5, shape_kji)
    return np.where(inside, 200, 40).astype(np.int16)


def change_of(before, after):
    """The change from one mask to another, as a session reports it."""
    box = IndexBox.of_mask(before ^ after) or IndexBox((0, 0, 0), (0, 0, 0))
    return Change(box, after[box.slices], 0.0, 1.0, "", (before ^ after)[box.slices])


def noise(seed, share=0.5, shape=SHAPE_KJI):
    """Bool (K, J, I), true for about a share of the voxels."""
    return np.random.default_rng(seed).random(shape) < share


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


def to_labels(mask_kji, geometry, lower_ijk=(0, 0, 0)):
    """A vtkOrientedImageData with a mask whose first voxel has the index `lower_ijk` in a geometry (text)."""
    image = slicer.vtkOrientedImageData()
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(geometry, image, False)
    lower, size = np.array(lower_ijk), np.array(mask_kji.shape[::-1])
    image.SetExtent(*np.stack([lower, lower + size - 1], 1).ravel().tolist())
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    voxels_of(image)[...] = mask_kji
    return image


def voxels_of(image):
    """The voxels of an image as a writable view (K, J, I)."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def geometry_of(segmentation_node):
    """The reference geometry of a segmentation, as text."""
    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    return segmentation_node.GetSegmentation().GetConversionParameter(name)


def set_geometry(segmentation_node, local_ijk_to_ras, extent):
    """Give a segmentation a reference geometry of its own."""
    converter = slicer.vtkSegmentationConverter
    text = converter.SerializeImageGeometry(to_matrix(local_ijk_to_ras), list(extent))
    name = converter.GetReferenceImageGeometryParameterName()
    segmentation_node.GetSegmentation().SetConversionParameter(name, text)


def shown(segmentation_node, segment_id, volume_node):
    """What a segment shows in the voxels of a volume, nearest neighbor: bool (K, J, I)."""
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    labels = segment.GetRepresentation("Binary labelmap")
    shape = volume_node.GetImageData().GetDimensions()[::-1]
    if labels is None or labels.IsEmpty():
        return np.zeros(shape, bool)
    own = slicer.vtkOrientedImageData()
    own.DeepCopy(labels)
    voxels_of(own)[...] = voxels_of(labels) == segment.GetLabelValue()
    reference = slicer.vtkOrientedImageData()
    reference.SetExtent(*volume_node.GetImageData().GetExtent())
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    reference.SetGeometryFromImageToWorldMatrix(matrix)
    between = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        segmentation_node.GetParentTransformNode(), volume_node.GetParentTransformNode(), between
    )
    seen = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        own, reference, seen, False, False, between
    )
    return voxels_of(seen) != 0


class Painter:
    """A user with the Segment Editor: paints by hand, on a history of its own or on somebody else's."""

    def __init__(self, editor_node, undo=None):
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMaximumNumberOfUndoStates(0)
        self.logic.SetSegmentEditorNode(editor_node)
        self.editor_node = editor_node
        self.undo = undo

    def paint(self, segment_id, mask_kji, lower_ijk=(0, 0, 0), erase=False):
        """Add a mask to a segment, or take it away, as one action of the user."""
        node = self.editor_node.GetSegmentationNode()
        if self.undo is not None:
            self.undo.save_state()
        mode = self.logic.ModificationModeRemove if erase else self.logic.ModificationModeAdd
        self.editor_node.SetSelectedSegmentID(segment_id)
        labels = to_labels(mask_kji, geometry_of(node), lower_ijk)
        self.logic.ModifySegmentByLabelmap(node, segment_id, labels, mode, labels.GetExtent(), True, False)
