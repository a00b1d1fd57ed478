"""A picture of a mask: axial, coronal and sagittal plane through the first click, at true proportions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LightSegLib.errors import CapabilityError, ImageFileError, VolumeError
from LightSegLib.evaluation.planes import anatomical_planes
from LightSegLib.geometry import IndexBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from LightSegLib.evaluation.planes import Plane
    from LightSegLib.geometry import Volume
    from LightSegLib.prompts import Point

Array = npt.NDArray[Any]

Colour = tuple[int, int, int]

_MASK_COLOUR: Colour = (255, 176, 0)
_TRUTH_COLOUR: Colour = (64, 196, 255)
_POSITIVE_COLOUR: Colour = (0, 230, 118)
_NEGATIVE_COLOUR: Colour = (255, 48, 48)
_TINT = 0.2
_RIM_VOXELS = 4  # around the mask, for the grey window
_NEAR_MM = 3.0  # clicks this close to the plane are drawn solid, others faint
_WIDTH, _MARGIN, _TITLE = 1400, 12, 30  # pixels: of the whole picture, between the planes, per line of text
_ARM = 8  # pixels from the middle of a click's sign to its tip


def write_overlay(
    volume: Volume,
    mask: Array,
    clicks: Sequence[Point],
    path: str | Path,
    truth: Array | None = None,
    title: str = "",
) -> Path:
    """Write a PNG with three planes, the mask's outline and tint, and the clicks (green plus, red cross).

    Args:
        volume: the image; of several channels the first is shown, with a grey window that suits what
            lies around the mask.
        mask: what to show on it, (K, J, I) on the volume's grid.
        clicks: the clicks in order; the planes go through the first. Clicks off a plane are drawn faint.
            Without clicks the planes go through the middle of the mask, or of the volume.
        path: the PNG file; its folder is made.
        truth: a second outline to compare with, dashed blue.
        title: a line above the planes.

    Returns:
        The path written.

    Raises:
        VolumeError: a mask has another shape than the volume.
        CapabilityError: Pillow is not installed.
        ImageFileError: the file cannot be written.
    """
    for name, other in (("mask", mask), ("truth", truth)):
        if other is not None and np.shape(other) != volume.channel(0).shape:
            raise VolumeError(
                f"The {name} has the shape {np.shape(other)}, the image {volume.channel(0).shape}",
                "Both must be (K, J, I) on the same grid",
            )
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise CapabilityError(
            "The overlay picture cannot be drawn",
            f"Pillow cannot be imported ({error})",
            "Run `pip install pillow`.",
        ) from error
    masks = [np.asarray(each).astype(bool, copy=False) for each in (mask, truth) if each is not None]
    return _save(_compose(volume, masks, clicks, title), Path(path))


def _compose(
    volume: Volume, masks: Sequence[npt.NDArray[np.bool_]], clicks: Sequence[Point], title: str
) -> Image:
    """Lay the three planes side by side under their names, the clicks on top."""
    from PIL import Image, ImageDraw, ImageFont

    centre = _centre(volume, masks[0], clicks)
    window = _window(volume.channel(0), masks[0])
    planes = anatomical_planes(volume.ijk_to_ras)
    sizes = _panel_sizes(volume, planes)
    top = _MARGIN + _TITLE * (2 if title else 1)
    canvas = Image.new("RGB", (_WIDTH, top + max(height for _, height in sizes) + _MARGIN))
    draw, font = ImageDraw.Draw(canvas, "RGBA"), ImageFont.load_default(size=17)
    if title:
        draw.text((_WIDTH // 2, _MARGIN + _TITLE // 2), title, "white", font, anchor="mm")
    left = _MARGIN
    for plane, size in zip(planes, sizes, strict=True):
        panel = _paint_panel(plane, size, volume, centre[plane.normal], window, masks)
        canvas.paste(Image.fromarray(panel), (left, top))
        name = f"{plane.name}, {'ijk'[plane.normal]} = {centre[plane.normal]}"
        draw.text((left + size[0] // 2, top - _TITLE // 2), name, "white", font, anchor="mm")
        _draw_letters(draw, font, plane.letters, (left, top), size)
        for number, click in enumerate(clicks, start=1):
            away = abs(click.ijk[plane.normal] - centre[plane.normal]) * volume.spacing_ijk[plane.normal]
            column, row = plane.place(click.ijk, volume.shape_ijk)
            x = left + (column + 0.5) * size[0] / volume.shape_ijk[plane.right]
            y = top + (row + 0.5) * size[1] / volume.shape_ijk[plane.down]
            _draw_click(draw, font, (x, y), str(number), click.positive, faint=away > _NEAR_MM)
        left += size[0] + _MARGIN
    return canvas


def _paint_panel(
    plane: Plane,
    size: tuple[int, int],
    volume: Volume,
    index: int,
    window: tuple[float, float],
    masks: Sequence[npt.NDArray[np.bool_]],
) -> npt.NDArray[np.uint8]:
    """Return one plane with its masks, uint8 (rows, columns, 3): the first tinted, the second dashed."""
    grey = _resized(_grey(plane.cut(volume.channel(0), index), window), size, smooth=True)
    picture = np.repeat(grey[..., None], 3, axis=2)
    _paint_mask(picture, plane.cut(masks[0], index), _MASK_COLOUR, _TINT, dashed=False)
    for other in masks[1:]:
        _paint_mask(picture, plane.cut(other, index), _TRUTH_COLOUR, 0.0, dashed=True)
    return picture


def _save(canvas: Image, target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        canvas.save(target, format="PNG")
    except OSError as error:
        raise ImageFileError(
            f"Cannot write the picture {target}", str(error), "Choose another file or folder."
        ) from error
    return target


def _panel_sizes(volume: Volume, planes: Sequence[Plane]) -> list[tuple[int, int]]:
    """Return (width, height) of the panels in pixels: one scale in mm, together as wide as the picture."""
    lengths = [count * mm for count, mm in zip(volume.shape_ijk, volume.spacing_ijk, strict=True)]
    scale = (_WIDTH - (len(planes) + 1) * _MARGIN) / sum(lengths[plane.right] for plane in planes)
    return [
        (max(1, int(lengths[plane.right] * scale)), max(1, int(lengths[plane.down] * scale)))
        for plane in planes
    ]


def _grey(picture: Array, window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Map values of a window to 0 to 255; what is not a number is black."""
    scaled = (picture.astype(np.float32) - window[0]) / (window[1] - window[0])
    grey: npt.NDArray[np.uint8] = (np.nan_to_num(scaled).clip(0, 1) * 255).astype(np.uint8)
    return grey


def _resized(picture: npt.NDArray[np.uint8], size: tuple[int, int], smooth: bool) -> npt.NDArray[np.uint8]:
    """Return a picture (rows, columns) at a size (width, height) in pixels."""
    from PIL import Image

    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.array(Image.fromarray(np.ascontiguousarray(picture)).resize(size, how))


def _paint_mask(
    picture: npt.NDArray[np.uint8], shape: npt.NDArray[np.bool_], colour: Colour, tint: float, dashed: bool
) -> None:
    """Tint a mask's inside and draw its outline along the voxel borders, in place.

    Args:
        picture: the panel, uint8 (rows, columns, 3).
        shape: the mask in this plane at voxel resolution.
        colour: of tint and outline.
        tint: strength of the tint, 0 to 1.
        dashed: whether the outline has gaps.
    """
    from scipy.ndimage import binary_erosion

    rows, columns = picture.shape[:2]
    inside = _resized(shape.astype(np.uint8), (columns, rows), smooth=False) > 0
    outline = inside & ~binary_erosion(inside, iterations=2)
    if dashed:
        y, x = np.ogrid[:rows, :columns]
        outline &= (x + y) // 8 % 2 == 0
    mixed = picture[inside] * (1 - tint) + np.array(colour) * tint
    picture[inside] = mixed.astype(np.uint8)
    picture[outline] = colour


def _draw_letters(draw: Any, font: Any, letters: str, corner: tuple[int, int], size: tuple[int, int]) -> None:
    """Write what lies at the left, right, top and bottom edge of a panel."""
    (left, top), (width, height) = corner, size
    middle, centre = height // 2, width // 2
    places = [(6, middle, "lm"), (width - 6, middle, "rm"), (centre, 4, "ma"), (centre, height - 4, "md")]
    for letter, (x, y, anchor) in zip(letters, places, strict=True):
        draw.text(
            (left + x, top + y), letter, "white", font, anchor=anchor, stroke_width=2, stroke_fill="black"
        )


def _draw_click(
    draw: Any, font: Any, at: tuple[float, float], label: str, positive: bool, faint: bool
) -> None:
    """Draw a green plus or a red cross with its number."""
    x, y = at
    alpha = 110 if faint else 255
    across = ((-_ARM, 0, _ARM, 0), (0, -_ARM, 0, _ARM))
    lines = across if positive else ((-_ARM, -_ARM, _ARM, _ARM), (-_ARM, _ARM, _ARM, -_ARM))
    colour = _POSITIVE_COLOUR if positive else _NEGATIVE_COLOUR
    # A dark rim first: a thin bright sign is lost on bright bone.
    for stroke, width in (((0, 0, 0, alpha), 6), ((*colour, alpha), 3)):
        for x0, y0, x1, y1 in lines:
            draw.line((x + x0, y + y0, x + x1, y + y1), fill=stroke, width=width)
    ink = (
        tuple(value * 6 // 10 for value in colour) if faint else colour
    )  # see-through letters blur their rim
    draw.text((x + _ARM, y - _ARM), label, ink, font, anchor="ls", stroke_width=2, stroke_fill="black")


def _centre(volume: Volume, mask: npt.NDArray[np.bool_], clicks: Sequence[Point]) -> tuple[int, int, int]:
    """Return the voxel (IJK) that the planes go through."""
    if clicks:
        return clicks[0].ijk
    if mask.any():
        k, j, i = (int(np.median(index)) for index in np.nonzero(mask))
        return i, j, k
    i, j, k = (length // 2 for length in volume.shape_ijk)
    return i, j, k


def _window(image: Array, mask: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the grey window: most values on the mask and a rim around it, and half as much beyond.

    Bone and air farther off do not count, which leaves the contrast to the structure's border.
    """
    from scipy.ndimage import binary_dilation

    box = IndexBox.of_mask(mask)
    if box is None:
        sample = image[:: max(1, image.shape[0] // 64)].ravel()
    else:
        around = box.expand(_RIM_VOXELS).clip(mask.shape[::-1]).slices
        sample = image[around][binary_dilation(mask[around], iterations=_RIM_VOXELS)]
    sample = sample[:: max(1, sample.size // 500_000)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return 0.0, 1.0
    low, high = np.percentile(sample, (3, 97)).tolist()
    if low == high:
        return float(sample.min()), max(float(sample.max()), float(sample.min()) + 1e-6)
    return low - (high - low) / 2, high + (high - low) / 2
