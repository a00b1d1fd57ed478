"""Slicer's four views without a window: the application's own view managers draw into memory.

Three slice views and the 3D view, as in Slicer's four-up layout, of a scene that lives in slicer-core. It
needs OpenGL without a display, which EGL or OSMesa give, also in software.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk
from PIL import Image, ImageDraw, ImageFont
from vtk.util.numpy_support import vtk_to_numpy

SLICES = {
    "Red": ("Axial", (243, 74, 51)),
    "Green": ("Coronal", (110, 176, 75)),
    "Yellow": ("Sagittal", (237, 213, 76)),
}
THREE_D_COLOR = (116, 116, 186)
MANAGERS_2D = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
)
MANAGERS_3D = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)
GAP, BAR = 4, 22


class _View:
    """A render window in memory with the managers that draw MRML nodes into it."""

    def __init__(self, factory, size: int) -> None:
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(size, size)
        self.renderer = vtk.vtkRenderer()
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._factory = factory

    def follow(self, node) -> None:
        """Draw what a view node or slice node shows."""
        self._managers = self._factory.InstantiateDisplayableManagers(self.renderer)
        self._managers.SetMRMLDisplayableNode(node)

    def pixels(self) -> np.ndarray:
        """uint8 (height, width, 3)."""
        self.window.Render()
        shot = vtk.vtkWindowToImageFilter()
        shot.SetInput(self.window)
        shot.ReadFrontBufferOff()
        shot.Update()
        image = shot.GetOutput()
        width, height, _ = image.GetDimensions()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, :3].copy()


class SliceView(_View):
    """One slice view."""

    def __init__(self, application, scene, factory, name: str, size: int) -> None:
        super().__init__(factory, size)
        orientation, color = SLICES[name]
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application)
        self.logic.SetMRMLScene(scene)
        self.node = self.logic.AddSliceNode(name)
        self.node.SetLayoutColor(*(value / 255 for value in color))
        self.node.SetOrientation(orientation)
        self.node.SetRulerType(self.node.RulerTypeThin)
        self.logic.ResizeSliceNode(size, size)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        image = vtk.vtkActor2D()
        image.SetMapper(self._mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(image)
        self.follow(self.node)

    def show(self, volume_node) -> None:
        """Show a volume, all of it in view."""
        self.logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume_node.GetID())
        self.logic.FitSliceToBackground()

    def pixels(self) -> np.ndarray:
        """uint8 (height, width, 3)."""
        self.logic.UpdatePipeline()
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        return super().pixels()

    def caption(self) -> str:
        """As in the bar of the view in Slicer."""
        axis = {"Axial": "S", "Coronal": "A", "Sagittal": "R"}[self.node.GetOrientation()]
        return f"{self.node.GetOrientation()}   {axis}: {self.logic.GetSliceOffset():.1f} mm"


class ThreeDView(_View):
    """The 3D view."""

    def __init__(self, scene, factory, size: int) -> None:
        super().__init__(factory, size)
        node = scene.AddNode(slicer.vtkMRMLViewNode())
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        self.follow(node)

    def pixels(self) -> np.ndarray:
        """uint8 (height, width, 3), from the front and a little from above, with everything in view."""
        camera = self.renderer.GetActiveCamera()
        camera.SetFocalPoint(0, 0, 0)
        camera.SetPosition(-0.75, 1, 0.55)
        camera.SetViewUp(0, 0, 1)
        self.window.Render()
        self.renderer.ResetCamera()
        camera.Zoom(1.22)
        return super().pixels()


class FourViews:
    """Slicer's four-up layout in memory.

    Args:
        scene: vtkMRMLScene.
        size: width and height of one view in pixels.
    """

    def __init__(self, scene, size: int = 420) -> None:
        application = slicer.vtkSlicerApplicationLogic()
        application.SetMRMLScene(scene)
        colors = slicer.vtkMRMLColorLogic()
        colors.SetMRMLScene(scene)
        markups = slicer.vtkSlicerMarkupsLogic()
        markups.SetMRMLApplicationLogic(application)
        markups.SetMRMLScene(scene)
        application.SetModuleLogic("Markups", markups)
        self._kept = (application, colors, markups)
        slices = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        space = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        for factory, managers in ((slices, MANAGERS_2D), (space, MANAGERS_3D)):
            factory.SetMRMLApplicationLogic(application)
            for manager in managers:
                if not factory.IsDisplayableManagerRegistered(manager):
                    factory.RegisterDisplayableManager(manager)
        self.slices = {name: SliceView(application, scene, slices, name, size) for name in SLICES}
        self.space = ThreeDView(scene, space, size)

    def show(self, volume_node) -> None:
        """Show a volume in the slice views, and the axial slice also in the 3D view."""
        for view in self.slices.values():
            view.show(volume_node)
        self.slices["Red"].node.SetSliceVisible(True)

    def look_at(self, ras) -> None:
        """Move all slices to a position in mm."""
        for view in self.slices.values():
            view.node.JumpSlice(*ras)

    def one(self, name: str) -> np.ndarray:
        """A slice view alone, "Red", "Green" or "Yellow": uint8 (height, width, 3)."""
        return self.slices[name].pixels()

    def picture(self) -> np.ndarray:
        """All four: axial and 3D above, coronal and sagittal below; uint8 (height, width, 3)."""
        red, green, yellow = (
            _titled(view.pixels(), view.caption(), SLICES[name][1]) for name, view in self.slices.items()
        )
        space = _titled(self.space.pixels(), "3D", THREE_D_COLOR)
        return stacked([side_by_side([red, space]), side_by_side([green, yellow])])


def middle(picture: np.ndarray, width: int) -> np.ndarray:
    """A picture without its left and right margins."""
    left = (picture.shape[1] - width) // 2
    return picture[:, left : left + width]


def side_by_side(pictures, captions=None) -> np.ndarray:
    """Pictures of one height in a row, with captions in dark bars above them if given."""
    if captions is not None:
        pictures = [
            _titled(picture, text, (52, 56, 64), (240, 240, 240))
            for picture, text in zip(pictures, captions, strict=True)
        ]
    return _joined(pictures, axis=1)


def stacked(pictures) -> np.ndarray:
    """Pictures of one width above each other."""
    return _joined(pictures, axis=0)


def save(picture: np.ndarray, path: Path) -> None:
    """Write a PNG, small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, optimize=True)


def _joined(pictures, axis: int) -> np.ndarray:
    shape = list(pictures[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 30, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)][:-1]
    return np.concatenate(parts, axis=axis)


def _titled(pixels: np.ndarray, text: str, color, ink=(20, 20, 20)) -> np.ndarray:
    """A picture under a bar with a text."""
    bar = Image.new("RGB", (pixels.shape[1], BAR), color)
    ImageDraw.Draw(bar).text((8, BAR // 2), text, fill=ink, anchor="lm", font=ImageFont.load_default(14))
    return np.concatenate([np.asarray(bar), pixels])
