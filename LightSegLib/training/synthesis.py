"""Synthetic targets: so that the model learns "what belongs to this click" and not a handful of organs.

Three kinds, all float32 (D, H, W) tensors, or (H, W) for slices:

* new contrasts over a label map: every label and every intensity cluster of the background gets a random
grey value;
* supervoxels: a region of a real image that is homogeneous at some scale becomes the target;
* shapes: ellipsoids, tubes and boxes bent by smooth noise, in a textured world of other shapes.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from LightSegLib.training.appearance import LINEAR, pooled, smooth_noise


def recolour(image: Tensor, labels: Tensor, random: np.random.Generator) -> Tensor:
    """Give every label and background cluster a random grey value, with some of the true texture left.

    Args:
        image: (D, H, W), 0 to 1.
        labels: int64 (D, H, W).
        random: source of all randomness.

    Returns:
        A new image, (D, H, W), 0 to 1.
    """
    smooth = _smoothed(image)
    clusters = int(random.integers(2, 6))
    edges = torch.from_numpy(np.sort(random.uniform(0.05, 0.95, clusters - 1)).astype(np.float32))
    regions = torch.where(labels > 0, labels + clusters, torch.bucketize(smooth, edges))
    count = int(regions.max()) + 1
    grey = torch.from_numpy(random.uniform(0, 1, count).astype(np.float32))
    texture = torch.from_numpy(random.uniform(0, 1.2, count).astype(np.float32))
    painted = grey[regions] + texture[regions] * (image - smooth)
    painted = _smoothed(painted)
    keep = float(random.choice([0.0, 0.3]))
    noise = smooth_noise(image.shape[0], 24, random, image.dim())
    return (keep * image + (1 - keep) * painted + 0.02 * noise).clamp(0, 1)


def supervoxel(image: Tensor, random: np.random.Generator) -> Tensor | None:
    """A region of the image that is homogeneous at a random scale, float32 (D, H, W), or None if none fits.

    The image is smoothed and quantised at half resolution; the target is the connected component around a
    random voxel, opened and smoothed, of about 0.3 to 30 per cent of the cube.
    """
    half = pooled(image, 2).numpy()
    smooth = ndimage.gaussian_filter(half, random.uniform(0.7, 2.5))
    levels = np.quantile(smooth, np.sort(random.uniform(0, 1, int(random.integers(2, 6)))))
    quantised = np.digitize(smooth, levels)
    for _ in range(4):
        seed = tuple(int(v) for v in random.integers(half.shape[0] // 8, half.shape[0] * 7 // 8, half.ndim))
        same = ndimage.binary_opening(quantised == quantised[seed])
        components, _count = ndimage.label(same)
        if components[seed] == 0:
            continue
        region = ndimage.binary_fill_holes(components == components[seed])
        if 0.003 < region.mean() < 0.3:
            soft = ndimage.gaussian_filter(region.astype(np.float32), 0.8)
            full = functional.interpolate(
                torch.from_numpy(soft)[None, None], size=tuple(image.shape), mode=LINEAR[image.dim()]
            )
            return _largest_part(full[0, 0].numpy() > 0.5)
    return None


def _largest_part(mask: np.ndarray) -> Tensor:
    """The largest connected part, float32: smoothing may have cut a thin neck."""
    parts, _count = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return torch.from_numpy((parts == sizes.argmax()) & mask).float()


def shape_world(size: int, random: np.random.Generator, axes: int = 3) -> tuple[Tensor, Tensor]:
    """A world of shapes and one of them as target: image (D, H, W) 0 to 1, target 0 or 1.

    With two axes, a flat world: (H, W) each.
    """
    axis = torch.linspace(-1, 1, size)
    grid = torch.stack(torch.meshgrid(*[axis] * axes, indexing="ij"))
    bend = torch.stack([smooth_noise(size, int(random.integers(3, 9)), random, axes) for _ in range(axes)])
    grid = grid + float(random.uniform(0, 0.2)) * bend
    backdrop = smooth_noise(size, int(random.integers(2, 7)), random, axes)
    world = torch.bucketize(backdrop, torch.from_numpy(np.sort(random.normal(size=3)).astype(np.float32)))
    count = int(random.integers(2, 12))
    chosen = int(random.integers(max(0, count - 3), count))
    target = torch.zeros((size,) * axes)
    for number in range(count):
        shape = _shape(grid, number == chosen, random)
        if random.random() < 0.3 and number != chosen:
            shape = shape & (target == 0)
        world = torch.where(shape, number + 4, world)
        target = shape.float() if number == chosen else target * (~shape)
    grey = torch.from_numpy(random.uniform(0, 1, count + 4).astype(np.float32))
    rough = torch.from_numpy((random.uniform(0, 0.12, count + 4) * random.integers(0, 2)).astype(np.float32))
    texture = smooth_noise(size, int(random.integers(12, 40)), random, axes)
    image = grey[world] + rough[world] * texture
    if random.random() < 0.7:
        image = _smoothed(image)
    return image.clamp(0, 1), target


def _smoothed(image: Tensor) -> Tensor:
    """Mean over 3 samples along each axis, at the rim over those that exist: padded zeros would darken it."""
    return pooled(image, 3, stride=1, padding=1, count_include_pad=False)


def _shape(grid: Tensor, is_target: bool, random: np.random.Generator) -> Tensor:
    """An ellipsoid, box, tube or shell as a boolean (D, H, W), or one cut through it as (H, W); a target lies
    near the middle.

    Args:
        grid: (A, ...), the coordinates of every place along its A axes, -1 to 1.
        is_target: whether it is to be segmented.
        random: source of all randomness.
    """
    axes = len(grid)
    spread = (axes, *[1] * axes)
    middle = random.uniform(-0.25, 0.25, axes).astype(np.float32)
    centre = torch.from_numpy(middle) * (1.0 if is_target else 4.0)
    basis = torch.from_numpy(np.linalg.qr(random.normal(size=(axes, axes)))[0].astype(np.float32))
    local = torch.einsum("ab,b...->a...", basis, grid - centre.view(spread))
    radii = torch.from_numpy(np.exp(random.uniform(np.log(0.12), np.log(0.7), axes)).astype(np.float32))
    kind = random.choice(["ellipsoid", "box", "tube", "shell"], p=[0.5, 0.15, 0.2, 0.15])
    if kind == "tube":
        wave = float(random.uniform(0, 0.3)) * torch.sin(local[0] * float(random.uniform(1, 5)))
        across = (local[1] + wave) ** 2
        for offset in local[2:]:
            across = across + offset**2
        return across < float(random.uniform(0.08, 0.25)) ** 2
    scaled = local / radii.view(spread)
    if kind == "box":
        return scaled.abs().amax(dim=0) < 0.8
    square = (scaled**2).sum(dim=0)
    if kind == "shell":
        return (square < 1) & (square > float(random.uniform(0.2, 0.6)))
    return square < 1
