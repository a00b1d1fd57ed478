"""The grid a segmentation is kept in, and the voxels of its segments in that grid.

A segmentation keeps label maps, often one for several segments with a number each, cropped to what is not
empty. All of them lie in one grid, the reference geometry; indices here are of that grid and may be negative.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from LightSegLib.errors import GeometryError
from LightSegLib.geometry import IndexBox, Volume
from LightSegLib.mrml.lattice import GridMap, moved

BINARY_LABELMAP = "Binary labelmap"
_NOWHERE = IndexBox((0, 0, 0), (0, 0, 0))


@dataclass(frozen=True)
class SegmentationGrid:
    """Where the voxels of a segmentation are, and how an image's voxels map to them.

    Attributes:
        geometry: Slicer's text form of the reference geometry.
        box: the voxels of the reference geometry; nothing may be written outside.
        from_image: from the image's index to the grid's.
    """

    geometry: str
    box: IndexBox
    from_image: GridMap

    @classmethod
    def of(cls, segmentation_node: Any, volume: Volume) -> SegmentationGrid:
        """Find the grid of a segmentation; one without any geometry yet gets the image's.

        Raises:
            GeometryError: the segmentation stands under a transform that is not linear, or the grids cannot
                be brought together.
        """
        to_local = np.linalg.inv(_to_world(segmentation_node)) @ volume.ijk_to_ras
        segmentation = segmentation_node.GetSegmentation()
        if segmentation is None:
            raise GeometryError(
                f'The segmentation "{segmentation_node.GetName()}" is empty',
                "It holds nothing, not even a list of segments",
                "Create another segmentation",
            )
        geometry = _reference_geometry(segmentation)
        image = _deserialized(geometry)
        if image is None:
            geometry = _give_geometry(segmentation, to_local, volume.box)
            image = _deserialized(geometry)
            if image is None:
                raise GeometryError("The segmentation has no usable geometry", geometry)
        grid_to_local = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(grid_to_local)
        matrix = np.asarray(np.linalg.inv(array_of(grid_to_local)) @ to_local, np.float64)
        return cls(geometry, _extent_box(image), GridMap(matrix, volume.box))

    @cached_property
    def to_image(self) -> GridMap:
        """From the grid's index to the image's."""
        return GridMap(np.linalg.inv(self.from_image.matrix).astype(np.float64), self.box)

    @cached_property
    def key(self) -> bytes:
        """Tells one placement of the grid and the image from another; extents do not count."""
        return self.geometry.encode() + np.round(self.from_image.matrix, 4).tobytes()

    def image(self, box: IndexBox, content: NDArray[np.bool_] | None = None) -> Any:
        """A `vtkOrientedImageData` over a box of the grid, uint8 with a mask in it, or without voxels."""
        image: Any = _deserialized(self.geometry)
        image.SetExtent(*extent_of(box))
        if content is not None:
            image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
            voxels_of(image)[...] = content
        return image


def _to_world(node: Any) -> NDArray[np.float64]:
    """4x4 from a node's own millimetres to the world's."""
    transform = node.GetParentTransformNode()
    matrix = vtk.vtkMatrix4x4()
    if transform is None:
        return array_of(matrix)
    if not transform.IsTransformToWorldLinear():
        raise GeometryError(
            f'The segmentation "{node.GetName()}" stands under a transform that is not linear',
            "Its voxels cannot be matched with the image's",
            'Harden the transform: Data module, right-click the transform, "Harden transform"',
        )
    transform.GetMatrixTransformToWorld(matrix)
    return array_of(matrix)


def array_of(matrix: Any) -> NDArray[np.float64]:
    """The numbers of a `vtkMatrix4x4` as a 4x4 array."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def extent_of(box: IndexBox) -> tuple[int, int, int, int, int, int]:
    """A half-open box as a VTK extent, whose upper ends are inside."""
    (i0, j0, k0), (i1, j1, k1) = box.lower, box.upper
    return (i0, i1 - 1, j0, j1 - 1, k0, k1 - 1)


def voxels_of(image: Any) -> NDArray[Any]:
    """The voxels of an image with one component as a writable view (K, J, I)."""
    view: NDArray[Any] = vtk_to_numpy(image.GetPointData().GetScalars())
    return view.reshape(image.GetDimensions()[::-1])


@dataclass(frozen=True, eq=False)
class SegmentContent:
    """The voxels of one segment.

    Attributes:
        box: tight box in the segmentation's grid; empty for an empty segment.
        mask: bool (K, J, I) of the box.
    """

    box: IndexBox
    mask: NDArray[np.bool_]

    def digest(self, grid: SegmentationGrid) -> bytes:
        """A short name of this content in this place: equal only for equal voxels."""
        hashed = hashlib.blake2b(grid.key, digest_size=16)
        if not self.box.is_empty:
            hashed.update(repr((self.box.lower, self.box.upper)).encode())
            hashed.update(np.packbits(self.mask).tobytes())
        return hashed.digest()

    def in_image(self, grid: SegmentationGrid, image_box: IndexBox) -> NDArray[np.bool_]:
        """The content in the grid of the image, bool (K, J, I) of a box of the image."""
        return grid.to_image.carry(self.mask, self.box, image_box)


NO_CONTENT = SegmentContent(_NOWHERE, np.zeros((0, 0, 0), dtype=bool))
"""What an empty segment holds."""


def label_map_of(segment: Any) -> Any | None:
    """The label map that holds a segment, shared with others or not; None if it has none or an empty one."""
    label_map = segment.GetRepresentation(BINARY_LABELMAP)
    return None if label_map is None or label_map.IsEmpty() else label_map


def state_key(segment: Any) -> tuple[Any, ...]:
    """Changes whenever the voxels of a segment may have changed; cheap to ask."""
    label_map = segment.GetRepresentation(BINARY_LABELMAP)
    if label_map is None:
        return ()
    return (label_map.GetAddressAsString(""), label_map.GetMTime(), segment.GetLabelValue())


def read_content(segment: Any, grid: SegmentationGrid, within: IndexBox | None = None) -> SegmentContent:
    """Read a segment.

    Args:
        segment: a `vtkSegment`.
        grid: the grid of its segmentation.
        within: a box that is known to hold all of it; None to search everywhere.
    """
    label_map = label_map_of(segment)
    if label_map is None:
        return NO_CONTENT
    label_map = _in_grid(label_map, grid)
    whole = _extent_box(label_map)
    box = whole if within is None else whole.intersect(within)
    if box.is_empty:
        return NO_CONTENT
    mask = voxels_of(label_map)[box.slices_in(whole)] == segment.GetLabelValue()
    tight = IndexBox.of_mask(mask)
    if tight is None:
        return NO_CONTENT
    return SegmentContent(moved(tight, box.lower), mask[tight.slices])


def covered_by(segments: Iterable[Any], grid: SegmentationGrid, box: IndexBox) -> NDArray[np.bool_]:
    """Where any of some segments is, bool (K, J, I) of a box of the grid."""
    covered: NDArray[np.bool_] = np.zeros(box.shape_ijk[::-1], dtype=bool)
    layers: dict[str, tuple[Any, list[int]]] = {}
    for segment in segments:
        label_map = label_map_of(segment)
        if label_map is not None:
            layer = layers.setdefault(label_map.GetAddressAsString(""), (label_map, []))
            layer[1].append(segment.GetLabelValue())
    for label_map, values in layers.values():
        aligned = _in_grid(label_map, grid)
        place = _extent_box(aligned)
        common = place.intersect(box)
        if not common.is_empty:
            voxels = voxels_of(aligned)[common.slices_in(place)]
            covered[common.slices_in(box)] |= np.isin(voxels, values)
    return covered


def _in_grid(label_map: Any, grid: SegmentationGrid) -> Any:
    """The label map itself, or resampled if it lies in another grid than its segmentation's reference."""
    reference = grid.image(_extent_box(label_map))
    if slicer.vtkOrientedImageDataResample.DoGeometriesMatch(label_map, reference):
        return label_map
    resampled = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        label_map, grid.image(grid.box), resampled, False, True
    )
    return resampled


def _reference_geometry(segmentation: Any) -> str:
    """Slicer's text form of the geometry that edits take place in; empty if there is none."""
    logic = slicer.vtkSlicerSegmentEditorLogic
    return str(logic.GetReferenceImageGeometryStringFromSegmentation(segmentation) or "")


def _deserialized(geometry: str) -> Any | None:
    """An image without voxels in a geometry; None if the text makes none."""
    image = slicer.vtkOrientedImageData()
    converter = slicer.vtkSegmentationConverter
    if not geometry or not converter.DeserializeImageGeometry(geometry, image, False):
        return None
    return None if _extent_box(image).is_empty else image


def _give_geometry(segmentation: Any, to_local: NDArray[np.float64], box: IndexBox) -> str:
    """Make the image's geometry the segmentation's."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(to_local.ravel().tolist())
    converter = slicer.vtkSegmentationConverter
    geometry = str(converter.SerializeImageGeometry(matrix, list(extent_of(box))))
    segmentation.SetConversionParameter(converter.GetReferenceImageGeometryParameterName(), geometry)
    return geometry


def _extent_box(image: Any) -> IndexBox:
    """The extent of an image as a half-open box."""
    i0, i1, j0, j1, k0, k1 = image.GetExtent()
    lower = (i0, j0, k0)
    return IndexBox(lower, (max(i1 + 1, i0), max(j1 + 1, j0), max(k1 + 1, k0)))
