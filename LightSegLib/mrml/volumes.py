"""Volume nodes as the library's volumes: voxels without a copy, placed in the world.

A node says where its voxels are in its own frame; the transforms it stands under move it in the world, where
markups, slice views and segmentations meet. Linear transforms end up in the affine. What no affine can say is
refused, with what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from LightSegLib.errors import GeometryError, LightSegError, VolumeError
from LightSegLib.geometry import Volume

__all__ = ["VolumeStamp", "volume_from_node", "why_not_usable"]

_HARDEN = "Apply it to the voxels: Transforms module, volume in the Transformed list, button Harden transform"
_STRAIGHTEN = (
    "Resample the volume to a straight grid first, with the Resample Scalar/Vector/DWI Volume module"
)


def volume_from_node(node: Any) -> Volume:
    """The image of a scalar volume node, in the world.

    Args:
        node: a `vtkMRMLScalarVolumeNode`, also one that a sequence browser fills.

    Returns:
        A `Volume` whose (K, J, I) array is a view of the node's voxels; it stays valid when the node is
        removed from the scene. Its affine leads from voxel indices, counted from the first voxel, to RAS in
        the world, all parent transforms included.

    Raises:
        VolumeError: no node, no voxels, or a node that is not one image with one number per voxel: a label
            map, a vector or tensor volume, a sequence, a segmentation.
        GeometryError: a transform above it is not linear, or its axes are not at right angles in the world.
    """
    _require_image(node)
    image = node.GetImageData()
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or image.GetNumberOfPoints() == 0:
        raise VolumeError(
            f"The volume {_named(node)} holds no image",
            "It has no voxels",
            "Load its file, or choose another volume",
        )
    components = scalars.GetNumberOfComponents()
    if components != 1:
        raise _several_values(node, components)
    array = vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])
    return _placed(array, node, image.GetExtent())


def why_not_usable(node: Any) -> LightSegError | None:
    """Why a node cannot be segmented, as an error that says what to do, or None for a usable volume.

    Looks at kind, size and place of the node, not at its voxels; it costs less than a millisecond.
    """
    try:
        volume_from_node(node)
    except LightSegError as error:
        return error
    return None


@dataclass(frozen=True, init=False)
class VolumeStamp:
    """The state of a volume node's voxels and place; it holds numbers, not the node.

    Two stamps are equal while neither voxels nor place changed in between: take one when a session gets its
    image, and compare it with a fresh one to learn whether the image is out of date. Names, window and level,
    and where the node stands in the scene do not count.

    Args:
        node: a volume node, usable or not, or None.
    """

    voxels: tuple[int, ...]
    """Modification times of image and voxels. VTK gives no time twice, so they also tell images apart."""
    place: tuple[float, ...]
    """The affine from voxel index to world, row by row, or what is known where there is none."""

    def __init__(self, node: Any) -> None:
        object.__setattr__(self, "voxels", _voxel_times(node))
        object.__setattr__(self, "place", _place(node))


def _require_image(node: Any) -> None:
    """Refuse what is not a node with one image."""
    if node is None:
        raise VolumeError("No volume is chosen", "", "Choose the image to segment as the source volume")
    if not isinstance(node, slicer.vtkMRMLNode):
        raise VolumeError(f"A {type(node).__name__} is not a volume of the scene")
    if node.IsA("vtkMRMLSequenceNode"):
        raise _sequence(node)
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise VolumeError(
            f"The volume {_named(node)} is a label map, not an image",
            "Its values are numbers of structures, which show no borders",
            "Choose the image it was drawn on; import the label map as a segmentation to go on from it",
        )
    if node.IsA("vtkMRMLVectorVolumeNode") or node.IsA("vtkMRMLTensorVolumeNode"):
        raise _several_values(node, 0)
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise VolumeError(
            f"{_named(node)} is not an image",
            f"It is a node of the kind {node.GetNodeTagName()}",
            "Choose a scalar volume",
        )


def _sequence(node: Any) -> VolumeError:
    """What to do with a sequence: choose the volume that shows its current item, named if there is one."""
    proxy = None
    scene = node.GetScene()
    if scene is not None:
        browsers = [
            scene.GetNthNodeByClass(n, "vtkMRMLSequenceBrowserNode")
            for n in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode"))
        ]
        proxy = next(filter(None, (browser.GetProxyNode(node) for browser in browsers)), None)
    return VolumeError(
        f"{_named(node)} is a sequence, not one image",
        "A segment belongs to one image",
        f"Choose {_named(proxy)}, the volume that shows the sequence's current item"
        if proxy is not None
        else "Open it in the Sequences module and choose the volume that shows its current item",
    )


def _several_values(node: Any, components: int) -> VolumeError:
    return VolumeError(
        f"The volume {_named(node)} holds several numbers per voxel",
        f"It has {components} components, as color and vector images have"
        if components
        else f"It is a node of the kind {node.GetNodeTagName()}",
        "Make a volume with one number per voxel from it first, with the Vector to Scalar Volume module",
    )


def _placed(array: NDArray[Any], node: Any, extent: tuple[int, ...]) -> Volume:
    """The volume in the world, or an error that names the transform that spoils it."""
    to_world = _to_world(node)
    if to_world is None:
        raise GeometryError(
            f"The volume {_named(node)} stands under the transform {_named(node.GetParentTransformNode())}, "
            "which is not linear",
            "A warped image has no straight grid of voxels",
            _HARDEN,
        )
    own = _own_matrix(node, extent)
    straight = Volume(array, own)
    if np.array_equal(to_world, np.eye(4)):
        return straight
    try:
        return Volume(array, to_world @ own)
    except GeometryError as error:
        transform = _named(node.GetParentTransformNode())
        what = f"The volume {_named(node)} cannot be used under the transform {transform}"
        raise GeometryError(
            what, f"{error.what}. {error.why}", f"{_STRAIGHTEN}, or undo the transform"
        ) from error


def _own_matrix(node: Any, extent: tuple[int, ...]) -> NDArray[np.float64]:
    """Index, counted from the first voxel, to the node's own frame."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    own = _as_array(matrix)
    # A cropped image may count its voxels from another number than 0; arrays always start at 0.
    own[:3, 3] += own[:3, :3] @ np.array(extent[::2], np.float64)
    return own


def _to_world(node: Any) -> NDArray[np.float64] | None:
    """The node's own frame to world; None when a transform above it is not linear."""
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    if not transform.IsTransformToWorldLinear():
        return None
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return _as_array(matrix)


def _as_array(matrix: Any) -> NDArray[np.float64]:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)], np.float64)


def _voxel_times(node: Any) -> tuple[int, ...]:
    image = None if node is None or not node.IsA("vtkMRMLVolumeNode") else node.GetImageData()
    if image is None:
        return ()
    scalars = image.GetPointData().GetScalars()
    return (image.GetMTime(), 0 if scalars is None else scalars.GetMTime())


def _place(node: Any) -> tuple[float, ...]:
    image = None if node is None or not node.IsA("vtkMRMLVolumeNode") else node.GetImageData()
    if image is None:
        return ()
    own = _own_matrix(node, image.GetExtent())
    to_world = _to_world(node)
    if to_world is None:
        return (*own.ravel().tolist(), float(node.GetParentTransformNode().GetTransformToWorldMTime()))
    return tuple((to_world @ own).ravel().tolist())


def _named(node: Any) -> str:
    return f'"{node.GetName() or node.GetID()}"'
