"""Where the Segment Editor's masking lets a segment change, inside one box.

Slicer's own logic works the same out for the whole volume, which takes most of a second on a large one; a
click changes a small box, and only there it matters. The rules are Slicer's, and tests compare the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from LightSegLib.errors import SessionError
from LightSegLib.geometry import IndexBox
from LightSegLib.mrml.segment_voxels import SegmentationGrid, covered_by, voxels_of

_Bools = NDArray[np.bool_]


class EditableArea:
    """The masking settings of a segment editor node for one segment.

    Args:
        editor_node: `vtkMRMLSegmentEditorNode` with editable area and intensity range.
        segmentation_node: where the segments are.
        volume_node: stands in for the editor's source volume while that is not set.
    """

    def __init__(self, editor_node: Any, segmentation_node: Any, volume_node: Any | None) -> None:
        self._editor = editor_node
        self._node = segmentation_node
        self._volume_node = volume_node

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is masked at all."""
        everywhere = self._node.EditAllowedEverywhere
        return self._editor.GetMaskMode() == everywhere and not self._editor.GetSourceVolumeIntensityMask()

    @property
    def is_single(self) -> bool:
        """Whether editing is confined to the inside of one segment."""
        return bool(self._editor.GetMaskMode() == self._node.EditAllowedInsideSingleSegment)

    @property
    def single_segment(self) -> str | None:
        """ID of the one segment editing is confined to, None in every other mode."""
        return (self._editor.GetMaskSegmentID() or None) if self.is_single else None

    def __call__(self, segment_id: str, grid: SegmentationGrid, box: IndexBox) -> _Bools:
        """Bool (K, J, I) of a box of the grid, true where a segment may grow or shrink.

        Raises:
            SessionError: the intensity range has no volume to look at.
        """
        return self._by_segments(segment_id, grid, box) & self._by_intensity(grid, box)

    def _by_segments(self, segment_id: str, grid: SegmentationGrid, box: IndexBox) -> _Bools:
        mode, node = self._editor.GetMaskMode(), self._node
        segmentation = node.GetSegmentation()
        ids = list(segmentation.GetSegmentIDs())
        if mode == node.EditAllowedEverywhere:
            return np.ones(box.shape_ijk[::-1], dtype=bool)
        if mode in (node.EditAllowedInsideVisibleSegments, node.EditAllowedOutsideVisibleSegments):
            ids = [known for known in ids if _is_shown(node, known)]
        elif self.is_single:
            ids = [known for known in ids if known == self._editor.GetMaskSegmentID()]
        outside = mode in (node.EditAllowedOutsideAllSegments, node.EditAllowedOutsideVisibleSegments)
        if outside:
            ids = [known for known in ids if known != segment_id]
        covered = covered_by([segmentation.GetSegment(known) for known in ids], grid, box)
        return ~covered if outside else covered

    def _by_intensity(self, grid: SegmentationGrid, box: IndexBox) -> _Bools:
        if not self._editor.GetSourceVolumeIntensityMask():
            return np.ones(box.shape_ijk[::-1], dtype=bool)
        source = self._editor.GetSourceVolumeNode() or self._volume_node
        if source is None or source.GetImageData() is None:
            raise SessionError(
                "The editable intensity range has no volume to look at",
                "No source volume is chosen in the Segment Editor",
                "Choose one, or turn the editable intensity range off",
            )
        voxels = voxels_of(_aligned(source, self._node, grid.image(box)))
        low, high = self._editor.GetSourceVolumeIntensityMaskRange()
        if voxels.dtype.kind in "iu":  # as vtkImageThreshold, which the editor's preview uses
            limits = np.iinfo(voxels.dtype)
            low, high = (int(np.clip(bound, limits.min, limits.max)) for bound in (low, high))
        inside: _Bools = (voxels >= low) & (voxels <= high)
        return inside


def _is_shown(segmentation_node: Any, segment_id: str) -> bool:
    display = segmentation_node.GetDisplayNode()
    return display is None or bool(display.GetSegmentVisibility(segment_id))


def _aligned(volume_node: Any, segmentation_node: Any, reference: Any) -> Any:
    """The voxels of a volume in the grid of a segmentation, as large as `reference`."""
    source = slicer.vtkOrientedImageData()
    image = volume_node.GetImageData()
    if image.GetNumberOfScalarComponents() > 1:
        extract = vtk.vtkImageExtractComponents()
        extract.SetInputData(image)
        extract.SetComponents(0)
        extract.Update()
        image = extract.GetOutput()
    vtk.vtkImageData.ShallowCopy(source, image)
    to_local = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(to_local)
    source.SetGeometryFromImageToWorldMatrix(to_local)
    between = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        volume_node.GetParentTransformNode(), segmentation_node.GetParentTransformNode(), between
    )
    aligned = slicer.vtkOrientedImageData()
    background = volume_node.GetImageBackgroundScalarComponentAsDouble(0)
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        source, reference, aligned, True, False, between, background
    )
    return aligned
