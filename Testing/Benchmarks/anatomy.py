"""What the phantom is made of: wobbly ellipsoids with the grey values of a contrast-enhanced CT.

Lengths are millimetres from the centre of the field of view; x grows to the patient's left (i), y to the back
(j), z to the head (k). The sizes are roughly those of an adult, and nobody's in particular.
"""

from __future__ import annotations

from dataclasses import dataclass

FIELD_OF_VIEW_MM = (409.6, 409.6, 450.0)
"""Extent along x, y, z: 512 x 512 x 300 voxels of 0.8 x 0.8 x 1.5 mm, or the same space in other voxels."""

AIR, FAT, MUSCLE, BONE = -1000.0, -95.0, 55.0, 480.0
BODY_RADII_MM = (186.0, 128.0)
"""Of the skin, along x and y; the trunk runs through all slices."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Structure:
    """One structure of the phantom.

    Attributes:
        name: what it stands for.
        centre: of the ellipsoid, mm.
        radii: along x, y, z, mm.
        grey: mean value in Hounsfield units.
        texture: standard deviation of the slow variation inside, Hounsfield units.
        wobble: how far the surface leaves the ellipsoid, as a share of the radius.
        lean: how far the centre moves along x and y per mm of z.
    """

    name: str
    centre: Triple
    radii: Triple
    grey: float
    texture: float = 8.0
    wobble: float = 0.06
    lean: tuple[float, float] = (0.0, 0.0)


def _spine() -> tuple[Structure, ...]:
    heights = range(-190, 200, 38)
    return tuple(
        Structure(f"vertebra_{number}", (0, 66, z), (25, 20, 15.5), 330, 70)
        for number, z in enumerate(heights, start=1)
    )


STRUCTURES: tuple[Structure, ...] = (
    Structure("right_lung", (-78, 0, 160), (62, 78, 92), -830, 25),
    Structure("left_lung", (82, 0, 160), (58, 78, 92), -830, 25),
    Structure("heart", (22, -22, 120), (50, 46, 48), 165, 10),
    Structure("right_psoas", (-42, 58, -110), (21, 23, 80), 60, 6, lean=(0.15, -0.1)),
    Structure("left_psoas", (42, 58, -110), (21, 23, 80), 60, 6, lean=(-0.15, -0.1)),
    *_spine(),
    Structure("right_femur_head", (-98, 10, -190), (26, 25, 25), BONE, 60),
    Structure("left_femur_head", (98, 10, -190), (26, 25, 25), BONE, 60),
    Structure("liver", (-76, -8, 36), (74, 76, 56), 112, 9),
    Structure("stomach", (62, -52, 36), (40, 34, 34), 34, 14),
    Structure("spleen", (116, 42, 34), (25, 38, 42), 126, 9),
    Structure("right_kidney", (-66, 54, -52), (26, 28, 50), 188, 22, lean=(-0.12, 0.0)),
    Structure("left_kidney", (70, 50, -36), (25, 28, 50), 192, 22, lean=(0.12, 0.0)),
    Structure("aorta", (10, 33, 10), (11, 11, 190), 235, 6, 0.03, (0.02, -0.01)),
    Structure("pancreas", (44, -2, -14), (44, 12, 13), 98, 10, 0.12),
    Structure("gallbladder", (-44, -66, -26), (15, 19, 23), 8, 4),
    Structure("bladder", (2, -28, -170), (40, 34, 34), 10, 4),
    Structure("liver_tumour", (-98, -22, 42), (17, 15, 16), 62, 10, 0.1),
    Structure("lung_nodule", (-88, 24, 165), (9, 8, 9), 45, 8, 0.1),
    Structure("lymph_node", (26, 16, -100), (7, 6, 9), 88, 5, 0.08),
)
"""In the order they are laid into the body: where two meet, the later one is what is there."""

CLICK_TARGETS = (
    "left_kidney",
    "liver",
    "lymph_node",
    "vertebra_5",
    "aorta",
    "liver_tumour",
    "spleen",
    "lung_nodule",
    "bladder",
    "heart",
    "pancreas",
    "left_femur_head",
)
"""What the benchmark segments, in this order: small and large, bright and faint, round and long."""
