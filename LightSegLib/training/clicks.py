"""The simulated user during training: first prompts, corrections of the network's own errors, corrupted
masks.

Positions are samples of the cube in array order. Masks are boolean (D, H, W) NumPy arrays; of slices (H, W),
with positions of two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from LightSegLib.models import guidance as channels


@dataclass
class PromptState:
    """What has been said about one training cube or slice so far."""

    shape: tuple[int, ...]
    positive: list[np.ndarray] = field(default_factory=list)
    negative: list[np.ndarray] = field(default_factory=list)
    box: tuple[np.ndarray, np.ndarray] | None = None
    previous: np.ndarray | None = None

    def draw(self) -> np.ndarray:
        """The guidance channels of a cube, float32 (G, D, H, W)."""
        depth, height, width = self.shape
        drawn = channels.empty_guidance((depth, height, width))
        if self.previous is not None:
            drawn[channels.PREVIOUS] = self.previous
        channels.draw_balls(drawn[channels.POSITIVE], self.positive)
        channels.draw_balls(drawn[channels.NEGATIVE], self.negative)
        if self.box is not None:
            channels.draw_box(drawn[channels.BOX], *self.box)
        return drawn


def first_prompts(target: np.ndarray, random: np.random.Generator) -> PromptState:
    """How an interaction starts: mostly one click, sometimes a box, a scribble or an existing mask."""
    state = PromptState(target.shape)
    kind = random.choice(
        ["click", "box", "box and click", "scribble", "mask"], p=[0.68, 0.08, 0.04, 0.06, 0.14]
    )
    if kind in ("box", "box and click"):
        state.box = loose_box(target, random)
    if kind in ("click", "box and click"):
        state.positive.append(inner_voxel(target, random))
    if kind == "scribble":
        state.positive.extend(scribble(target, random))
    if kind == "mask":
        state.previous = corrupt(target, random).astype(np.float32)
        add_correction(state, target, state.previous > 0.5, random)
    return state


def inner_voxel(region: np.ndarray, random: np.random.Generator, innermost: float = 0.6) -> np.ndarray:
    """A voxel of a region: its innermost one with probability `innermost`, else any, the inside preferred.

    Returns:
        int (3,), array order; (2,) of a slice.
    """
    bounds = ndimage.find_objects(region.astype(np.uint8))[0]
    crop = np.pad(region[bounds], 1)
    depth = ndimage.distance_transform_edt(crop)
    if random.random() < innermost:
        place = np.unravel_index(int(np.argmax(depth)), depth.shape)
    else:
        voxels = np.argwhere(depth >= min(depth.max(), random.uniform(0, 0.6) * depth.max() + 0.5))
        place = tuple(voxels[random.integers(len(voxels))])
    return np.array([p - 1 + s.start for p, s in zip(place, bounds, strict=True)])


def add_correction(
    state: PromptState, target: np.ndarray, mask: np.ndarray, random: np.random.Generator
) -> bool:
    """Click into an error, usually the largest connected one; False where there is none.

    Args:
        state: extended in place.
        target: the truth.
        mask: the current answer.
        random: source of all randomness.
    """
    errors = target != mask
    if not errors.any():
        return False
    sizes: list[int] = []
    candidates: list[tuple[np.ndarray, bool]] = []
    for missed in (True, False):
        components, count = ndimage.label(errors & (target == missed))
        if count == 0:
            continue
        counts = np.bincount(components.ravel())
        counts[0] = 0
        chosen = int(counts.argmax())
        sizes.append(int(counts[chosen]))
        candidates.append((components == chosen, missed))
    pick = int(np.argmax(sizes)) if random.random() < 0.85 else int(random.integers(len(sizes)))
    best, missed = candidates[pick]
    click = inner_voxel(best, random, innermost=0.75)
    (state.positive if missed else state.negative).append(click)
    return True


def loose_box(target: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The object's bounding box, each side off by up to a tenth of the extent:
    lower and last sample inside.
    """
    bounds = ndimage.find_objects(target.astype(np.uint8))[0]
    lower = np.array([s.start for s in bounds], dtype=np.float64)
    upper = np.array([s.stop - 1 for s in bounds], dtype=np.float64)
    slack = 0.1 * (upper - lower + 1)
    before, behind = (random.uniform(-0.5, 1, target.ndim) for _ in range(2))
    return lower - before * slack, upper + behind * slack


def scribble(target: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
    """A free-hand line inside the object in one plane: a few neighbouring voxels of a random slice."""
    start = inner_voxel(target, random, innermost=0.3)
    across = int(random.integers(3)) if target.ndim == 3 else None
    points = [start]
    heading = random.uniform(0, 2 * np.pi)
    place = start.astype(np.float64)
    plane = [axis for axis in range(target.ndim) if axis != across]
    for _ in range(int(random.integers(4, 16))):
        heading += random.normal(0, 0.4)
        place[plane[0]] += 2 * np.cos(heading)
        place[plane[1]] += 2 * np.sin(heading)
        voxel = np.round(place).astype(int)
        if np.any(voxel < 0) or np.any(voxel >= target.shape) or not target[tuple(voxel)]:
            break
        points.append(voxel)
    return points


def corrupt(target: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A plausible wrong mask: grown, shrunk, shifted, cut, or with a false blob."""
    mask = target.copy()
    kind = random.choice(["grow", "shrink", "shift", "cut", "blob"])
    if kind == "grow":
        mask = ndimage.binary_dilation(mask, iterations=int(random.integers(1, 5)))
    elif kind == "shrink":
        shrunk = ndimage.binary_erosion(mask, iterations=int(random.integers(1, 4)))
        mask = shrunk if shrunk.any() else mask
    elif kind == "shift":
        # Not rolled: what leaves the cube on one side must not come back on the other.
        mask = ndimage.shift(mask.astype(np.uint8), random.integers(-4, 5, target.ndim), order=0).astype(bool)
    else:
        places = np.argwhere(ndimage.binary_dilation(target, iterations=4) if kind == "blob" else target)
        centre = places[random.integers(len(places))]
        radius = random.uniform(0.05, 0.2) * target.shape[0]
        axes = np.ogrid[tuple(slice(0, n) for n in target.shape)]
        ball = sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) < radius**2
        mask = mask | ball if kind == "blob" else mask & ~ball
    return mask
