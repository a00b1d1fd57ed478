"""The algebra of half-open index boxes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LightSegLib.errors import GeometryError
from LightSegLib.geometry import IndexBox

REPEATABLE = settings(deadline=None, derandomize=True, max_examples=60)

SHAPE = (7, 6, 5)


@st.composite
def boxes(draw) -> IndexBox:
    """Boxes in and around an image of SHAPE, some of them empty."""
    edges = [sorted(draw(st.tuples(st.integers(-3, 9), st.integers(-3, 9)))) for _ in range(3)]
    return IndexBox(tuple(e[0] for e in edges), tuple(e[1] for e in edges))


def voxels(box: IndexBox) -> set[tuple[int, ...]]:
    """The box as a set, the slow and obvious way."""
    return set(itertools.product(*map(range, box.lower, box.upper)))


@REPEATABLE
@given(boxes(), boxes())
def test_the_intersection_holds_what_both_hold(a, b):
    assert voxels(a.intersect(b)) == voxels(a) & voxels(b)
    assert a.intersect(b).is_empty == (not voxels(a) & voxels(b))


@REPEATABLE
@given(boxes(), boxes())
def test_the_union_is_the_smallest_box_around_both(a, b):
    union = a.union(b)
    assert voxels(union) >= voxels(a) | voxels(b)
    for axis in range(3):
        values = [v[axis] for v in voxels(a) | voxels(b)]
        if values:
            assert (union.lower[axis], union.upper[axis]) == (min(values), max(values) + 1)


@REPEATABLE
@given(boxes())
def test_clipping_keeps_what_lies_inside_the_image(box):
    clipped = box.clip(SHAPE)
    assert voxels(clipped) == voxels(box) & voxels(IndexBox.whole(SHAPE))
    assert all(
        0 <= low <= high <= n for low, high, n in zip(clipped.lower, clipped.upper, SHAPE, strict=True)
    )


@REPEATABLE
@given(boxes(), st.integers(0, 4))
def test_shrinking_takes_back_what_growing_added(box, margin):
    assert box.expand(margin).expand(-margin) == box


@REPEATABLE
@given(boxes())
def test_size_and_contains_agree_with_counting(box):
    inside = voxels(box)
    assert box.size == len(inside)
    around = itertools.product(range(-4, 11), repeat=3)
    assert {v for v in around if box.contains(v)} == inside


@REPEATABLE
@given(boxes())
def test_slices_select_the_box_in_array_order(box):
    box = box.clip(SHAPE)
    mask = np.zeros(SHAPE[::-1], bool)
    mask[box.slices] = True
    assert mask[box.slices].shape == box.shape_ijk[::-1]
    assert {tuple(v[::-1]) for v in np.argwhere(mask).tolist()} == voxels(box)


@REPEATABLE
@given(boxes(), st.sampled_from([bool, np.uint8, np.float32]))
def test_the_box_of_a_mask_that_is_a_box_is_that_box(box, dtype):
    box = box.clip(SHAPE)
    mask = np.zeros(SHAPE[::-1], dtype)
    mask[box.slices] = 1
    assert IndexBox.of_mask(mask) == (None if box.is_empty else box)


def test_the_box_of_a_mask_touches_its_outermost_voxels():
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 4, 2] = mask[3, 0, 6] = True
    assert IndexBox.of_mask(mask) == IndexBox((2, 0, 1), (7, 5, 4))


def test_a_margin_may_differ_by_axis():
    assert IndexBox((2, 2, 2), (4, 4, 4)).expand((0, 1, 2)) == IndexBox((2, 1, 0), (4, 5, 6))


def test_a_box_shrunk_past_nothing_is_empty():
    assert IndexBox((0, 0, 0), (3, 9, 9)).expand(-2).is_empty


def test_corners_become_plain_integers_that_compare_and_hash():
    box = IndexBox(np.array([0, 1, 2]), np.array([3, 4, 5], np.uint8))
    assert box == IndexBox((0, 1, 2), (3, 4, 5))
    assert hash(box) == hash(IndexBox((0, 1, 2), (3, 4, 5)))
    assert all(type(n) is int for n in box.lower + box.upper)


@pytest.mark.parametrize(
    ("lower", "upper", "reason"),
    [
        ((0, 0, 5), (1, 1, 4), "inside out"),
        ((0, 0), (1, 1), "three whole numbers"),
        ((0, 0, 0.5), (1, 1, 1), "three whole numbers"),
        (None, (1, 1, 1), "three whole numbers"),
    ],
)
def test_a_box_without_meaning_is_refused(lower, upper, reason):
    with pytest.raises(GeometryError, match=reason):
        IndexBox(lower, upper)


def test_the_box_of_something_that_is_no_mask_is_refused():
    with pytest.raises(GeometryError, match=r"\(K, J, I\)"):
        IndexBox.of_mask(np.zeros((2, 3), bool))
